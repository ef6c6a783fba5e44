package sweep

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/moetop/moetop/profiler"
)

// WriteCSV writes a row for each point, with a header. What is not known is empty.
func (d *Document) WriteCSV(out io.Writer) error {
	w := csv.NewWriter(out)
	columns := columns()
	row := make([]string, len(columns))
	for i, c := range columns {
		row[i] = c.name
	}
	if err := w.Write(row); err != nil {
		return fmt.Errorf("write the CSV: %w", err)
	}
	for p := range d.Points {
		for i, c := range columns {
			row[i] = c.of(&d.Points[p])
		}
		if err := w.Write(row); err != nil {
			return fmt.Errorf("write the CSV: %w", err)
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return fmt.Errorf("write the CSV: %w", err)
	}
	return nil
}

// column is a column of the CSV.
type column struct {
	name string
	of   func(*Result) string
}

func columns() []column {
	all := []column{
		{"model", func(r *Result) string { return r.Model }},
		{"tokens", func(r *Result) string { return strconv.Itoa(r.Tokens) }},
		{"routing", func(r *Result) string { return r.Routing.String() }},
		{"kernels", func(r *Result) string { return r.Family() }},
		{"status", func(r *Result) string { return string(r.Status) }},
		{"pairs", func(r *Result) string { return strconv.Itoa(r.Pairs) }},
		{"enable_es_up", func(r *Result) string { return tuplePart(r, 0) }},
		{"enable_es_down", func(r *Result) string { return tuplePart(r, 1) }},
	}
	for _, stage := range profiler.Stages() {
		name := stage.String()
		if !stage.Switchable() {
			all = append(all, column{name + "_us", func(r *Result) string { return median(r.Stage(stage).Off) }})
			continue
		}
		all = append(all,
			column{name + "_off_us", func(r *Result) string { return median(r.Stage(stage).Off) }},
			column{name + "_on_us", func(r *Result) string { return median(r.Stage(stage).On) }})
		all = append(all, ratioColumns(name, func(r *Result) *profiler.Ratio { return r.Stage(stage).Ratio })...)
	}
	names := [profiler.NumMasks]string{"off_off", "on_off", "off_on", "on_on"}
	for m := range profiler.ESMask(profiler.NumMasks) {
		all = append(all, column{"layer_" + names[m] + "_us", func(r *Result) string { return median(r.Layer.Times(m)) }})
		if m != profiler.ESOff {
			all = append(all, ratioColumns("layer_"+names[m], func(r *Result) *profiler.Ratio { return r.Layer.Ratio(m) })...)
		}
	}
	all = append(all,
		column{"sm_clock_mhz", func(r *Result) string { return middle(r.SMClockMHz) }},
		column{"power_watts", func(r *Result) string { return middle(r.PowerWatts) }},
		column{"temperature_celsius", func(r *Result) string { return middle(r.TemperatureCelsius) }},
		column{"throttle_reasons", func(r *Result) string { return strings.Join(r.ThrottleReasons, " ") }},
		column{"seed", func(r *Result) string { return strconv.FormatUint(r.Seed, 10) }},
		column{"time", func(r *Result) string { return r.Time.Format(time.RFC3339) }},
		column{"error", func(r *Result) string { return r.Error }},
		column{"command", func(r *Result) string { return strings.Join(r.Command, " ") }},
	)
	for _, stage := range profiler.Stages() {
		all = append(all, column{stage.String() + "_attainable_us", func(r *Result) string {
			if us := r.Stage(stage).AttainableUS; us != nil {
				return number(*us)
			}
			return ""
		}})
	}
	return append(all, againstColumns()...)
}

// againstColumns are those of the comparison with the first kernel family.
func againstColumns() []column {
	of := func(part func(*Against) *profiler.Ratio) func(*Result) *profiler.Ratio {
		return func(r *Result) *profiler.Ratio {
			if r.Against == nil {
				return nil
			}
			return part(r.Against)
		}
	}
	all := []column{{"against_kernels", func(r *Result) string {
		if r.Against == nil {
			return ""
		}
		return r.Against.Kernels
	}}}
	all = append(all, ratioColumns("against_layer", of(func(a *Against) *profiler.Ratio { return a.Layer }))...)
	all = append(all, ratioColumns("against_up", of(func(a *Against) *profiler.Ratio { return a.Up }))...)
	return append(all, ratioColumns("against_down", of(func(a *Against) *profiler.Ratio { return a.Down }))...)
}

func ratioColumns(name string, of func(*Result) *profiler.Ratio) []column {
	part := func(which func(*profiler.Ratio) float64) func(*Result) string {
		return func(r *Result) string {
			ratio := of(r)
			if ratio == nil {
				return ""
			}
			return number(which(ratio))
		}
	}
	return []column{
		{name + "_ratio", part(func(r *profiler.Ratio) float64 { return r.Value })},
		{name + "_ratio_low", part(func(r *profiler.Ratio) float64 { return r.Low })},
		{name + "_ratio_high", part(func(r *profiler.Ratio) float64 { return r.High })},
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func median(t *profiler.Times) string {
	if t == nil {
		return ""
	}
	return number(t.MedianUS)
}

func middle(r *profiler.Range) string {
	if r == nil {
		return ""
	}
	return number(r.Median)
}

func tuplePart(r *Result, i int) string {
	if r.Verdict.EnableES == nil {
		return ""
	}
	return strconv.FormatBool(r.Verdict.EnableES[i])
}
