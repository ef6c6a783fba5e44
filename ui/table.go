package ui

import (
	"math"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// stageTable is the panel that says what each stage takes, with ES off and on.
type stageTable struct {
	scene
	tall bool
}

// tableColumn is one column. Columns of a higher rank come only with the width for them.
type tableColumn struct {
	head  string
	width int
	rank  int
	left  bool
	cell  func(stageTable, tableRow) (string, grid.Style)
}

// mostColumns is the rank of the columns that go first when there is no room.
const mostColumns = 6

// tableColumns are all columns. Where the device's ceilings are known, how close a row comes to them
// says more than its share of the step.
func tableColumns(attains bool) []tableColumn {
	columns := []tableColumn{
		{head: "stage", width: 7, left: true, cell: stageTable.nameCell},
		{head: "ES", width: 6, left: true, cell: stageTable.esCell},
		{head: "", width: 1, left: true, cell: stageTable.keyCell},
		{head: "now", width: 7, cell: stageTable.nowCell},
		{head: "off", width: 7, cell: stageTable.offCell},
		{head: "p99", width: 7, rank: 5, cell: stageTable.offTailCell},
		{head: "on", width: 7, cell: stageTable.onCell},
		{head: "p99", width: 7, rank: 5, cell: stageTable.onTailCell},
		{head: "off/on", width: 8, cell: stageTable.ratioCell},
		{head: "ES is", width: 7, rank: 2, left: true, cell: stageTable.wordCell},
		{head: "95% interval", width: intervalWidth, rank: 1, left: true, cell: stageTable.intervalCell},
		{head: "p", width: 7, rank: mostColumns, left: true, cell: stageTable.pCell},
		{head: "TFLOP/s", width: 7, rank: 4, cell: stageTable.flopsCell},
		{head: "GB/s", width: 6, rank: 4, cell: stageTable.bytesCell},
		{head: "share", width: 5, rank: 3, cell: stageTable.shareCell},
	}
	if attains {
		columns[len(columns)-1].rank = 4
		columns = append(columns, tableColumn{head: attainedHead, width: len(attainedHead), rank: 3, cell: stageTable.attainedCell})
	}
	return columns
}

// attainedHead is the head of the column that says how close a row comes to what the device could do.
// It is the last, and takes what the others leave.
const attainedHead = "attained"

// attains reports whether the device's ceilings are known.
func (t stageTable) attains() bool { return t.workload != nil && t.workload.Ceilings != nil }

// fittingColumns drops the columns of the highest ranks until the rest fits, and returns how many
// cells are left over.
func fittingColumns(width int, attains bool) (columns []tableColumn, spare int) {
	all := tableColumns(attains)
	for rank := mostColumns; rank >= 0; rank-- {
		columns, spare = columns[:0], width+1
		for _, c := range all {
			if c.rank <= rank {
				columns = append(columns, c)
				spare -= c.width + 1
			}
		}
		if spare >= 0 {
			break
		}
	}
	spare = max(spare, 0)
	if last := &columns[len(columns)-1]; last.head == attainedHead {
		const longest = 28
		last.width += min(spare, longest)
		spare = 0
	}
	return columns, spare
}

func (t stageTable) draw(area grid.Area, compact bool) {
	inner := area
	if !compact {
		area.Box(t.glyphs.border, styleBorder)
		title := " Stages, µs "
		if t.cpu() {
			title = " Stages, µs on the CPU reference engine "
		}
		area.Sub(grid.Rect{W: area.Width() - 1, H: 1}).Print(2, 0, title, styleTitle)
		area.Sub(grid.Rect{Y: area.Height() - 1, W: area.Width() - 1, H: 1}).Print(2, 0, " "+t.caption()+" ", styleMuted)
		inner = area.Inner()
	}
	columns, spare := fittingColumns(inner.Width(), t.attains())
	t.drawHead(inner, columns)
	y := 1
	for _, row := range t.rows() {
		if compact && row.name == "launch" {
			continue
		}
		t.drawRow(inner, y, columns, row, spare)
		y++
	}
	rest := inner.Sub(grid.Rect{Y: y, W: inner.Width(), H: inner.Height() - y})
	drawExperts(rest, t.scene)
}

func (t stageTable) drawHead(area grid.Area, columns []tableColumn) {
	x := 0
	for _, c := range columns {
		if c.left {
			area.Print(x, 0, c.head, styleMuted)
		} else {
			area.PrintRight(x+c.width, 0, c.head, styleMuted)
		}
		x += c.width + 1
	}
}

func (t stageTable) drawRow(area grid.Area, y int, columns []tableColumn, row tableRow, spare int) {
	x := 0
	for _, c := range columns {
		text, style := c.cell(t, row)
		cell := area.Sub(grid.Rect{X: x, Y: y, W: c.width, H: 1})
		if c.left {
			cell.Print(0, 0, text, style)
		} else {
			cell.Print(max(c.width-grid.Width(text), 0), 0, text, style)
		}
		x += c.width + 1
	}
	share := t.share(row)
	if last := columns[len(columns)-1]; last.head == attainedHead {
		// The bar stands before the figure of the column.
		share = math.NaN()
		if row.attained != nil {
			share = *row.attained / 100
		}
		x -= last.width + 1
		const figure = 4
		t.drawBar(area, x, y, last.width-figure, row, share)
	} else if shortest := 5; spare > shortest {
		t.drawBar(area, x, y, spare-1, row, share)
	}
}

// drawBar draws a share of a row; none if it is not known.
func (t stageTable) drawBar(area grid.Area, x, y, width int, row tableRow, share float64) {
	const longest = 30
	chart.Gauge{Fill: t.shareStyle(row), Track: styleTrack, ASCII: t.opts.ASCII}.
		Draw(area, x, y, min(width, longest), share)
}

func (t stageTable) shareStyle(row tableRow) grid.Style {
	switch {
	case row.kind == rowGap:
		return styleMuted
	case row.kind == rowSwitch && t.sample != nil && !t.sample.AB && t.sample.ES.Has(row.stage):
		return styleES
	case row.kind == rowSwitch:
		return styleBaseline
	default:
		return styleFill
	}
}

// caption says what the figures are.
func (t stageTable) caption() string {
	switch {
	case t.sample == nil || len(t.sample.Stages) == 0:
		return "no figures yet"
	case t.sample.AB:
		return "medians, " + grouped(int64(t.sample.ABPairs)) + " interleaved A/B cycles"
	}
	text := "medians"
	if ages := t.ages(); ages != "" {
		text += "; grey: " + ages
	}
	return text + "; ≈ unproven"
}

// ages says how old the stages' sides are that do not run, for tables without a column for it.
func (t stageTable) ages() string {
	var parts []string
	for _, row := range t.rows() {
		if text, _ := t.intervalCell(row); row.kind == rowSwitch && row.ratio == nil && text != "" {
			parts = append(parts, row.name+" "+text)
		}
	}
	return strings.Join(parts, ", ")
}

func (t stageTable) nameCell(row tableRow) (string, grid.Style) {
	switch row.kind {
	case rowGap:
		return row.name, styleMuted
	case rowLayer, rowSwitch:
		return row.name, styleStrong
	case rowStage:
		return row.name, styleText
	default:
		return row.name, styleText
	}
}

func (t stageTable) esCell(row tableRow) (string, grid.Style) {
	switch {
	case row.kind == rowLayer && row.deploy:
		return shortTuple(row.mask), styleGood
	case row.kind == rowLayer:
		return shortTuple(row.mask), styleText
	case row.kind != rowSwitch || t.sample == nil:
		return none, styleMuted
	case t.want.ab(t.sample):
		return "A/B", styleES
	}
	word := map[bool]string{false: "off", true: "ON"}
	on := t.sample.ES.Has(row.stage)
	if p := t.want.pendingMask(t.sample); p != nil && p.Has(row.stage) != on && !t.sample.AB {
		return word[on] + "→" + word[!on], stylePending
	}
	if t.sample.AB {
		// A/B mode is about to end: the mask of the moment says nothing.
		return "→" + word[t.want.mask(t.sample).Has(row.stage)], stylePending
	}
	return word[on], map[bool]grid.Style{false: styleBaseline, true: styleGood}[on]
}

func (t stageTable) keyCell(row tableRow) (string, grid.Style) { return row.key, styleKey }

func (t stageTable) nowCell(row tableRow) (string, grid.Style) {
	if row.now == nil {
		return none, styleMuted
	}
	style := styleText
	if row.kind == rowLayer {
		style = styleStrong
	}
	return micros(*row.now), style
}

func (t stageTable) offCell(row tableRow) (string, grid.Style) {
	return t.median(row, row.off, styleBaseline)
}

func (t stageTable) onCell(row tableRow) (string, grid.Style) {
	return t.median(row, row.on, styleES)
}

func (t stageTable) median(row tableRow, s *profiler.Summary, style grid.Style) (string, grid.Style) {
	switch {
	case s == nil:
		return none, styleMuted
	case !s.Live && t.condition.live():
		return micros(s.MedianUS), styleMuted
	case row.kind == rowStage || row.kind == rowGap:
		return micros(s.MedianUS), styleText
	default:
		return micros(s.MedianUS), style
	}
}

func (t stageTable) offTailCell(row tableRow) (string, grid.Style) { return tail(row.off) }

func (t stageTable) onTailCell(row tableRow) (string, grid.Style) { return tail(row.on) }

func tail(s *profiler.Summary) (string, grid.Style) {
	if s == nil {
		return none, styleMuted
	}
	return micros(s.P99US), styleMuted
}

// ratioCell shows how many times as fast the row is with ES. The mark says it without colour.
func (t stageTable) ratioCell(row tableRow) (string, grid.Style) {
	if row.kind == rowLayer && row.base {
		return "base  ", styleMuted
	}
	if r := row.ratio; r != nil {
		switch {
		case !r.Significant():
			return ratioText(r.Value) + " =", styleText
		case r.Value > 1:
			return ratioText(r.Value) + " ▲", styleGood
		default:
			return ratioText(r.Value) + " ▼", styleBad
		}
	}
	if row.kind == rowStage || row.kind == rowGap {
		return "", styleMuted
	}
	if row.against != nil && row.on != nil && row.on.MedianUS > 0 {
		return "≈" + ratioText(row.against.MedianUS/row.on.MedianUS) + "  ", styleMuted
	}
	return none + "  ", styleMuted
}

func (t stageTable) wordCell(row tableRow) (string, grid.Style) {
	r := row.ratio
	switch {
	case row.deploy && row.kind == rowLayer && t.undeployed():
		return "best", styleGood
	case row.deploy && row.kind == rowLayer:
		return "deploy", styleGood
	case r == nil:
		return "", styleMuted
	case !r.Significant():
		return "no diff", styleMuted
	case r.Value > 1:
		return "faster", styleGood
	default:
		return "slower", styleBad
	}
}

// intervalWidth holds "[0.985,0.986]": an interval that wants three digits goes without its space.
const intervalWidth = 13

// intervalCell shows the interval of the ratio, or where there is none how old the side is that does
// not run.
func (t stageTable) intervalCell(row tableRow) (string, grid.Style) {
	if row.ratio != nil {
		text := intervalText(row.ratio)
		if len(text) > intervalWidth {
			text = strings.Replace(text, ", ", ",", 1)
		}
		return text, styleMuted
	}
	if row.kind == rowStage || row.kind == rowGap || !t.condition.live() {
		return "", styleMuted
	}
	for _, side := range []struct {
		word string
		s    *profiler.Summary
	}{{"off", row.off}, {"on", row.on}} {
		if side.s != nil && !side.s.Live {
			return side.word + " " + ageText(t.view.Time.Sub(side.s.MeasuredAt)) + " ago", styleMuted
		}
	}
	return "", styleMuted
}

func (t stageTable) pCell(row tableRow) (string, grid.Style) {
	if row.ratio == nil {
		return "", styleMuted
	}
	if row.ratio.PValue < 0.001 {
		return "<0.001", styleMuted
	}
	return strconv.FormatFloat(row.ratio.PValue, 'f', 3, 64), styleMuted
}

func (t stageTable) shareCell(row tableRow) (string, grid.Style) {
	share := t.share(row)
	if math.IsNaN(share) {
		return "", styleMuted
	}
	return strconv.FormatFloat(share*100, 'f', 0, 64) + "%", styleMuted
}
