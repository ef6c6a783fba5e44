package chart

import (
	"math"

	"github.com/moetop/moetop/ui/internal/grid"
)

// Gauge draws a horizontal bar over line y of the area, from column x on and width cells long, filled
// to share (0 to 1).
type Gauge struct {
	Fill, Track grid.Style
	ASCII       bool
}

// Draw draws the bar.
func (g Gauge) Draw(area grid.Area, x, y, width int, share float64) {
	if width <= 0 || math.IsNaN(share) {
		return
	}
	eighths := int(math.Round(min(max(share, 0), 1) * float64(width) * 8))
	if share > 0 && eighths == 0 {
		eighths = 1
	}
	for i := range width {
		part := min(max(eighths-i*8, 0), 8)
		r, s := g.rune(part)
		area.Set(x+i, y, r, s)
	}
}

func (g Gauge) rune(part int) (rune, grid.Style) {
	switch {
	case part == 0 && g.ASCII:
		return '.', g.Track
	case part == 0:
		return '·', g.Track
	case g.ASCII && part < 4:
		return '-', g.Fill
	case g.ASCII:
		return '#', g.Fill
	default:
		return '█' + rune(8-part), g.Fill
	}
}

// Segment is a part of a stacked bar.
type Segment struct {
	Value float64
	Rune  rune
	Style grid.Style
}

// Stack draws segments side by side over width cells. A segment above zero gets a cell at least, so
// that a small part of a large whole is still seen.
func Stack(area grid.Area, x, y, width int, segments []Segment) {
	for i, n := range Divide(width, segments) {
		for range n {
			area.Set(x, y, segments[i].Rune, segments[i].Style)
			x++
		}
	}
}

// Divide returns how many of width cells each segment takes. They sum up to width if any value is
// above zero and width allows a cell for each that is.
func Divide(width int, segments []Segment) []int {
	cells := make([]int, len(segments))
	total := 0.0
	for _, s := range segments {
		total += max(s.Value, 0)
	}
	if total <= 0 || width <= 0 {
		return cells
	}
	left, largest := width, 0
	for i, s := range segments {
		if s.Value <= 0 {
			continue
		}
		n := min(max(int(math.Round(s.Value/total*float64(width))), 1), left)
		cells[i] = n
		left -= n
		if cells[i] > cells[largest] {
			largest = i
		}
	}
	cells[largest] += left
	return cells
}

// Bars draws values as columns side by side, one cell wide each, over the height of the area. The
// values are shares of its height, 0 to 1.
func Bars(area grid.Area, values []float64, s grid.Style, ascii bool) {
	levels := []rune(" ▁▂▃▄▅▆▇█")
	if ascii {
		levels = []rune(" ..::||##")
	}
	height := area.Height()
	for x, v := range values {
		eighths := int(math.Round(min(max(v, 0), 1) * float64(height*8)))
		if v > 0 && eighths == 0 {
			eighths = 1
		}
		for y := range height {
			part := min(max(eighths-(height-1-y)*8, 0), 8)
			if part > 0 {
				area.Set(x, y, levels[part], s)
			}
		}
	}
}
