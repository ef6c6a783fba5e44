package page

import (
	"fmt"
	"strconv"

	"github.com/moetop/moetop/profiler"
)

// panel is one plot of a group that shares its legend.
type panel struct {
	Name   string  `json:"name"`
	Curves []curve `json:"curves"`
}

// curve is a line of a plot.
type curve struct {
	Name   string       `json:"name"`
	Class  string       `json:"class"`
	Points [][2]float64 `json:"points"`
	MaxUS  float64      `json:"max,omitempty"` // of a distribution: the longest of Count
	Count  int64        `json:"count,omitempty"`
}

// distributionPlot draws latency over percentile for whole steps and for both switchable stages, and
// keeps what lies beyond the 99th in sight.
func distributionPlot(r *profiler.Report) *Plot {
	table := Table{Caption: "Distribution in µs", Head: []string{"figure", "steps", "min", "median", "mean", "p90", "p99", "max"}}
	details := Table{Caption: "Percentiles in µs"}
	add := func(p *panel, name, class string, s *profiler.Summary) {
		if s == nil || s.Count == 0 || s.MinUS <= 0 {
			return
		}
		c := curve{Name: name, Class: class, MaxUS: tidy(s.MaxUS), Count: s.Count}
		c.Points = append(c.Points, [2]float64{0, tidy(s.MinUS)})
		for _, q := range percentiles(s) {
			c.Points = append(c.Points, [2]float64{q.Percent, tidy(q.TimeUS)})
		}
		p.Curves = append(p.Curves, c)
		full := p.Name
		if name != "" {
			full += " " + name
		}
		table.Rows = append(table.Rows, cells(full, strconv.FormatInt(s.Count, 10), exact(s.MinUS), exact(s.MedianUS),
			exact(s.MeanUS), exact(s.P90US), exact(s.P99US), exact(s.MaxUS)))
		if len(s.Percentiles) > 0 {
			row := cells(full)
			if len(details.Head) == 0 {
				details.Head = []string{"figure"}
				for _, q := range s.Percentiles {
					details.Head = append(details.Head, fmt.Sprintf("p%v", q.Percent))
				}
			}
			for _, q := range s.Percentiles {
				row = append(row, Cell{Text: exact(q.TimeUS)})
			}
			details.Rows = append(details.Rows, row)
		}
	}
	layer := panel{Name: "layer"}
	for m := range profiler.ESMask(profiler.NumMasks) {
		add(&layer, m.Tuple(), maskClass(m), r.Step.Mask(m))
	}
	panels := []panel{layer}
	for _, s := range r.Stages {
		if s.Switchable {
			p := panel{Name: s.Name}
			add(&p, "off", classOff, s.Off)
			add(&p, "on", classOn, s.On)
			panels = append(panels, p)
		}
	}
	var drawn []panel
	for _, p := range panels {
		if len(p.Curves) > 0 {
			drawn = append(drawn, p)
		}
	}
	if len(drawn) == 0 {
		return nil
	}
	return &Plot{
		Kind: "distribution", Title: "Latency distribution",
		Description: "Latency in microseconds that the given share of all steps stayed under; each mark on the horizontal axis leaves a tenth of the steps before it, so that the slowest can be seen. The last point of a line is the slowest step.",
		Data:        drawn, Tables: []Table{table, details},
	}
}

// percentiles are those of the report, or the three that every report has.
func percentiles(s *profiler.Summary) []profiler.Percentile {
	if len(s.Percentiles) > 0 {
		return s.Percentiles
	}
	return []profiler.Percentile{{Percent: 50, TimeUS: s.MedianUS}, {Percent: 90, TimeUS: s.P90US}, {Percent: 99, TimeUS: s.P99US}}
}
