package page

import (
	"strconv"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/comparison"
	"github.com/moetop/moetop/profiler/saved"
)

// bar is one side of a stage.
type bar struct {
	Name     string      `json:"name"`
	Class    string      `json:"class"`
	MedianUS float64     `json:"median"`
	P90US    float64     `json:"p90"`
	P99US    float64     `json:"p99"`
	Interval *[2]float64 `json:"interval,omitempty"` // of the latency, if the run kept its blocks
}

// stagePlot draws the median of each stage with ES off and on.
func stagePlot(p *saved.Point) *Plot {
	var bars []bar
	blocks := false
	table := Table{Caption: "Stage latency in µs", Head: []string{"stage", "ES", "steps", "median", "p90", "p99", "95% low", "95% high"}}
	add := func(name, side, class string, t *saved.Times) {
		if t == nil {
			return
		}
		b := bar{Name: name, Class: class, MedianUS: tidy(t.MedianUS), P90US: tidy(t.P90US), P99US: tidy(t.P99US)}
		row := cells(name, side, strconv.FormatInt(t.Count, 10), exact(t.MedianUS), exact(t.P90US), exact(t.P99US))
		if low, high, ok := comparison.Interval(t.BlockUS); ok {
			b.Interval, blocks = &[2]float64{tidy(low), tidy(high)}, true
			row = append(row, cells(exact(low), exact(high))...)
		}
		if class != classOnly {
			b.Name += " " + side
		}
		bars, table.Rows = append(bars, b), append(table.Rows, row)
	}
	for _, stage := range profiler.Stages() {
		s := p.Stages[stage]
		if !stage.Switchable() {
			add(stage.String(), "no switch", classOnly, s.Off)
			continue
		}
		add(stage.String(), "off", classOff, s.Off)
		add(stage.String(), "on", classOn, s.On)
	}
	if len(bars) == 0 {
		return nil
	}
	description := "Median of each stage with expert specialization off and on, in microseconds; the thin line reaches to the 99th percentile, with a mark at the 90th."
	if blocks {
		description += " The bracket is the 95% interval of the latency over the run."
	} else {
		table.Head = table.Head[:6]
	}
	return &Plot{
		Kind: "stages", Title: "Stage latency", Description: description,
		Data: bars, Tables: []Table{table},
	}
}

// gain is a named ratio.
type gain struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`

	ratio *profiler.Ratio
}

func gains(p *saved.Point) []gain {
	var all []gain
	add := func(name string, r *profiler.Ratio) {
		if r != nil && r.Low > 0 && r.High > 0 && r.Value > 0 {
			all = append(all, gain{Name: name, Value: r.Value, Low: r.Low, High: r.High, ratio: r})
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

// gainPlot draws off/on with its interval; what lies right of 1 is faster with ES.
func gainPlot(p *saved.Point) *Plot {
	all := gains(p)
	if len(all) == 0 {
		return nil
	}
	table := Table{Caption: "Off divided by on", Head: []string{"figure", "off/on", "95% low", "95% high", "p", "cycles", "SM clock off, MHz", "SM clock on, MHz"}}
	clocks := false
	for _, g := range all {
		off, on := clock(g.ratio.OffConditions), clock(g.ratio.OnConditions)
		clocks = clocks || off+on != ""
		table.Rows = append(table.Rows, cells(g.Name, exact(g.Value), exact(g.Low), exact(g.High),
			probability(g.ratio.PValue), strconv.Itoa(g.ratio.Pairs), off, on))
	}
	if !clocks {
		table.Head = table.Head[:6]
		for i := range table.Rows {
			table.Rows[i] = table.Rows[i][:6]
		}
	}
	return &Plot{
		Kind: "gains", Title: "Gain of expert specialization",
		Description: "Off divided by on, from interleaved measurement, with 95% intervals. Right of 1, expert specialization is faster; an interval that contains 1 settles nothing.",
		Data:        all, Tables: []Table{table},
	}
}

func clock(c *profiler.SideConditions) string {
	if c == nil || c.SMClockMHz == nil {
		return ""
	}
	return number(*c.SMClockMHz)
}
