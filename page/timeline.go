package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moetop/moetop/profiler/saved"
)

const (
	// maxBins is as many as there are places on the axis: more could not be seen.
	maxBins = 600
	// tableBins keeps the table under the timeline readable.
	tableBins = 40
)

// timelineData is what a stream tells over time; all times are seconds since its start.
type timelineData struct {
	LengthS   float64 `json:"length"`
	Tracks    []track `json:"tracks"`
	Spans     []span  `json:"spans"`     // which mask ran
	Throttled []span  `json:"throttled"` // and why
	Marks     []mark  `json:"marks"`
}

type track struct {
	Name  string       `json:"name"`
	Unit  string       `json:"unit"`
	Class string       `json:"class"`
	Bins  [][4]float64 `json:"bins"` // time, median, min, max
}

type span struct {
	FromS float64 `json:"from"`
	ToS   float64 `json:"to"`
	Class string  `json:"class,omitempty"`
	Text  string  `json:"text"`
}

type mark struct {
	AtS  float64 `json:"at"`
	Text string  `json:"text"`
}

// quantity is what a track shows.
type quantity struct {
	name, unit, class string
	value             func(*saved.Moment) *float64
}

func quantities() []quantity {
	return []quantity{
		{"step latency", "µs", classOn, func(m *saved.Moment) *float64 { return m.StepUS }},
		{"SM utilization", "%", classOff, func(m *saved.Moment) *float64 { return m.SMUtilizationPercent }},
		{"SM clock", "MHz", classOff, func(m *saved.Moment) *float64 { return m.SMClockMHz }},
		{"power", "W", classOff, func(m *saved.Moment) *float64 { return m.PowerWatts }},
	}
}

// bin is what fell into one place of the axis.
type bin struct {
	at     time.Duration // of its middle
	values []float64
}

func (b *bin) median() float64 {
	slices.Sort(b.values)
	return (b.values[(len(b.values)-1)/2] + b.values[len(b.values)/2]) / 2
}

// binned divides a track over time; empty bins are left out.
func binned(t *saved.Track, length time.Duration, n int, value func(*saved.Moment) *float64) []bin {
	bins := make([]bin, n)
	width := max(length/time.Duration(n), 1)
	for i := range t.Moments {
		m := &t.Moments[i]
		v := value(m)
		if v == nil {
			continue
		}
		at := min(max(int(m.Time.Sub(t.Start)/width), 0), n-1)
		bins[at].at = width*time.Duration(at) + width/2
		bins[at].values = append(bins[at].values, *v)
	}
	return slices.DeleteFunc(bins, func(b bin) bool { return len(b.values) == 0 })
}

// timelinePlot draws what a stream tells over time; nil if it has no sample.
func timelinePlot(t *saved.Track) *Plot {
	if len(t.Moments) == 0 {
		return nil
	}
	length := max(t.Moments[len(t.Moments)-1].Time.Sub(t.Start), time.Millisecond)
	data := timelineData{LengthS: tidy(length.Seconds()), Spans: masks(t), Throttled: throttled(t)}
	table := Table{Caption: "Timeline, medians", Head: []string{"time"}}
	var columns [][]bin
	for _, q := range quantities() {
		bins := binned(t, length, maxBins, q.value)
		if len(bins) == 0 {
			continue
		}
		one := track{Name: q.name, Unit: q.unit, Class: q.class}
		for i := range bins {
			b := &bins[i]
			one.Bins = append(one.Bins, [4]float64{tidy(b.at.Seconds()), tidy(b.median()), tidy(slices.Min(b.values)), tidy(slices.Max(b.values))})
		}
		data.Tracks = append(data.Tracks, one)
		table.Head = append(table.Head, q.name+", "+q.unit)
		columns = append(columns, binned(t, length, tableBins, q.value))
	}
	if len(columns) == 0 {
		return nil
	}
	table.Rows = binRows(columns)
	for _, m := range t.Marks {
		data.Marks = append(data.Marks, mark{tidy(m.Time.Sub(t.Start).Seconds()), m.Text})
	}
	return &Plot{
		Kind: "timeline", Title: "Timeline",
		Description: "Step latency over the run and, where the GPU tells, SM utilization, clock and power: the line is the median of what fell into one place of the axis, the band reaches from the lowest to the highest. The strip on top says which switches were on, vertical lines mark changes, and shaded spans were throttled. Drag on the slider, or turn the wheel with ctrl held, to look closer.",
		Data:        data, Tables: []Table{data.events(), table},
	}
}

// masks joins the samples that ran alike.
func masks(t *saved.Track) []span {
	var all []span
	for i := range t.Moments {
		m := &t.Moments[i]
		if m.StepUS == nil {
			continue
		}
		class, text := maskClass(m.ES), "ES "+m.ES.Tuple()
		if m.AB {
			class, text = "ab", "A/B mode: all in turn"
		}
		at := tidy(m.Time.Sub(t.Start).Seconds())
		if n := len(all); n > 0 {
			all[n-1].ToS = at
			if all[n-1].Class == class {
				continue
			}
		}
		all = append(all, span{FromS: at, ToS: at, Class: class, Text: text})
	}
	if len(all) > 0 {
		all[0].FromS = 0
	}
	return all
}

// throttled are the spans whose readings named a reason.
func throttled(t *saved.Track) []span {
	var all []span
	var reasons []string
	begin := time.Duration(-1)
	finish := func(end time.Duration) {
		all = append(all, span{FromS: tidy(begin.Seconds()), ToS: tidy(end.Seconds()), Text: "throttled: " + strings.Join(reasons, ", ")})
		begin = -1
	}
	for i := range t.Moments {
		m := &t.Moments[i]
		// A sample without a reading of its own says nothing.
		if m.ThrottleReasons == nil {
			continue
		}
		at := m.Time.Sub(t.Start)
		if begin >= 0 && !slices.Equal(m.ThrottleReasons, reasons) {
			finish(at)
		}
		if begin < 0 && len(m.ThrottleReasons) > 0 {
			begin, reasons = at, m.ThrottleReasons
		}
	}
	if begin >= 0 {
		finish(t.Moments[len(t.Moments)-1].Time.Sub(t.Start))
	}
	return all
}

// events tells in order what the marks and the shades show.
func (d *timelineData) events() Table {
	type event struct {
		at         float64
		time, text string
	}
	var all []event
	for _, m := range d.Marks {
		all = append(all, event{m.AtS, fmt.Sprintf("%.1f s", m.AtS), m.Text})
	}
	for _, s := range d.Throttled {
		all = append(all, event{s.FromS, fmt.Sprintf("%.1f to %.1f s", s.FromS, s.ToS), s.Text})
	}
	slices.SortStableFunc(all, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	table := Table{Caption: "What happened", Head: []string{"time", "event"}}
	for _, e := range all {
		table.Rows = append(table.Rows, cells(e.time, e.text))
	}
	return table
}

// binRows joins columns by time.
func binRows(columns [][]bin) [][]Cell {
	var times []time.Duration
	for _, column := range columns {
		for i := range column {
			times = append(times, column[i].at)
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)
	rows := make([][]Cell, 0, len(times))
	for _, at := range times {
		row := cells(fmt.Sprintf("%.1f s", at.Seconds()))
		for _, column := range columns {
			text := ""
			for i := range column {
				if column[i].at == at {
					text = number(column[i].median())
				}
			}
			row = append(row, Cell{Text: text})
		}
		rows = append(rows, row)
	}
	return rows
}
