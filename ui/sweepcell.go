package ui

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
	"github.com/moetop/moetop/ui/internal/grid"
)

// chosenResult is the point under the cursor; nil while it is not finished.
func (p *sweepState) chosenResult() *sweep.Result {
	if p.shown == nil || p.row >= len(p.shown.Plan.Tokens) {
		return nil
	}
	return p.shown.result(p.shown.Plan.Tokens[p.row])
}

// openCell shows the figures of the cell under the cursor.
func (m *model) openCell() tea.Cmd {
	if m.sweeps.chosenResult() == nil {
		return m.say("this point has not been measured yet", styleWarn)
	}
	m.overlay = overlay{kind: overlayCell}
	return nil
}

// cellLines are all figures of the cell under the cursor.
func (m *model) cellLines(width int) []line {
	r := m.sweeps.chosenResult()
	if r == nil {
		return []line{{text: "this point has not been measured", style: styleMuted}}
	}
	column := sweepColumns()[m.sweeps.column]
	rows := [][2]string{{"point", r.String()}, {"status", strings.ReplaceAll(string(r.Status), "_", " ")}}
	if r.Error != "" {
		rows = append(rows, [2]string{"why", r.Error})
	}
	if r.Status == sweep.OK {
		rows = append(rows, m.figureRows(r, column)...)
	}
	rows = append(rows, [2]string{"verdict", r.Verdict.Text})
	if a := m.adviceFor(r); a != nil {
		rows = append(rows, [2]string{"range", tokenRange(*a) + ": " + a.Text})
	}
	for _, warning := range r.Warnings {
		rows = append(rows, [2]string{"warning", warning.Text})
	}
	rows = append(rows, [2]string{"repeat", strings.Join(r.Command, " ")})
	var lines []line
	for _, row := range rows {
		lines = append(lines, wrapped(row[0], row[1], width, styleMuted)...)
	}
	return lines
}

// figureRows are what a cell rests on.
func (m *model) figureRows(r *sweep.Result, column sweepColumn) [][2]string {
	rows := [][2]string{{"compared", columnName(m.sweeps.column) + ", off/on over " + grouped(int64(r.Pairs)) + " interleaved cycles"}}
	ratio := column.ratio(r)
	text := "not known: too few cycles"
	if ratio != nil {
		text = ratioText(ratio.Value) + " " + intervalText(ratio) + ", p " + strconv.FormatFloat(ratio.PValue, 'g', 2, 64) + ": " + heatWord(ratio)
	}
	rows = append(rows, [2]string{"off/on", text})
	for _, side := range cellSides(r, m.sweeps.column) {
		rows = append(rows, [2]string{side.name, timesText(side.times)})
	}
	rows = append(rows, [2]string{"clock", rangeText(r.SMClockMHz, "MHz")}, [2]string{"power", rangeText(r.PowerWatts, "W")})
	throttled := unknown
	if r.ThrottleReasons != nil {
		throttled = "no"
		if len(r.ThrottleReasons) > 0 {
			throttled = strings.Join(r.ThrottleReasons, ", ")
		}
	}
	return append(rows, [2]string{"throttled", throttled})
}

// columnName is what a column compares, in a sentence.
func columnName(column int) string {
	head := sweepColumns()[column].head
	if column < numSweepStages {
		return head
	}
	return "the whole layer with " + head
}

func heatWord(r *profiler.Ratio) string {
	switch {
	case !r.Significant():
		return "no difference that the interval could prove"
	case r.Value > 1:
		return "ES is faster"
	default:
		return "ES is slower"
	}
}

type cellSide struct {
	name  string
	times *profiler.Times
}

// cellSides are the two sides that a column compares.
func cellSides(r *sweep.Result, column int) []cellSide {
	if column < numSweepStages {
		s := r.Stage([]profiler.Stage{profiler.Up, profiler.Down}[column])
		return []cellSide{{"off", s.Off}, {"on", s.On}}
	}
	mask := []profiler.ESMask{profiler.ESUp, profiler.ESDown, profiler.ESBoth}[column-numSweepStages]
	return []cellSide{{shortTuple(profiler.ESOff), r.Layer.Times(profiler.ESOff)}, {shortTuple(mask), r.Layer.Times(mask)}}
}

func timesText(t *profiler.Times) string {
	if t == nil {
		return unknown
	}
	return fmt.Sprintf("median %s µs, p90 %s, p99 %s, of %s steps", micros(t.MedianUS), micros(t.P90US), micros(t.P99US), grouped(t.Count))
}

func rangeText(r *profiler.Range, unit string) string {
	if r == nil {
		return unknown
	}
	return fmt.Sprintf("%.0f %s, %.0f to %.0f", r.Median, unit, r.Min, r.Max)
}

// adviceFor is the line of the deployment table that a point belongs to.
func (m *model) adviceFor(r *sweep.Result) *sweep.Advice {
	list := m.sweeps.shown.Document.Deployment
	for i := range list {
		if a := &list[i]; a.TokensFrom <= r.Tokens && r.Tokens <= a.TokensTo {
			return a
		}
	}
	return nil
}

// drawSweepVerdict says what to deploy for the point under the cursor, and for which others it holds.
func (m *model) drawSweepVerdict(area grid.Area) {
	r := m.sweeps.chosenResult()
	if r == nil {
		x := area.Print(0, 0, " NO VERDICT ", styleBadgeInfo) + 1
		tokens := m.sweeps.shown.Plan.Tokens[m.sweeps.row]
		area.Print(x, 0, tokensText(tokens)+": not measured yet", styleMuted)
		return
	}
	badge, style, text := " NO VERDICT ", styleBadgeInfo, styleMuted
	cpu := m.sweeps.shown.Document.Engine == "cpu"
	switch {
	case r.Verdict.EnableES != nil && cpu:
		badge, style, text = " CPU ONLY ", styleBadgeCPU, styleStrong
	case r.Verdict.EnableES != nil && r.Family() != profiler.DeployedKernels:
		badge, style, text = " "+strings.ToUpper(r.Family())+" ", styleBadgeInfo, styleStrong
	case r.Verdict.EnableES != nil:
		badge, style, text = " DEPLOY ", styleBadgeGood, styleStrong
	}
	x := area.Print(0, 0, badge, style) + 1
	room := max(area.Width()-x, 10)
	says := strings.TrimPrefix(strings.TrimPrefix(r.Verdict.Text, "no verdict: "), "deploy ")
	area.Print(x, 0, brief(tokensText(r.Tokens)+": "+says, room, false), text)
	if a := m.adviceFor(r); a != nil && area.Height() > 1 {
		holds := "the same from " + tokenRange(*a) + ": " + a.Text
		switch {
		case len(m.sweeps.shown.Document.Deployment) == 1 && a.TokensFrom == a.TokensTo:
			holds = "no other batch is measured yet"
		case a.TokensFrom == a.TokensTo:
			holds = "at its neighbours another holds"
		}
		area.Print(x, 1, holds, styleMuted)
	}
}
