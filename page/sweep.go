package page

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// group are the points of a sweep that differ in their tokens alone.
type group struct {
	name   string
	label  string // short: what tells it from the others
	points []*saved.Point
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
			all = append(all, group{})
		}
		all[at].points = append(all[at].points, p)
	}
	routings, kernels := map[profiler.Routing]bool{}, map[string]bool{}
	for _, g := range all {
		slices.SortStableFunc(g.points, func(a, b *saved.Point) int { return cmp.Compare(a.Workload.Tokens, b.Workload.Tokens) })
		routings[g.points[0].Workload.Routing], kernels[g.points[0].Kernels] = true, true
	}
	for i := range all {
		p := all[i].points[0]
		w := p.Workload
		all[i].name = fmt.Sprintf("%s, %v routing, %s kernels", w.Title(), w.Routing, p.Kernels)
		parts := []string{w.Name()}
		if len(routings) > 1 {
			parts = append(parts, w.Routing.String())
		}
		if len(kernels) > 1 {
			parts = append(parts, p.Kernels)
		}
		all[i].label = strings.Join(parts, " ")
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

// figures are the ratios of a point, in the order of figureNames; nil where one was not measured.
func figures(p *saved.Point) [5]*profiler.Ratio {
	return [5]*profiler.Ratio{
		p.Stages[profiler.Up].Ratio, p.Stages[profiler.Down].Ratio,
		p.Ratios[profiler.ESUp], p.Ratios[profiler.ESDown], p.Ratios[profiler.ESBoth],
	}
}

func figureNames() []string {
	return []string{"up", "down", "layer (T,F)", "layer (F,T)", "layer (T,T)"}
}

// table is the table of a group: tokens by figure.
func (g *group) table() Table {
	t := Table{
		Caption: "Off/on of " + g.name + ": ▲ faster with expert specialization, ▼ slower, without a sign not settled",
		Head:    slices.Concat([]string{"tokens"}, figureNames(), []string{"layer off, µs", "SM clock, MHz", "enable_es"}),
	}
	for _, p := range g.points {
		row := cells(strconv.Itoa(p.Workload.Tokens))
		if p.Failure != "" {
			t.Rows = append(t.Rows, append(row, Cell{Text: p.Failure, Class: "wide"}))
			continue
		}
		for _, ratio := range figures(p) {
			row = append(row, heatCell(ratio))
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
		t.Rows = append(t.Rows, append(row, off, clock, Cell{Text: tuple(p.Verdict.EnableES)}))
	}
	return t
}

func tuple(es *[2]bool) string {
	if es == nil {
		return "not known"
	}
	return profiler.ESOff.With(profiler.Up, es[0]).With(profiler.Down, es[1]).Tuple()
}

// latencies are the layer's over tokens.
type latencies struct {
	Tokens []int         `json:"tokens"`
	Curves []maskLatency `json:"curves"`
}

type maskLatency struct {
	Name     string     `json:"name"`
	Class    string     `json:"class"`
	MedianUS []*float64 `json:"us"` // as Tokens; null where nothing was measured
}

// curves draws the layer's latency over tokens, with each mask; nil with fewer than two points.
func (g *group) curves() *Plot {
	var data latencies
	for _, p := range g.points {
		if p.Failure == "" {
			data.Tokens = append(data.Tokens, p.Workload.Tokens)
		}
	}
	most := 0
	for m := range profiler.ESMask(profiler.NumMasks) {
		c := maskLatency{Name: m.Tuple(), Class: maskClass(m)}
		measured := 0
		for _, p := range g.points {
			if p.Failure != "" {
				continue
			}
			var us *float64
			if t := p.Layer[m]; t != nil && t.MedianUS > 0 {
				us = new(tidy(t.MedianUS))
				measured++
			}
			c.MedianUS = append(c.MedianUS, us)
		}
		if measured > 0 {
			data.Curves = append(data.Curves, c)
		}
		most = max(most, measured)
	}
	if most < 2 || data.Tokens[0] == data.Tokens[len(data.Tokens)-1] {
		return nil
	}
	return &Plot{
		Kind: "tokens", Title: g.name,
		Description: "Median time of the whole layer in microseconds with each enable_es=(up, down), over the tokens of a batch; both axes are logarithmic.",
		Data:        data, Tables: []Table{g.table()},
	}
}
