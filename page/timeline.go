package page

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/moetop/moetop/profiler/saved"
)

const (
	panelHeight = 120
	panelGap    = 34
	// maxBins is as many as there are places on the axis: more could not be seen.
	maxBins = 400
	// maxMarkLabels have room beside each other; the table has them all.
	maxMarkLabels = 12
	// tableBins keeps the table under the timeline readable.
	tableBins = 40
)

// track is a quantity over time.
type track struct {
	name, class string
	value       func(*saved.Moment) *float64
}

var tracks = []track{
	{"step latency, µs", "on", func(m *saved.Moment) *float64 { return m.StepUS }},
	{"SM utilization, %", "off", func(m *saved.Moment) *float64 { return m.SMUtilizationPercent }},
	{"SM clock, MHz", "off", func(m *saved.Moment) *float64 { return m.SMClockMHz }},
	{"power, W", "off", func(m *saved.Moment) *float64 { return m.PowerWatts }},
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

// timeline draws what a stream tells over time; nil if it has no sample.
func timeline(t *saved.Track) *Chart {
	if len(t.Moments) == 0 {
		return nil
	}
	length := max(t.Moments[len(t.Moments)-1].Time.Sub(t.Start), time.Millisecond)
	c := &Chart{
		Title:       "Timeline",
		Description: "Median step latency over the run and, where the GPU tells, SM utilization, clock and power. Vertical lines mark toggles and changes; shaded spans were throttled.",
		Width:       chartWidth,
		Table:       Table{Caption: "Timeline, medians", Head: []string{"time"}},
		Events:      Table{Caption: "What happened", Head: []string{"time", "event"}},
	}
	x := scale{high: length.Seconds(), from: nameWidth, to: chartWidth - 20}
	y := px(30)
	columns := [][]bin{}
	for _, k := range tracks {
		bins := binned(t, length, maxBins, k.value)
		if len(bins) == 0 {
			continue
		}
		c.panel(k, bins, x, y)
		y += panelHeight + panelGap
		c.Table.Head = append(c.Table.Head, k.name)
		columns = append(columns, binned(t, length, tableBins, k.value))
	}
	if len(columns) == 0 {
		return nil
	}
	bottom := y - panelGap
	c.Height = bottom + footSpace + 10
	c.axisX(x, 30, bottom, 10)
	c.Labels = append(c.Labels, label{"name end", nameWidth - 8, bottom + 14, "seconds"})
	c.throttled(t, x, bottom)
	c.marks(t, x, bottom)
	c.Table.Rows = append(c.Table.Rows, binRows(columns)...)
	return c
}

// panel draws one track.
func (c *Chart) panel(k track, bins []bin, x scale, top px) {
	low, high := math.Inf(1), math.Inf(-1)
	for i := range bins {
		low, high = min(low, slices.Min(bins[i].values)), max(high, slices.Max(bins[i].values))
	}
	if low == high {
		low, high = low-1, high+1
	}
	y := scale{low: low, high: high, from: top + panelHeight, to: top}
	c.axisY(y, nameWidth, x.to, 5)
	c.Labels = append(c.Labels, label{"name start", nameWidth, top - 6, k.name})
	xs, ys := make([]px, len(bins)), make([]px, len(bins))
	var band strings.Builder
	for i := range bins {
		b := &bins[i]
		xs[i], ys[i] = x.at(b.at.Seconds()), y.at(b.median())
		_, _ = fmt.Fprintf(&band, "M%v %vV%v", xs[i], y.at(slices.Min(b.values)), y.at(slices.Max(b.values)))
	}
	c.Paths = append(c.Paths, path{"range", band.String()}, path{"curve " + k.class, trace(xs, ys)})
}

// marks draws what happened. Labels that would overlap are left to the table.
func (c *Chart) marks(t *saved.Track, x scale, bottom px) {
	for i, m := range t.Marks {
		at := m.Time.Sub(t.Start).Seconds()
		c.Lines = append(c.Lines, line{"toggle", x.at(at), 24, x.at(at), bottom, m.Text})
		if len(t.Marks) <= maxMarkLabels {
			c.Labels = append(c.Labels, label{"tick middle", x.at(at), px(10 + 10*(i%2)), m.Text})
		}
		c.Events.Rows = append(c.Events.Rows, cells(fmt.Sprintf("%.1f s", at), m.Text))
	}
}

// throttled shades the spans whose readings named a reason.
func (c *Chart) throttled(t *saved.Track, x scale, bottom px) {
	var reasons []string
	begin := time.Duration(-1)
	shade := func(end time.Duration) {
		from, to := x.at(begin.Seconds()), x.at(end.Seconds())
		text := "throttled: " + strings.Join(reasons, ", ")
		c.Rects = append(c.Rects, rect{"throttled", from, 30, max(to-from, 2), bottom - 30, text})
		c.Legend = []legend{{"throttled", "throttled"}}
		c.Events.Rows = append(c.Events.Rows, cells(fmt.Sprintf("%.1f to %.1f s", begin.Seconds(), end.Seconds()), text))
	}
	for i := range t.Moments {
		m := &t.Moments[i]
		// A sample without a reading of its own says nothing.
		if m.ThrottleReasons == nil {
			continue
		}
		at := m.Time.Sub(t.Start)
		if begin >= 0 && !slices.Equal(m.ThrottleReasons, reasons) {
			shade(at)
			begin = -1
		}
		if begin < 0 && len(m.ThrottleReasons) > 0 {
			begin, reasons = at, m.ThrottleReasons
		}
	}
	if begin >= 0 {
		shade(t.Moments[len(t.Moments)-1].Time.Sub(t.Start))
	}
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
