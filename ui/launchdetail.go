package ui

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// launchLines are the details of the launch under the cursor.
func (m *model) launchLines(width int) []line {
	return kernelsPanel{scene: m.scene(), state: m.kernels}.details(width)
}

// details tell all of the launch under the cursor.
func (p kernelsPanel) details(width int) []line {
	launches := p.state.launches(p.scene)
	if len(launches) == 0 {
		return []line{{text: "the launches are not known now", style: styleMuted}}
	}
	l := launches[min(p.state.cursor, len(launches)-1)]
	mask := p.state.shownMask(p.scene)
	mean := "not measured yet with this tuple"
	if l.MeanUS != nil {
		mean = meanText(l.MeanUS) + " µs, " + percent(*l.MeanUS/totalTime(launches)) + " of all launches' own times"
	}
	rows := [][2]string{{"stage", l.Stage + " with " + pythonTuple(mask)}, {"mean", mean}}
	for _, stage := range []profiler.Stage{profiler.Up, profiler.Down} {
		if l.Stage != stage.String() {
			continue
		}
		for _, c := range p.classes(stage, mask.Has(stage)) {
			rows = append(rows, [2]string{"class " + c.Letter, classText(c)})
		}
	}
	// The name may take many lines, and comes last.
	rows = append(append(rows, p.shape(l)...), [2]string{"kernel", l.Name})
	var lines []line
	for _, row := range rows {
		lines = append(lines, wrapped(row[0], row[1], width, styleTitle)...)
	}
	return lines
}

// shape tells what the launch asks for, and what of it a multiprocessor holds.
func (p kernelsPanel) shape(l profiler.Launch) [][2]string {
	threads := l.Block[0] * l.Block[1] * l.Block[2]
	blocks := l.Grid[0] * l.Grid[1] * l.Grid[2]
	rows := [][2]string{
		{"grid", dimensions(l.Grid) + ", " + grouped(int64(blocks)) + " blocks"},
		{"block", dimensions(l.Block) + ", " + grouped(int64(threads)) + " threads"},
	}
	if p.cpu() {
		return append(rows, [2]string{"registers", unknown + ", this is the CPU reference engine"})
	}
	rows = append(rows,
		[2]string{"registers", strconv.Itoa(l.Registers) + " a thread"},
		[2]string{"shared", fmt.Sprintf("%s bytes static, %s bytes dynamic a block",
			grouped(int64(l.StaticSharedBytes)), grouped(int64(l.DynamicSharedBytes)))},
		[2]string{"local", grouped(int64(l.LocalBytes)) + " bytes a thread: spills and stack"})
	if o, ok := l.Occupancy(); ok {
		rows = append(rows, [2]string{"occupancy", fmt.Sprintf("%s at most: %d of %d warps, limited by %s",
			percent(float64(o.Warps)/profiler.WarpsAnSM), o.Warps, profiler.WarpsAnSM, o.Limit)})
	}
	return rows
}

// drawDetails tells of the launch under the cursor below the table, if all of it has room there.
func (p kernelsPanel) drawDetails(area grid.Area) {
	lines := p.details(area.Width() - 2)
	if len(lines)+2 > area.Height() {
		return
	}
	for x := range area.Width() {
		area.Set(x, 1, p.glyphs.border.Top, styleBorder)
	}
	printLines(area.Sub(grid.Rect{X: 2, Y: 2, W: area.Width() - 2, H: area.Height() - 2}), lines)
}

// classText tells all of a tile class: what it takes, and how it is computed as far as that is known.
func classText(c profiler.TileLoad) string {
	parts := []string{
		fmt.Sprintf("%s: %s experts", c.Name, formatFixed(c.Experts, 1)),
		formatFixed(c.Rows, 1) + " rows", percent(c.PaddingShare()) + " padding",
	}
	for _, part := range []struct {
		n    *int
		name string
		most int // up to which the figure goes without saying
	}{{c.Stages, "stages", 0}, {c.Cluster, "blocks a cluster", 1}, {c.SplitK, "parts of k", 1}, {c.Warpgroups, "warpgroups", 0}} {
		if part.n != nil && *part.n > part.most {
			parts = append(parts, fmt.Sprintf("%d %s", *part.n, part.name))
		}
	}
	return strings.Join(parts, ", ")
}
