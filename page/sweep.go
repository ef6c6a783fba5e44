package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// group are the points of a sweep that differ in their tokens alone.
type group struct {
	name   string
	points []*saved.Point // by tokens
}

// groups divides a sweep by model, routing and kernels, in the order of their appearance.
func groups(points []saved.Point) []group {
	var all []group
	places := map[saved.Key]int{}
	for i := range points {
		p := &points[i]
		key := p.Key()
		key.Workload.Tokens = 0
		at, known := places[key]
		if !known {
			at = len(all)
			places[key] = at
			name := fmt.Sprintf("%s, %v routing, %s kernels", p.Workload.Title(), p.Workload.Routing, p.Kernels)
			all = append(all, group{name: name})
		}
		all[at].points = append(all[at].points, p)
	}
	for _, g := range all {
		slices.SortStableFunc(g.points, func(a, b *saved.Point) int { return cmp.Compare(a.Workload.Tokens, b.Workload.Tokens) })
	}
	return all
}

// heatSteps are the ratios at which the colour of a heat map deepens, on either side of 1.
var heatSteps = []float64{1.05, 1.15, 1.4}

// heat is the class of a ratio: h0 where its interval contains 1, else g1 to g4 for ES faster and b1
// to b4 for slower.
func heat(r *profiler.Ratio) string {
	if !r.Significant() {
		return "h0"
	}
	size, letter := r.Value, "g"
	if r.Value < 1 {
		size, letter = 1/r.Value, "b"
	}
	level := 1
	for _, step := range heatSteps {
		if size >= step {
			level++
		}
	}
	return letter + strconv.Itoa(level)
}

// heatCell shows a ratio by colour and by sign, so that it is not told by colour alone.
func heatCell(r *profiler.Ratio) Cell {
	if r == nil {
		return Cell{}
	}
	class, sign := heat(r), ""
	switch class[0] {
	case 'g':
		sign = "▲"
	case 'b':
		sign = "▼"
	}
	return Cell{Text: sign + strconv.FormatFloat(r.Value, 'f', 3, 64), Class: class}
}

// heatMap is the table of a group: tokens by figure.
func (g *group) heatMap() Table {
	t := Table{
		Caption: "Off/on of " + g.name + ": ▲ faster with expert specialization, ▼ slower, without a sign not settled",
		Head:    []string{"tokens", "up", "down", "layer (T,F)", "layer (F,T)", "layer (T,T)", "layer off, µs", "SM clock, MHz", "enable_es"},
	}
	for _, p := range g.points {
		row := cells(strconv.Itoa(p.Workload.Tokens))
		if p.Failure != "" {
			t.Rows = append(t.Rows, append(row, Cell{Text: p.Failure, Class: "wide"}))
			continue
		}
		row = append(row, heatCell(p.Stages[profiler.Up].Ratio), heatCell(p.Stages[profiler.Down].Ratio))
		for m := profiler.ESUp; m < profiler.NumMasks; m++ {
			row = append(row, heatCell(p.Ratios[m]))
		}
		off, clock := Cell{}, Cell{}
		if times := p.Layer[profiler.ESOff]; times != nil {
			off.Text = number(times.MedianUS)
		}
		if p.SMClockMHz != nil {
			clock.Text = number(p.SMClockMHz.Median)
		}
		if len(p.ThrottleReasons) > 0 {
			clock.Text += " throttled"
		}
		t.Rows = append(t.Rows, append(row, off, clock, Cell{Text: tuple(p.Verdict)}))
	}
	return t
}

func tuple(v profiler.Verdict) string {
	if v.EnableES == nil {
		return "not known"
	}
	return profiler.ESOff.With(profiler.Up, v.EnableES[0]).With(profiler.Down, v.EnableES[1]).Tuple()
}

// maskClasses are the looks of the layer's curves.
var maskClasses = [profiler.NumMasks]string{"off", "mask1", "mask2", "on"}

// curve draws the layer's latency over tokens, both on logarithmic axes; nil with fewer than two
// points.
func (g *group) curve() *Chart {
	low, high := math.Inf(1), 0.0
	first, last, measured := 0, 0, 0
	for _, p := range g.points {
		found := false
		for _, t := range p.Layer {
			if t != nil && t.MedianUS > 0 {
				low, high, found = min(low, t.MedianUS), max(high, t.MedianUS), true
			}
		}
		if found {
			if measured == 0 {
				first = p.Workload.Tokens
			}
			last = p.Workload.Tokens
			measured++
		}
	}
	if measured < 2 || first == last {
		return nil
	}
	const bottom = 300
	c := &Chart{
		Title:       "Layer latency over tokens: " + g.name,
		Description: "Median time of the whole layer in microseconds with each ES mask, over the tokens of a batch; both axes are logarithmic. The figures with ES off and the ratios are in the table below.",
		Width:       chartWidth, Height: bottom + footSpace + 10,
	}
	x := scale{low: float64(first), high: float64(last), from: nameWidth, to: chartWidth - 20, log: true}
	y := scale{low: low * 0.95, high: high * 1.05, from: bottom, to: topSpace, log: true}
	c.axisX(x, topSpace, bottom, 8)
	c.axisY(y, nameWidth, chartWidth-20, 6)
	c.Labels = append(c.Labels, label{"name end", nameWidth - 8, bottom + 14, "tokens"})
	// More points than places on the axis would not be seen.
	stride := max(1, len(g.points)/maxBins)
	for m, class := range maskClasses {
		var xs, ys []px
		for i, p := range g.points {
			if t := p.Layer[m]; t != nil && t.MedianUS > 0 && (i%stride == 0 || i == len(g.points)-1) {
				xs, ys = append(xs, x.at(float64(p.Workload.Tokens))), append(ys, y.at(t.MedianUS))
			}
		}
		if len(xs) > 0 {
			c.Paths = append(c.Paths, path{"curve " + class, trace(xs, ys)})
			c.Legend = append(c.Legend, legend{class, "enable_es=" + profiler.ESMask(m).Tuple()})
		}
	}
	return c
}
