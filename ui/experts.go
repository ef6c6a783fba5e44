package ui

import (
	"fmt"

	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// expertLines are the fewest lines in which the rows of the experts say anything.
const expertLines = 3

// drawExperts shows how the routing spreads rows over experts, where the table leaves room: this
// spread is what expert specialization reacts to.
func drawExperts(area grid.Area, s scene) {
	if s.workload == nil || len(s.workload.ExpertRows) == 0 || area.Height() < expertLines {
		return
	}
	rows := s.workload.ExpertRows
	sum, most, idle := 0.0, 0.0, 0
	for _, n := range rows {
		sum += n
		most = max(most, n)
		if n == 0 {
			idle++
		}
	}
	text := fmt.Sprintf("rows an expert: mean %.1f, most %.1f", sum/float64(len(rows)), most)
	if idle > 0 {
		text += fmt.Sprintf(", %d of %d idle", idle, len(rows))
	} else {
		text += fmt.Sprintf(", all %d busy", len(rows))
	}
	area.Print(0, 1, text, styleMuted)
	if most <= 0 {
		return
	}
	bars := area.Sub(grid.Rect{Y: 2, W: area.Width(), H: min(area.Height()-2, 5)})
	chart.Bars(bars, bucketed(rows, most, bars.Width()), styleFill, s.opts.ASCII)
}

// bucketed scales values to 0..1, and keeps the largest of neighbours where there are more than columns.
func bucketed(values []float64, most float64, columns int) []float64 {
	columns = min(columns, len(values))
	out := make([]float64, columns)
	for i, v := range values {
		at := i * columns / len(values)
		out[at] = max(out[at], v/most)
	}
	return out
}
