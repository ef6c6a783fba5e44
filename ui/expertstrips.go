package ui

import (
	"fmt"
	"math"
	"strconv"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// stripGeometry says how bars are broken into strips.
type stripGeometry struct {
	columns int // bars in a strip
	bar     int // columns that a bar takes, with the gap to the next
	lines   int // of a strip
	visible int // strips that there is room for
	strips  int // in all
}

// geometry breaks n bars into strips for an area. Few experts get broad bars, many get as many strips
// as it takes, of which the ones around the cursor are shown.
func geometry(width, height, n int) stripGeometry {
	const broadest = 5
	room := max(width-stripLabel, 1)
	g := stripGeometry{bar: min(max(room/max(n, 1), 1), broadest)}
	g.columns = max(room/g.bar, 1)
	g.strips = max((n+g.columns-1)/g.columns, 1)
	g.lines = min(max(height/g.strips, stripLines), highestStrip, max(height, 1))
	g.visible = min(max(height/g.lines, 1), g.strips)
	if g.visible < g.strips && height > stripLines {
		// One line goes to the overview, and the strips share what is left over.
		g.visible = max((height-1)/g.lines, 1)
		g.lines = (height - 1) / g.visible
	}
	return g
}

// overview reports whether a line for all experts stands above the strips.
func (g stripGeometry) overview(height int) bool {
	return g.visible < g.strips && height > g.visible*g.lines
}

// first is the strip at the top when the cursor is in view.
func (g stripGeometry) first(cursor int) int {
	return min(max(cursor/g.columns-g.visible/2, 0), g.strips-g.visible)
}

// expertsGeometry is the one that the page is drawn with now.
func (m *model) expertsGeometry(n int) stripGeometry {
	inner := m.pageInner()
	top := expertsPanel{scene: m.scene(), state: m.experts}.top(inner.H)
	return geometry(inner.W, inner.H-top-expertDetailLines, n)
}

func (p expertsPanel) drawStrips(area grid.Area, list []expert, most float64) {
	if len(list) == 0 || area.Height() < 1 || most <= 0 {
		return
	}
	g := geometry(area.Width(), area.Height(), len(list))
	cursor := min(p.state.cursor, len(list)-1)
	first := g.first(cursor)
	y := 0
	if g.overview(area.Height()) {
		p.drawOverview(area.Line(0), list, most, first*g.columns, (first+g.visible)*g.columns)
		y = 1
	}
	for strip := first; strip < first+g.visible; strip++ {
		from := strip * g.columns
		label := strconv.Itoa(list[from].id)
		if p.state.byRows {
			label = "#" + strconv.Itoa(from+1)
		}
		area.PrintRight(stripLabel-1, y+g.lines-1, label, styleMuted)
		for i := from; i < min(from+g.columns, len(list)); i++ {
			cell := area.Sub(grid.Rect{X: stripLabel + (i-from)*g.bar, Y: y, W: max(g.bar-1, 1), H: g.lines})
			p.drawBar(cell, list[i], most, i == cursor)
		}
		y += g.lines
	}
}

// drawBar draws one expert: its rows as a bar, and below it the letter of its class.
func (p expertsPanel) drawBar(cell grid.Area, x expert, most float64, chosen bool) {
	style := classStyle(x.class)
	bars := cell.Sub(grid.Rect{W: cell.Width(), H: cell.Height() - 1})
	values := make([]float64, cell.Width())
	for i := range values {
		values[i] = x.rows / most
	}
	chart.Bars(bars, values, style, p.opts.ASCII)
	letter := []rune(none)[0]
	if x.class >= 0 {
		letter = []rune(p.classes(true)[x.class].Letter)[0]
	}
	base := cell.Line(cell.Height() - 1)
	if chosen {
		base.Fill(' ', styleSelected)
		style = styleSelected
	}
	base.Set((cell.Width()-1)/2, 0, letter, style)
}

// drawOverview shows all experts in one line, the busiest of neighbours, and where the strips are.
func (p expertsPanel) drawOverview(area grid.Area, list []expert, most float64, from, to int) {
	area.PrintRight(stripLabel-1, 0, "all", styleMuted)
	line := area.Sub(grid.Rect{X: stripLabel, W: area.Width() - stripLabel, H: 1})
	rows := make([]float64, len(list))
	for i, x := range list {
		rows[i] = x.rows
	}
	values := bucketed(rows, most, line.Width())
	chart.Bars(line, values, styleMuted, p.opts.ASCII)
	x0, x1 := from*len(values)/len(list), (min(to, len(list))*len(values)+len(list)-1)/len(list)
	line.Sub(grid.Rect{X: x0, W: x1 - x0, H: 1}).Restyle(styleStrong)
	if x0 > 0 {
		line.Set(x0-1, 0, '[', styleKey)
	}
	line.Set(x1, 0, ']', styleKey)
}

// drawDetail says all about the expert under the cursor.
func (p expertsPanel) drawDetail(area grid.Area, list, all []expert) {
	if len(list) == 0 {
		return
	}
	x := list[min(p.state.cursor, len(list)-1)]
	sum, rank := 0.0, 1
	for _, other := range all {
		sum += other.rows
		if other.rows > x.rows {
			rank++
		}
	}
	at := area.Print(0, 0, "expert "+strconv.Itoa(x.id), styleStrong)
	if x.rows > 0 {
		area.Print(at, 0, fmt.Sprintf("  %s rows, place %d of %d, %s%% of all rows",
			formatFixed(x.rows, 2), rank, len(all), formatFixed(100*x.rows/sum, 2)), styleText)
	} else {
		area.Print(at, 0, "  idle", styleText)
		area.Print(0, 1, "no routing of the ring sends it a token: its weights are not read", styleMuted)
		return
	}
	at = 0
	for _, on := range []bool{true, false} {
		text := p.tilesText(x.rows, on)
		if text == "" {
			continue
		}
		at = area.Print(at, 1, map[bool]string{true: "on ", false: "off "}[on], styleMuted)
		at = area.Print(at, 1, text+"  ", styleText)
	}
}

// tilesText says which tiles an expert with so many rows takes.
func (p expertsPanel) tilesText(rows float64, on bool) string {
	classes := p.classes(on)
	place := profiler.TileClassAt(classes, rows)
	if place < 0 {
		return ""
	}
	c := classes[place]
	tiles := math.Ceil(rows / float64(c.TileRows))
	word := "tiles"
	if tiles == 1 {
		word = "tile"
	}
	return fmt.Sprintf("%s %s: %.0f %s, %s pad", c.Letter, c.Name, tiles, word, percent(1-rows/(tiles*float64(c.TileRows))))
}
