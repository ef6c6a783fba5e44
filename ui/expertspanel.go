package ui

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// expertsPanel shows a bar an expert with its tile class, and what padding the classes cost.
type expertsPanel struct {
	scene
	state expertsState
}

// Lines of the panel: what is said about the expert under the cursor, and the least that a strip of
// bars takes: two lines of bars and one of letters.
const (
	expertDetailLines = 2
	stripLines        = 3
	highestStrip      = 24
	stripLabel        = 6
)

// classes are those of the stage that is shown.
func (p expertsPanel) classes(on bool) []profiler.TileLoad {
	return p.scene.classes(p.state.stage(p.scene), on)
}

func (p expertsPanel) draw(area grid.Area, compact bool) {
	order := "by id"
	if p.state.byRows {
		order = "by rows"
	}
	title := "Experts " + order
	if p.tilesDiffer() {
		title += ", tiles of " + p.state.stage(p.scene).String()
	}
	inner := framed(area, p.glyphs, compact, title, p.caption())
	all := p.experts(p.state.stage(p.scene))
	if len(all) == 0 {
		inner.Print(0, 0, "the rows of the experts are not known yet", styleMuted)
		return
	}
	list := p.state.list(p.scene)
	top := p.top(inner.Height())
	inner.Print(0, 0, p.summary(all, inner.Width()), styleText)
	y := 1
	if p.filterShown() {
		p.drawFilter(inner.Line(y), len(list), len(all))
		y++
	}
	if p.tableFits(inner.Height()) {
		p.drawClasses(inner.Sub(grid.Rect{Y: y, W: inner.Width(), H: top - y}))
	} else {
		p.drawPadding(inner.Line(y))
	}
	bars := inner.Sub(grid.Rect{Y: top, W: inner.Width(), H: inner.Height() - top - expertDetailLines})
	p.drawStrips(bars, list, busiest(all))
	p.drawDetail(inner.Sub(grid.Rect{
		Y: inner.Height() - expertDetailLines, W: inner.Width(), H: expertDetailLines,
	}), list, all)
}

func (p expertsPanel) caption() string {
	if p.workload == nil || p.workload.RingLength == 0 {
		return "no routing yet"
	}
	text := fmt.Sprintf("rows: mean of %d routings", p.workload.RingLength)
	if len(p.classes(true)) > 0 {
		text += "; letters: tile class with ES on"
	}
	return text
}

// summary says how uneven the routing is.
func (p expertsPanel) summary(all []expert, width int) string {
	sum := 0.0
	for _, x := range all {
		sum += x.rows
	}
	load := p.workload.Load
	text := fmt.Sprintf("%d experts, mean %s rows", len(all), formatFixed(sum/float64(len(all)), 1))
	if load.ActiveExperts == 0 {
		return text
	}
	even := fmt.Sprintf("; max/mean %s  CV %s  Gini %s",
		formatFixed(load.MaxOverMean, 2), formatFixed(load.Variation, 2), formatFixed(load.Gini, 2))
	if busy := ", " + formatFixed(load.ActiveExperts, 1) + " busy"; grid.Width(text+busy+even) <= width {
		text += busy
	}
	return text + even
}

func (p expertsPanel) filterShown() bool { return p.state.editing || p.state.filter != "" }

func (p expertsPanel) drawFilter(area grid.Area, shown, all int) {
	x := area.Print(0, 0, "filter: ", styleMuted)
	x = area.Print(x, 0, p.state.filter, styleStrong)
	if p.state.editing {
		area.Set(x, 0, '_', styleKey)
		x++
	}
	text, style := fmt.Sprintf("  %d of %d", shown, all), styleMuted
	if f := parseFilter(p.state.filter); len(f.unknown) > 0 || shown == 0 {
		text, style = "  no expert fits: class letters, ids, ranges such as 0-31, or idle", styleWarn
	}
	area.Print(x, 0, text, style)
}

// tableFits reports whether there is room for a line for each class.
func (p expertsPanel) tableFits(height int) bool {
	classes := len(p.classes(false)) + len(p.classes(true))
	return classes > 0 && height >= 1+classes+1+2*stripLines+expertDetailLines+2
}

// top is the line on which the bars begin.
func (p expertsPanel) top(height int) int {
	lines := 2
	if p.filterShown() {
		lines++
	}
	if p.tableFits(height) {
		lines += len(p.classes(false)) + len(p.classes(true))
	}
	return lines
}

// drawPadding says in one line what the table would.
func (p expertsPanel) drawPadding(area grid.Area) {
	off, on := p.classes(false), p.classes(true)
	if len(off) == 0 && len(on) == 0 {
		area.Print(0, 0, "tiles: "+unknown+", these kernels do not tell them", styleMuted)
		return
	}
	x := area.Print(0, 0, "padding: ES off "+percent(profiler.Padding(off))+", on "+percent(profiler.Padding(on))+":", styleText)
	for i, c := range on {
		if c.Experts > 0 {
			x = area.Print(x, 0, " "+c.Letter+" "+percent(c.PaddingShare()), classStyle(i))
		}
	}
}

// drawClasses is the table of the classes of both policies.
func (p expertsPanel) drawClasses(area grid.Area) {
	const name, bound, experts, rows, padding = 8, 26, 42, 50, 59
	area.Print(0, 0, "ES", styleMuted)
	area.Print(name, 0, "tile", styleMuted)
	area.Print(bound, 0, "expert's rows", styleMuted)
	area.PrintRight(experts+7, 0, "experts", styleMuted)
	area.PrintRight(rows+8, 0, "rows", styleMuted)
	area.PrintRight(padding+8, 0, "padding", styleMuted)
	y := 1
	for _, side := range []bool{false, true} {
		below := 0
		for i, c := range p.classes(side) {
			style := styleBaseline
			if side {
				style = classStyle(i)
			}
			area.Print(0, y, map[bool]string{false: "off", true: "on"}[side], styleMuted)
			area.Print(name-3, y, c.Letter, style)
			area.Print(name, y, c.Name, style)
			area.Print(bound, y, boundText(below, c.MaxRows), styleText)
			area.PrintRight(experts+7, y, formatFixed(c.Experts, 1), styleText)
			area.PrintRight(rows+8, y, formatFixed(c.Rows, 1), styleText)
			area.PrintRight(padding+8, y, percent(c.PaddingShare()), styleStrong)
			if share := c.PaddingShare(); !math.IsNaN(share) {
				chart.Gauge{Fill: styleWarn, Track: styleTrack, ASCII: p.opts.ASCII}.
					Draw(area, padding+9, y, min(area.Width()-padding-9, 30), share)
			}
			if c.MaxRows != nil {
				below = *c.MaxRows
			}
			y++
		}
	}
}

// boundText says which rows a class takes: above those of the class before, up to its own.
func boundText(below int, most *int) string {
	switch {
	case most == nil && below == 0:
		return "any"
	case most == nil:
		return "above " + strconv.Itoa(below)
	default:
		return strconv.Itoa(below+1) + " to " + strconv.Itoa(*most)
	}
}

// percent formats a share; one that does not exist has no meaning here.
func percent(share float64) string {
	if math.IsNaN(share) {
		return none
	}
	return formatFixed(share*100, 0) + "%"
}

// classStyle gives a class its colour. Where there are more classes than colours the letters tell
// them apart.
func classStyle(place int) grid.Style {
	styles := []grid.Style{styleWeights, styleActivations, styleWorkspace, styleReserved}
	if place < 0 {
		return styleMuted
	}
	return styles[place%len(styles)]
}

func busiest(list []expert) float64 {
	if len(list) == 0 {
		return 0
	}
	return slices.MaxFunc(list, func(a, b expert) int { return cmp.Compare(a.rows, b.rows) }).rows
}
