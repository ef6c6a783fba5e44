package ui

import (
	"math"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// kernelsState is what the kernels page remembers.
type kernelsState struct {
	cursor int
	mask   *profiler.ESMask // whose launches are shown; nil follows the run
}

// shownMask is the mask whose launches are shown.
func (k kernelsState) shownMask(s scene) profiler.ESMask {
	switch {
	case k.mask != nil:
		return *k.mask
	case s.sample == nil:
		return profiler.ESOff
	case s.sample.AB:
		// The mask of the moment says nothing there, and would flicker.
		deploy, _ := verdictMask(s.sample.Verdict)
		return deploy
	default:
		return s.sample.ES
	}
}

func (k kernelsState) launches(s scene) []profiler.Launch { return s.view.Launches[k.shownMask(s)] }

// move goes to another launch or to another mask.
func (k *kernelsState) move(s scene, columns, lines int) {
	if columns != 0 {
		mask := (k.shownMask(s) + profiler.ESMask(columns+profiler.NumMasks)) % profiler.NumMasks
		k.mask = &mask
	}
	k.cursor = stepped(k.cursor, lines, len(k.launches(s)))
}

// kernelsPanel is the table of the launches of one step.
type kernelsPanel struct {
	scene
	state kernelsState
}

// kernelColumn is a column of the table; those of a higher rank come only with the width for them.
type kernelColumn struct {
	head  string
	width int
	rank  int
	cell  func(profiler.Launch) string
}

func kernelColumns() []kernelColumn {
	return []kernelColumn{
		{"grid", 11, 1, func(l profiler.Launch) string { return dimensions(l.Grid) }},
		{"block", 7, 3, func(l profiler.Launch) string { return dimensions(l.Block) }},
		{"regs", 4, 3, func(l profiler.Launch) string { return orNone(l.Registers) }},
		{"smem KiB", 8, 2, func(l profiler.Launch) string { return kibText(l.StaticSharedBytes + l.DynamicSharedBytes) }},
		{"mean µs", 8, 0, func(l profiler.Launch) string { return meanText(l.MeanUS) }},
	}
}

// Widths of the table besides its columns: the mark and the stage, the least for a name, the share.
const (
	launchStage = 10
	shortName   = 24
	launchShare = 5
	launchBar   = 12
)

func (p kernelsPanel) draw(area grid.Area, compact bool) {
	mask := p.state.shownMask(p.scene)
	launches := p.state.launches(p.scene)
	total := totalTime(launches)
	inner := framed(area, p.glyphs, compact, "Kernels of a step with "+pythonTuple(mask), p.caption(mask, total))
	if len(launches) == 0 {
		inner.Print(0, 0, "the launches are not known"+map[bool]string{true: " yet", false: ": see the log"}[p.sample == nil], styleMuted)
		return
	}
	columns, name := p.fittingKernelColumns(inner.Width(), launches)
	p.drawHead(inner, columns, name)
	body := inner.Sub(grid.Rect{Y: 1, W: inner.Width(), H: inner.Height() - 1})
	cursor := min(p.state.cursor, len(launches)-1)
	first := firstLaunch(cursor, body.Height(), len(launches))
	for y := range min(body.Height(), len(launches)-first) {
		i := first + y
		p.drawLaunch(body.Line(y), launches[i], columns, name, total, i == cursor)
	}
	p.drawDetails(body.Sub(grid.Rect{Y: len(launches), W: body.Width(), H: body.Height() - len(launches)}))
}

// firstLaunch is the launch in the first line when the cursor is in view.
func firstLaunch(cursor, height, n int) int {
	return min(max(cursor-height+1, 0), max(n-height, 0))
}

// caption says what the times are. A mask that has not run has none.
func (p kernelsPanel) caption(mask profiler.ESMask, total float64) string {
	text := "own mean times"
	if math.IsNaN(total) {
		text = "no times with " + shortTuple(mask) + " yet"
	} else {
		text += ", sum " + micros(total) + " µs; launches may overlap"
	}
	if p.sample != nil && !p.sample.AB && p.sample.ES != mask {
		text += "; now runs " + shortTuple(p.sample.ES)
	}
	return text
}

// fittingKernelColumns drops columns until the names have room, and returns that. What the names leave
// is for the bars, if it is enough for any: figures far from their names are hard to read.
func (p kernelsPanel) fittingKernelColumns(width int, launches []profiler.Launch) (columns []kernelColumn, name int) {
	for rank := 3; rank >= 0; rank-- {
		columns, name = nil, width-launchStage-launchShare-1
		for _, c := range kernelColumns() {
			if c.rank <= rank {
				columns = append(columns, c)
				name -= c.width + 1
			}
		}
		if name >= shortName {
			break
		}
	}
	longest := shortName
	for _, l := range launches {
		longest = max(longest, grid.Width(shortKernel(l.Name)))
	}
	if name-longest > launchBar {
		name = longest
	}
	return columns, max(name, 1)
}

func (p kernelsPanel) drawHead(area grid.Area, columns []kernelColumn, name int) {
	area.Print(2, 0, "stage", styleMuted)
	area.Print(launchStage, 0, "kernel", styleMuted)
	x := launchStage + name
	for _, c := range columns {
		x += c.width + 1
		area.PrintRight(x, 0, c.head, styleMuted)
	}
	area.PrintRight(x+launchShare+1, 0, "share", styleMuted)
}

func (p kernelsPanel) drawLaunch(area grid.Area, l profiler.Launch, columns []kernelColumn, name int, total float64, chosen bool) {
	style := styleText
	if l.Stage == profiler.Up.String() || l.Stage == profiler.Down.String() {
		style = styleStrong
	}
	mark := "  "
	if chosen {
		mark = "> "
	}
	area.Print(0, 0, mark+l.Stage, style)
	area.Sub(grid.Rect{X: launchStage, W: name, H: 1}).Print(0, 0, shortKernel(l.Name), styleTitle)
	x := launchStage + name
	for _, c := range columns {
		x += c.width + 1
		area.PrintRight(x, 0, c.cell(l), styleText)
	}
	share := math.NaN()
	if l.MeanUS != nil {
		share = *l.MeanUS / total
	}
	x += launchShare + 1
	area.PrintRight(x, 0, percent(share), styleMuted)
	chart.Gauge{Fill: styleFill, Track: styleTrack, ASCII: p.opts.ASCII}.
		Draw(area, x+1, 0, area.Width()-x-1, share)
	if chosen {
		area.Restyle(styleSelected)
	}
}

// totalTime is the sum of the launches' own times; NaN while none is known.
func totalTime(launches []profiler.Launch) float64 {
	total := math.NaN()
	for _, l := range launches {
		switch {
		case l.MeanUS == nil:
		case math.IsNaN(total):
			total = *l.MeanUS
		default:
			total += *l.MeanUS
		}
	}
	return total
}

// dimensions writes a grid or a block without the dimensions that are 1 at its end.
func dimensions(d [3]int) string {
	text := strconv.Itoa(d[0]) + "x" + strconv.Itoa(d[1]) + "x" + strconv.Itoa(d[2])
	return strings.TrimSuffix(strings.TrimSuffix(text, "x1"), "x1")
}

func orNone(n int) string {
	if n == 0 {
		return none
	}
	return strconv.Itoa(n)
}

func kibText(bytes int) string {
	if bytes == 0 {
		return none
	}
	return formatFixed(float64(bytes)/1024, 1)
}

func meanText(us *float64) string {
	if us == nil {
		return none
	}
	return formatFixed(*us, 2)
}
