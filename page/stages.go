package page

import (
	"fmt"
	"math"
	"strconv"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// Sizes of the horizontal charts, in units of the drawing.
const (
	chartWidth = 860
	nameWidth  = 110
	rowHeight  = 34
	barHeight  = 12
	topSpace   = 10
	footSpace  = 26
)

// stageChart draws the median of each stage with ES off and on, and from there a line to p90.
func stageChart(p *saved.Point) *Chart {
	most := 0.0
	for _, s := range p.Stages {
		for _, t := range []*saved.Times{s.Off, s.On} {
			if t != nil {
				most = max(most, t.P90US, t.MedianUS)
			}
		}
	}
	if most == 0 {
		return nil
	}
	height := px(topSpace + profiler.NumStages*rowHeight + footSpace)
	c := &Chart{
		Title:       "Stage latency",
		Description: "Bars show the median of each stage with expert specialization off and on, in microseconds; the thin line reaches from there to the 90th percentile.",
		Width:       chartWidth, Height: height,
		Legend: []legend{{"off", "ES off (median)"}, {"on", "ES on (median)"}, {"reach", "to p90"}},
		Table:  Table{Caption: "Stage latency in µs", Head: []string{"stage", "ES", "steps", "median", "p90", "p99"}},
	}
	s := scale{high: most, from: nameWidth, to: chartWidth - 60}
	c.axisX(s, topSpace, height-footSpace, 8)
	for i, stage := range profiler.Stages() {
		y := px(topSpace + i*rowHeight)
		c.Labels = append(c.Labels, label{"name end", nameWidth - 8, y + rowHeight/2 + 4, stage.String()})
		c.bar(s, y+4, "off", stage.String(), "off", p.Stages[stage].Off)
		c.bar(s, y+4+barHeight, "on", stage.String(), "on", p.Stages[stage].On)
	}
	return c
}

// bar draws one side of a stage and puts it into the table.
func (c *Chart) bar(s scale, y px, class, name, side string, t *saved.Times) {
	if t == nil {
		return
	}
	tip := fmt.Sprintf("%s, ES %s: median %s µs, p90 %s µs, p99 %s µs", name, side, number(t.MedianUS), number(t.P90US), number(t.P99US))
	end, middle := s.at(t.MedianUS), y+barHeight/2
	c.Rects = append(c.Rects, rect{class, s.from, y, max(end-s.from, 1), barHeight - 1, tip})
	c.Lines = append(c.Lines, line{"reach", end, middle, s.at(t.P90US), middle, tip})
	c.Labels = append(c.Labels, label{"value start", s.at(max(t.P90US, t.MedianUS)) + 4, y + barHeight - 2, number(t.MedianUS)})
	c.Table.Rows = append(c.Table.Rows, cells(name, side, strconv.FormatInt(t.Count, 10), exact(t.MedianUS), exact(t.P90US), exact(t.P99US)))
}

// exact writes a figure as the input has it, to a tenth of a nanosecond: what follows is noise of the
// arithmetic.
func exact(v float64) string {
	return strconv.FormatFloat(math.Round(v*1e4)/1e4, 'f', -1, 64)
}

// gain is a named ratio.
type gain struct {
	name  string
	ratio *profiler.Ratio
}

func gains(p *saved.Point) []gain {
	var all []gain
	add := func(name string, r *profiler.Ratio) {
		if r != nil && r.Low > 0 && r.High > 0 && r.Value > 0 {
			all = append(all, gain{name, r})
		}
	}
	for _, stage := range []profiler.Stage{profiler.Up, profiler.Down} {
		add(stage.String(), p.Stages[stage].Ratio)
	}
	for m := profiler.ESUp; m < profiler.NumMasks; m++ {
		add("layer "+m.Tuple(), p.Ratios[m])
	}
	return all
}

// gainChart draws off/on with its interval; what lies right of 1 is faster with ES.
func gainChart(p *saved.Point) *Chart {
	all := gains(p)
	if len(all) == 0 {
		return nil
	}
	low, high := 0.95, 1.05
	for _, g := range all {
		low, high = min(low, g.ratio.Low), max(high, g.ratio.High)
	}
	height := px(topSpace + len(all)*rowHeight + footSpace)
	c := &Chart{
		Title:       "Gain of expert specialization",
		Description: "Off divided by on, from interleaved measurement, with 95% intervals. Right of 1, expert specialization is faster; an interval that contains 1 settles nothing.",
		Width:       chartWidth, Height: height,
		Table: Table{Caption: "Off divided by on", Head: []string{"figure", "off/on", "low", "high", "p", "cycles"}},
	}
	s := scale{low: low / 1.02, high: high * 1.02, from: 2 * nameWidth, to: chartWidth - 60, log: high/low > 4}
	c.axisX(s, topSpace, height-footSpace, 8)
	c.Lines = append(c.Lines, line{Class: "one", X1: s.at(1), Y1: topSpace, X2: s.at(1), Y2: height - footSpace})
	for i, g := range all {
		y := px(topSpace + i*rowHeight + rowHeight/2)
		class := "unsure"
		switch {
		case g.ratio.Low > 1:
			class = "good"
		case g.ratio.High < 1:
			class = "bad"
		}
		tip := fmt.Sprintf("%s: %.3f, 95%% interval %.3f to %.3f", g.name, g.ratio.Value, g.ratio.Low, g.ratio.High)
		c.Labels = append(c.Labels, label{"name end", 2*nameWidth - 8, y + 4, g.name},
			label{"value start", s.at(g.ratio.High) + 6, y + 4, fmt.Sprintf("%.3f", g.ratio.Value)})
		c.Lines = append(c.Lines, line{class + " interval", s.at(g.ratio.Low), y, s.at(g.ratio.High), y, tip})
		c.Rects = append(c.Rects, rect{class, s.at(g.ratio.Value) - 4, y - 5, 8, 10, tip})
		c.Table.Rows = append(c.Table.Rows, cells(g.name, exact(g.ratio.Value), exact(g.ratio.Low), exact(g.ratio.High),
			strconv.FormatFloat(g.ratio.PValue, 'g', 3, 64), strconv.Itoa(g.ratio.Pairs)))
	}
	return c
}

// spread is a distribution with its extremes, which only a report has.
type spread struct {
	name string
	*profiler.Summary
}

// spreadChart draws the distribution of whole steps and of both switchable stages.
func spreadChart(r *profiler.Report) *Chart {
	var all []spread
	add := func(name string, s *profiler.Summary) {
		if s != nil && s.Count > 0 && s.MinUS > 0 {
			all = append(all, spread{name, s})
		}
	}
	for m := range profiler.ESMask(profiler.NumMasks) {
		add("layer "+m.Tuple(), r.Step.Mask(m))
	}
	for _, s := range r.Stages {
		if s.Switchable {
			add(s.Name+" off", s.Off)
			add(s.Name+" on", s.On)
		}
	}
	if len(all) == 0 {
		return nil
	}
	low, high := math.Inf(1), 0.0
	for _, d := range all {
		low, high = min(low, d.MinUS), max(high, d.MaxUS)
	}
	height := px(topSpace + len(all)*rowHeight + footSpace)
	c := &Chart{
		Title:       "Distribution of latencies",
		Description: "From the shortest to the longest step, in microseconds on a logarithmic axis: thin line from minimum to maximum, box from median to 90th percentile, mark at the 99th.",
		Width:       chartWidth, Height: height,
		Legend: []legend{{"interval", "minimum to maximum"}, {"box", "median to p90"}, {"mark", "p99"}},
		Table:  Table{Caption: "Distribution in µs", Head: []string{"figure", "steps", "min", "median", "mean", "p90", "p99", "max"}},
	}
	s := scale{low: low * 0.97, high: high * 1.03, from: 2 * nameWidth, to: chartWidth - 20, log: true}
	c.axisX(s, topSpace, height-footSpace, 8)
	for i, d := range all {
		y := px(topSpace + i*rowHeight + rowHeight/2)
		tip := fmt.Sprintf("%s: %s to %s µs, median %s, p90 %s, p99 %s", d.name, number(d.MinUS), number(d.MaxUS), number(d.MedianUS), number(d.P90US), number(d.P99US))
		c.Labels = append(c.Labels, label{"name end", 2*nameWidth - 8, y + 4, d.name})
		c.Lines = append(c.Lines, line{"interval", s.at(d.MinUS), y, s.at(d.MaxUS), y, tip},
			line{"mark", s.at(d.P99US), y - 7, s.at(d.P99US), y + 7, tip})
		c.Rects = append(c.Rects, rect{"box", s.at(d.MedianUS), y - 6, max(s.at(d.P90US)-s.at(d.MedianUS), 2), 12, tip})
		c.Table.Rows = append(c.Table.Rows, cells(d.name, strconv.FormatInt(d.Count, 10), exact(d.MinUS), exact(d.MedianUS),
			exact(d.MeanUS), exact(d.P90US), exact(d.P99US), exact(d.MaxUS)))
	}
	return c
}
