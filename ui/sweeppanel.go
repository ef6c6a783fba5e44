package ui

import (
	"fmt"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// sweepColumn is a column of the heat map: what is compared.
type sweepColumn struct {
	head  string
	ratio func(*sweep.Result) *profiler.Ratio
}

// sweepColumns are the stages that have a switch, and the layer with each tuple.
func sweepColumns() []sweepColumn {
	stage := func(s profiler.Stage) sweepColumn {
		return sweepColumn{s.String(), func(r *sweep.Result) *profiler.Ratio { return r.Stage(s).Ratio }}
	}
	layer := func(mask profiler.ESMask) sweepColumn {
		return sweepColumn{shortTuple(mask), func(r *sweep.Result) *profiler.Ratio { return r.Layer.Ratio(mask) }}
	}
	return []sweepColumn{
		stage(profiler.Up), stage(profiler.Down), layer(profiler.ESUp), layer(profiler.ESDown), layer(profiler.ESBoth),
	}
}

// Widths of the map.
const (
	sweepTokens  = 8
	sweepCell    = 9  // the least
	sweepWide    = 12 // where there is room
	sweepDeploy  = 15
	sweepMapHead = 3 // lines: progress, and the columns' names
	sweepTimes   = 17
)

// sweepPanel is the heat map of a sweep: a line for each number of tokens.
type sweepPanel struct {
	scene
	state sweepState
}

func (p sweepPanel) draw(area grid.Area, compact bool) {
	if p.state.onForm() {
		p.state.form.draw(framed(area, p.glyphs, compact, "Sweep", "what to deploy, by the size of the batch"), p.scene)
		return
	}
	u := p.state.shown
	inner := framed(area, p.glyphs, compact, p.title(), p.caption())
	p.drawProgress(inner.Line(0))
	tokens := u.Plan.Tokens
	body := inner.Sub(grid.Rect{Y: sweepMapHead, W: inner.Width(), H: p.mapHeight(inner.Height())})
	cell := p.cellWidth(inner.Width())
	p.drawHead(inner.Sub(grid.Rect{Y: 1, W: inner.Width(), H: sweepMapHead - 1}), cell)
	first := firstLaunch(p.state.row, body.Height(), len(tokens))
	for y := range min(body.Height(), len(tokens)-first) {
		p.drawPoint(body.Line(y), first+y, cell)
	}
	p.drawBelow(inner.Sub(grid.Rect{
		Y: sweepMapHead + min(body.Height(), len(tokens)), W: inner.Width(), H: inner.Height() - sweepMapHead - len(tokens),
	}))
}

// mapHeight is how many points the panel shows.
func (p sweepPanel) mapHeight(height int) int { return max(height-sweepMapHead, 0) }

func (p sweepPanel) cellWidth(width int) int {
	if width >= sweepTokens+len(sweepColumns())*sweepWide+sweepDeploy {
		return sweepWide
	}
	return sweepCell
}

func (p sweepPanel) title() string {
	plan := p.state.shown.Plan
	name := plan.Models[0]
	if w, err := profiler.ParseModel(name); err == nil {
		name = w.Title()
	}
	title := "Sweep of " + name + ", " + plan.Routings[0].String()
	if !p.cpu() {
		// The session may run others by now, and its header says so.
		title += ", " + plan.Kernels[0]
	}
	return title
}

func (p sweepPanel) caption() string {
	text := "off/on: above 1 ES is faster"
	if d := p.state.shown.Document; d != nil && d.Engine == "cpu" {
		text += "; CPU REFERENCE, says nothing about a GPU"
	}
	return text
}

// drawProgress says where the sweep stands.
func (p sweepPanel) drawProgress(area grid.Area) {
	u := p.state.shown
	done, total := u.finished()
	word, style := map[SweepState]string{
		SweepMakingRoom: "making room", SweepRunning: "running", SweepStopped: "stopped", SweepDone: "done", SweepFailed: "FAILED",
	}[u.State], styleTitle
	switch u.State {
	case SweepStopped:
		style = styleWarn
	case SweepFailed:
		style = styleBad
	case SweepDone:
		style = styleGood
	case SweepMakingRoom, SweepRunning:
	}
	const bar = 20
	x := area.Print(0, 0, word, style) + 1
	if area.Width() >= standardWidth-2 {
		chart.Gauge{Fill: styleFill, Track: styleTrack, ASCII: p.opts.ASCII}.
			Draw(area, x, 0, bar, float64(done)/float64(max(total, 1)))
		x += bar + 1
	}
	x = area.Print(x, 0, fmt.Sprintf("%d of %s", done, counted(total, "point")), styleStrong)
	text := ""
	switch u.State {
	case SweepRunning:
		text = leftText(u)
	case SweepStopped:
		text = "; x goes on"
		if done > 0 {
			text += ", s saves what there is"
		}
	case SweepDone:
		text = "; s saves it, x chooses another"
	case SweepFailed:
		text = ": " + u.Problem
	case SweepMakingRoom:
		text = "; the session's worker is being ended"
	}
	area.Print(x, 0, text, styleMuted)
}

// leftText is the time that the sweep still takes, as far as it is known.
func leftText(u *SweepUpdate) string {
	if u.State != SweepRunning || u.Progress.Left <= 0 {
		return ""
	}
	return ", " + u.Progress.Left.Round(time.Second).String() + " left"
}

func (p sweepPanel) drawHead(area grid.Area, cell int) {
	area.Print(sweepTokens+1, 0, "stage, off/on", styleMuted)
	area.Print(sweepTokens+numSweepStages*cell+1, 0, "whole layer, (F,F)/tuple", styleMuted)
	area.PrintRight(sweepTokens-1, 1, "tokens", styleMuted)
	x := sweepTokens
	for i, c := range sweepColumns() {
		style := styleMuted
		if i == p.state.column {
			style = styleTitle
		}
		area.PrintRight(x+cell-3, 1, c.head, style)
		x += cell
	}
	area.Print(x+1, 0, "what to deploy", styleMuted)
	area.Print(x+1, 1, "enable_es", styleMuted)
	x += sweepDeploy
	for _, stage := range []profiler.Stage{profiler.Up, profiler.Down} {
		if x+sweepTimes > area.Width() {
			return
		}
		area.PrintRight(x+sweepTimes-1, 1, stage.String()+" off→on µs", styleMuted)
		x += sweepTimes
	}
}

// numSweepStages is how many of the map's columns are stages; the others are the layer.
const numSweepStages = 2

// drawPoint draws one number of tokens.
func (p sweepPanel) drawPoint(area grid.Area, row, cell int) {
	u := p.state.shown
	tokens := u.Plan.Tokens[row]
	style := styleText
	if row == p.state.row {
		style = styleTitle
		area.Print(0, 0, ">", style)
	}
	area.PrintRight(sweepTokens-1, 0, grouped(int64(tokens)), style)
	r := u.result(tokens)
	rest := area.Sub(grid.Rect{X: sweepTokens, W: area.Width() - sweepTokens, H: 1})
	switch {
	case r == nil && u.State == SweepRunning && u.Progress.Point.Tokens == tokens:
		p.drawRunning(rest, cell)
		return
	case r == nil:
		rest.Print(cell-2, 0, none, styleMuted)
		return
	case r.Status == sweep.OutOfMemory:
		rest.Print(1, 0, "does not fit into the memory", styleWarn)
		return
	case r.Status != sweep.OK:
		rest.Print(1, 0, "failed: "+r.Error, styleBad)
		return
	}
	x := 0
	for i, c := range sweepColumns() {
		p.drawCell(rest.Sub(grid.Rect{X: x, W: cell, H: 1}), c.ratio(r), row == p.state.row && i == p.state.column)
		x += cell
	}
	p.drawTuple(rest.Sub(grid.Rect{X: x + 1, W: sweepDeploy - 2, H: 1}), r)
	x += sweepDeploy
	for _, stage := range []profiler.Stage{profiler.Up, profiler.Down} {
		if x+sweepTimes > rest.Width() {
			return
		}
		if s := r.Stage(stage); s.Off != nil && s.On != nil {
			rest.PrintRight(x+sweepTimes-1, 0, micros(s.Off.MedianUS)+"→"+micros(s.On.MedianUS), styleText)
		}
		x += sweepTimes
	}
}

// drawRunning shows how far the running point is.
func (p sweepPanel) drawRunning(area grid.Area, cell int) {
	u := p.state.shown
	if u.Progress.State != string(profiler.StateRunning) {
		area.Print(1, 0, u.Progress.State, stylePending)
		return
	}
	chart.Gauge{Fill: styleFill, Track: styleTrack, ASCII: p.opts.ASCII}.
		Draw(area, 0, 0, numSweepStages*cell-1, float64(u.Progress.Pairs)/float64(u.Plan.Pairs))
	area.Print(numSweepStages*cell+1, 0, fmt.Sprintf("%d of %d cycles", u.Progress.Pairs, u.Plan.Pairs), stylePending)
}

// drawCell draws a ratio on the colour of its strength; mark and figure say the same without it.
func (p sweepPanel) drawCell(area grid.Area, r *profiler.Ratio, chosen bool) {
	style, text := heat(r), none
	if r != nil {
		text = formatFixed(r.Value, 2) + heatMark(r)
	}
	area.Sub(grid.Rect{W: area.Width() - 1, H: 1}).Fill(' ', style)
	area.PrintRight(area.Width()-2, 0, text, style)
	if chosen {
		area.Set(0, 0, '[', styleKey)
		area.Set(area.Width()-2, 0, ']', styleKey)
	}
}

func heatMark(r *profiler.Ratio) string {
	switch {
	case !r.Significant():
		return " ="
	case r.Value > 1:
		return " ▲"
	default:
		return " ▼"
	}
}

// heatBounds are the speed-ups from which on a cell is of the second and the third strength, in either
// direction.
func heatBounds() [2]float64 { return [2]float64{1.1, 1.25} }

// heat is the colour of a ratio. What could be chance has none.
func heat(r *profiler.Ratio) grid.Style {
	if r == nil || !r.Significant() {
		return styleMuted
	}
	slower, strength := r.Value < 1, r.Value
	if slower {
		strength = 1 / r.Value
	}
	levels := [3]grid.Style{styleFaster1, styleFaster2, styleFaster3}
	if slower {
		levels = [3]grid.Style{styleSlower1, styleSlower2, styleSlower3}
	}
	level := 0
	for _, bound := range heatBounds() {
		if strength >= bound {
			level++
		}
	}
	return levels[level]
}

// drawTuple says what to deploy.
func (p sweepPanel) drawTuple(area grid.Area, r *sweep.Result) {
	mask, known := verdictMask(r.Verdict)
	if !known {
		area.Print(0, 0, "not known", styleMuted)
		return
	}
	text, style := shortTuple(mask), styleText
	switch {
	case mask != profiler.ESOff:
		style = styleGood
	case !r.Stage(profiler.Up).Ratio.Matters() && !r.Stage(profiler.Down).Ratio.Matters():
		text, style = text+" no matter", styleMuted
	}
	area.Print(0, 0, text, style)
}

// drawBelow draws the deployment table and the legend where there is room for them.
func (p sweepPanel) drawBelow(area grid.Area) {
	y := 1
	if d := p.state.shown.Document; d != nil && len(d.Deployment) > 0 && area.Height() >= len(d.Deployment)+2 {
		area.Print(0, y, "what to deploy", styleTitle)
		y++
		for _, advice := range d.Deployment {
			p.drawAdvice(area.Line(y), advice)
			y++
		}
		y++
	}
	if area.Height() <= y {
		return
	}
	x := 0
	b := heatBounds()
	for _, level := range []struct {
		text  string
		style grid.Style
	}{
		{"ES slower", styleMuted},
		{fmt.Sprintf(" ▼ <%.2f ", 1/b[1]), styleSlower3},
		{fmt.Sprintf(" ▼ <%.2f ", 1/b[0]), styleSlower2},
		{" ▼ <1 ", styleSlower1},
		{" = unproven ", styleMuted},
		{" ▲ >1 ", styleFaster1},
		{fmt.Sprintf(" ▲ >%.2f ", b[0]), styleFaster2},
		{fmt.Sprintf(" ▲ >%.2f ", b[1]), styleFaster3},
		{"faster", styleMuted},
	} {
		if x+grid.Width(level.text) > area.Width() {
			break
		}
		x = area.Print(x, area.Height()-1, level.text, level.style) + 1
	}
}

// drawAdvice is a line of the deployment table.
func (p sweepPanel) drawAdvice(area grid.Area, a sweep.Advice) {
	const tuple, text = 14, 31
	area.PrintRight(tuple-2, 0, tokenRange(a), styleText)
	if mask, known := verdictMask(profiler.Verdict{EnableES: a.EnableES}); !known {
		area.Print(tuple, 0, none, styleMuted)
	} else {
		area.Print(tuple, 0, mask.Tuple(), map[bool]grid.Style{true: styleText, false: styleGood}[mask == profiler.ESOff])
	}
	area.Print(text, 0, a.Text, styleMuted)
}

func tokenRange(a sweep.Advice) string {
	if a.TokensFrom == a.TokensTo {
		return grouped(int64(a.TokensFrom))
	}
	return grouped(int64(a.TokensFrom)) + ".." + grouped(int64(a.TokensTo))
}
