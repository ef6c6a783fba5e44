package chart

import (
	"iter"
	"math"
	"slices"
	"time"

	"github.com/moetop/moetop/ui/internal/grid"
)

// Point is one value on the time axis. NaN is "no value" and breaks the line.
type Point struct {
	Time  time.Time
	Value float64
}

// Window is the stretch of time that a chart shows.
type Window struct {
	End  time.Time
	Span time.Duration
}

// Place returns where in a field of n columns a time falls; ok is false outside the window.
func (w Window) Place(t time.Time, n int) (column int, ok bool) {
	if w.Span <= 0 || n <= 0 {
		return 0, false
	}
	// By a grid that stands still, so that a chart moves by whole columns: points keep their places
	// beside each other, and between two moves there is nothing to draw anew.
	step := int64(w.Span) / int64(n)
	if step == 0 || t.After(w.End) {
		return 0, false
	}
	column = n - 1 - int(w.End.UnixNano()/step-t.UnixNano()/step)
	return column, column >= 0
}

// maxGap is the longest silence that a line bridges; longer ones are left open, so that a pause does
// not look like a measurement.
const maxGap = 1500 * time.Millisecond

// Plot describes how values become dots.
type Plot struct {
	Window Window
	Scale  Scale
	Filled bool // an area down to the bottom, instead of a line
}

// Render draws the points, oldest first, on a canvas that fills the area.
func (p Plot) Render(area grid.Area, points iter.Seq[Point], s grid.Style, ascii bool) {
	c := NewCanvas(area.Width(), area.Height())
	height := c.DotHeight()
	lastX, lastY, open := 0, 0, false
	var lastTime time.Time
	for point := range points {
		x, ok := p.Window.Place(point.Time, c.DotWidth())
		if !ok || !drawable(point.Value) {
			open = false
			continue
		}
		y := p.Scale.row(point.Value, height)
		joined := open && point.Time.Sub(lastTime) <= maxGap
		switch {
		case p.Filled && joined:
			fillBetween(c, lastX, lastY, x, y)
		case p.Filled:
			c.Column(x, y)
		case joined:
			c.Line(lastX, lastY, x, y)
		default:
			c.Dot(x, y)
		}
		lastX, lastY, lastTime, open = x, y, point.Time, true
	}
	c.Draw(area, s, ascii)
}

func fillBetween(c *Canvas, x0, y0, x1, y1 int) {
	if x1 <= x0 {
		c.Column(x1, y1)
		return
	}
	for x := x0 + 1; x <= x1; x++ {
		t := float64(x-x0) / float64(x1-x0)
		c.Column(x, y0+int(math.Round(t*float64(y1-y0))))
	}
}

// Scale maps values to lines: Low is at the bottom, High at the top.
type Scale struct{ Low, High float64 }

func (s Scale) row(v float64, height int) int {
	if s.High <= s.Low || height < 2 {
		return height - 1
	}
	t := (v - s.Low) / (s.High - s.Low)
	t = min(max(t, 0), 1)
	return int(math.Round((1 - t) * float64(height-1)))
}

// At returns the value at a line of cells, of n in all; 0 is the top.
func (s Scale) At(line, n int) float64 {
	if n <= 1 {
		return s.High
	}
	return s.High - (s.High-s.Low)*float64(line)/float64(n-1)
}

// drawable reports whether a value is a number that a scale can be made for.
func drawable(v float64) bool { return math.Abs(v) < 1e15 }

// minimumSpread keeps a scale from blowing up the noise of a steady series: it spans at least this
// share of the values.
const minimumSpread = 0.08

// FitScale returns a scale with round ends around the values; ok is false if there is none. A few
// values far outside the rest do not flatten it: they are drawn at its edge.
func FitScale(points iter.Seq[Point], window Window) (scale Scale, ok bool) {
	var values []float64
	for p := range points {
		if !drawable(p.Value) {
			continue
		}
		if age := window.End.Sub(p.Time); age < 0 || age >= window.Span {
			continue
		}
		values = append(values, p.Value)
	}
	if len(values) == 0 {
		return Scale{}, false
	}
	low, high := withoutOutliers(values)
	if spread := minimumSpread * math.Abs(high); high-low < spread {
		middle := (low + high) / 2
		low, high = middle-spread/2, middle+spread/2
	}
	if high == low {
		high = low + 1
	}
	step := roundStep((high - low) / 4)
	return Scale{Low: max(math.Floor(low/step)*step, 0), High: math.Ceil(high/step) * step}, true
}

// withoutOutliers returns the extremes of the values, which it sorts, but no further out than the width
// of the middle 96% beyond it.
func withoutOutliers(values []float64) (low, high float64) {
	slices.Sort(values)
	n := len(values)
	inner := values[n*2/100 : n-n*2/100]
	low, high = inner[0], inner[len(inner)-1]
	width := high - low
	return max(values[0], low-width), min(values[n-1], high+width)
}

// roundStep returns the next 1, 2 or 5 times a power of ten that is not below v.
func roundStep(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if v <= m*power {
			return m * power
		}
	}
	return 10 * power
}
