package ui

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// timeline shows step latency above SM utilization on one time axis, with what happened marked.
type timeline struct{ scene }

// axisWidth is what the labels left of the plots take.
const axisWidth = 8

// utilizationFrom is how many lines both plots together need; with fewer there is latency only.
const utilizationFrom = 4

func (t timeline) draw(area grid.Area, compact bool) {
	inner := area
	if !compact {
		if area.Height() < 3 {
			return
		}
		area.Box(t.glyphs.border, styleBorder)
		head := area.Sub(grid.Rect{W: area.Width() - 1, H: 1})
		title := " Step latency (µs) "
		if t.hasUtilization() {
			title += "and SM utilization (%) "
		}
		x := head.Print(2, 0, title, styleTitle)
		head.Print(x, 0, "last "+spanText(t.opts.HistorySpan)+" ", styleMuted)
		inner = area.Inner()
	}
	if inner.Height() < 1 {
		return
	}
	marks := 0
	if inner.Height() >= 3 {
		marks = 1
	}
	t.drawPlots(inner.Sub(grid.Rect{W: inner.Width(), H: inner.Height() - marks}))
	if marks > 0 {
		t.drawMarks(inner)
	}
}

func (t timeline) window() chart.Window {
	return chart.Window{End: t.view.Time, Span: t.opts.HistorySpan}
}

func (t timeline) hasUtilization() bool {
	for _, h := range t.view.History {
		if !math.IsNaN(h.SMUtilizationPercent) {
			return true
		}
	}
	return false
}

func (t timeline) drawPlots(area grid.Area) {
	latency := area.Height()
	if t.hasUtilization() && area.Height() >= utilizationFrom {
		latency = (area.Height()*3 + 2) / 5
		t.drawUtilization(area.Sub(grid.Rect{Y: latency, W: area.Width(), H: area.Height() - latency}))
	}
	t.drawLatency(area.Sub(grid.Rect{W: area.Width(), H: latency}))
}

func (t timeline) plotArea(area grid.Area) grid.Area {
	return area.Sub(grid.Rect{X: axisWidth, W: area.Width() - axisWidth, H: area.Height()})
}

func (t timeline) drawLatency(area grid.Area) {
	series := points(t.view.History, func(h *profiler.HistoryPoint) float64 { return h.StepUS })
	scale, ok := chart.FitScale(series, t.window())
	plot := t.plotArea(area)
	if !ok {
		plot.Print(1, 0, "no steps in this time", styleMuted)
		return
	}
	t.drawAxis(area, scale, micros)
	t.drawMarkLines(plot)
	chart.Plot{Window: t.window(), Scale: scale}.Render(plot, series, styleLatency, t.opts.ASCII)
}

func (t timeline) drawUtilization(area grid.Area) {
	series := points(t.view.History, func(h *profiler.HistoryPoint) float64 { return h.SMUtilizationPercent })
	scale := chart.Scale{Low: 0, High: 100}
	plot := t.plotArea(area)
	t.drawAxis(area, scale, func(v float64) string { return strconv.FormatFloat(v, 'f', 0, 64) + "%" })
	t.drawMarkLines(plot)
	chart.Plot{Window: t.window(), Scale: scale, Filled: true}.Render(plot, series, styleUtilization, t.opts.ASCII)
}

// drawAxis labels the top and the bottom line of a plot, and the middle one where there is room.
func (t timeline) drawAxis(area grid.Area, scale chart.Scale, format func(float64) string) {
	height := area.Height()
	labels := []int{0}
	if height >= 2 {
		labels = append(labels, height-1)
	}
	if height >= 5 && height%2 == 1 {
		labels = append(labels, height/2)
	}
	for y := range height {
		area.Set(axisWidth-1, y, t.glyphs.border.Side, styleBorder)
	}
	for _, y := range labels {
		area.PrintRight(axisWidth-1, y, format(scale.At(y, height)), styleMuted)
	}
}

// markPlaces are the columns of the marks in a plot, oldest first.
func (t timeline) markPlaces(width int) (places []int, marks []profiler.Mark) {
	for _, m := range t.view.Marks {
		if x, ok := t.window().Place(m.Time, width); ok {
			places, marks = append(places, x), append(marks, m)
		}
	}
	return places, marks
}

func (t timeline) drawMarkLines(plot grid.Area) {
	places, _ := t.markPlaces(plot.Width())
	for _, x := range places {
		for y := range plot.Height() {
			plot.Print(x, y, t.glyphs.vertical, styleMark)
		}
	}
}

// drawMarks writes under the plots what happened when. The newest are written first, since an older
// one that has no room beside them matters less.
func (t timeline) drawMarks(inner grid.Area) {
	row := t.plotArea(inner.Line(inner.Height() - 1))
	places, marks := t.markPlaces(row.Width())
	left := row.Width()
	if len(marks) == 0 {
		row.Print(0, 0, spanText(t.opts.HistorySpan)+" ago", styleMuted)
		row.PrintRight(row.Width(), 0, "now", styleMuted)
		return
	}
	for i, mark := range slices.Backward(marks) {
		text := "▲ " + mark.Text
		x := places[i]
		if x+grid.Width(text) > left {
			// A label at the right edge points to its mark from the left.
			text = mark.Text + " ▲"
			x = places[i] - grid.Width(text) + 1
		}
		if x < 0 || x+grid.Width(text) > left {
			continue
		}
		row.Print(x, 0, text, styleMark)
		left = x - 1
	}
}

func spanText(d time.Duration) string {
	if d >= 2*time.Minute {
		return strconv.Itoa(int(d/time.Minute)) + " min"
	}
	return strconv.Itoa(int(d/time.Second)) + " s"
}
