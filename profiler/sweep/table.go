package sweep

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
)

// missing stands in tables for what is not known.
const missing = "-"

// WriteTable writes the points and then the deployment table, for people.
func (d *Document) WriteTable(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintln(&b, d.title())
	fmt.Fprintf(&b, "\n%-16s %6s %-9s %-9s %9s %9s  %-19s %9s %9s  %-19s %9s %6s  %s\n", "model", "tokens", "routing", "kernels",
		"up off", "on", "off/on", "down off", "on", "off/on", "layer off", "SM MHz", "enable_es")
	for i := range d.Points {
		d.Points[i].writeRow(&b)
	}
	fmt.Fprint(&b, "medians in µs; off/on above 1 means that ES is faster, with its 95% interval\n")
	fmt.Fprintf(&b, "\nDeployment\n%-16s %-9s %-9s %-13s %s\n", "model", "routing", "kernels", "tokens", "enable_es")
	for _, a := range d.Deployment {
		fmt.Fprintf(&b, "%-16s %-9s %-9s %-13s %-14s  %s\n", a.Model, a.Routing, a.Kernels, a.tokens(), tupleText(a.EnableES), a.Text)
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// title says where the figures come from.
func (d *Document) title() string {
	parts := []string{"CPU reference engine: these figures say nothing about a GPU"}
	switch {
	case d.GPU != nil:
		parts = []string{d.GPU.Name}
	case d.Engine == "":
		parts = []string{"nothing was measured"}
	}
	if d.Timer != "" {
		parts = append(parts, "timer "+d.Timer)
	}
	parts = append(parts, "seed "+strconv.FormatUint(d.Plan.Seed, 10))
	if d.Partial {
		parts = append(parts, "partial")
	}
	return strings.Join(parts, " · ")
}

func (r *Result) writeRow(b *strings.Builder) {
	fmt.Fprintf(b, "%-16s %6d %-9s %-9s ", r.Model, r.Tokens, r.Routing, r.Family())
	if r.Status != OK {
		fmt.Fprintf(b, "%s: %s\n", strings.ReplaceAll(string(r.Status), "_", " "), r.Error)
		return
	}
	for _, s := range []profiler.Stage{profiler.Up, profiler.Down} {
		stage := r.Stage(s)
		fmt.Fprintf(b, "%9s %9s  %-19s ", medianText(stage.Off), medianText(stage.On), ratioText(stage.Ratio))
	}
	clock := missing
	if r.SMClockMHz != nil {
		clock = strconv.FormatFloat(r.SMClockMHz.Median, 'f', 0, 64)
	}
	fmt.Fprintf(b, "%9s %6s  %s", medianText(r.Layer.OffOff), clock, tupleText(r.Verdict.EnableES))
	if len(r.ThrottleReasons) > 0 {
		fmt.Fprintf(b, "  throttled: %s", strings.Join(r.ThrottleReasons, ", "))
	}
	b.WriteByte('\n')
}

// tokens writes the range.
func (a *Advice) tokens() string {
	if a.TokensFrom == a.TokensTo {
		return strconv.Itoa(a.TokensFrom)
	}
	return fmt.Sprintf("%d%s%d", a.TokensFrom, rangeMark, a.TokensTo)
}

func medianText(t *Times) string {
	if t == nil {
		return missing
	}
	return strconv.FormatFloat(t.MedianUS, 'f', 1, 64)
}

func ratioText(r *profiler.Ratio) string {
	if r == nil {
		return missing
	}
	return fmt.Sprintf("%.3f [%.3f, %.3f]", r.Value, r.Low, r.High)
}

func tupleText(tuple *[2]bool) string {
	if tuple == nil {
		return missing
	}
	return mask(*tuple).Tuple()
}
