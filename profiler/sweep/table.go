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

// wideTable is the width from which on the table has the times of both sides, and not only ratios.
const wideTable = 165

// WriteTable writes the points and then the deployment table, for people. width is that of their
// terminal; 0 is any.
func (d *Document) WriteTable(out io.Writer, width int) error {
	wide := width == 0 || width >= wideTable
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%-16s %6s %-9s %-9s ", d.title(), "model", "tokens", "routing", "kernels")
	if wide {
		fmt.Fprintf(&b, "%9s %9s  %-21s %9s %9s  %-21s %9s %6s  ", "up off", "on", "off/on", "down off", "on", "off/on", "layer off", "SM MHz")
	} else {
		fmt.Fprintf(&b, " %-21s %-21s ", "up off/on", "down off/on")
	}
	fmt.Fprintln(&b, "enable_es")
	for i := range d.Points {
		d.Points[i].writeRow(&b, wide)
	}
	if wide {
		fmt.Fprint(&b, "medians in µs; ")
	}
	fmt.Fprint(&b, "off/on above 1 means that ES is faster, with its 95% interval\n")
	if len(d.Plan.Kernels) > 1 {
		fmt.Fprintf(&b, "as fast as: the layer's time with those kernels over that with these, each with its fastest tuple\n")
	}
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

func (r *Result) writeRow(b *strings.Builder, wide bool) {
	fmt.Fprintf(b, "%-16s %6d %-9s %-9s ", r.Model, r.Tokens, r.Routing, r.Family())
	if r.Status != OK {
		fmt.Fprintf(b, " %s: %s\n", strings.ReplaceAll(string(r.Status), "_", " "), r.Error)
		return
	}
	up, down := r.Stage(profiler.Up), r.Stage(profiler.Down)
	if wide {
		clock := missing
		if r.SMClockMHz != nil {
			clock = strconv.FormatFloat(r.SMClockMHz.Median, 'f', 0, 64)
		}
		for _, stage := range []Stage{up, down} {
			fmt.Fprintf(b, "%9s %9s  %-21s ", medianText(stage.Off), medianText(stage.On), ratioText(stage.Ratio))
		}
		fmt.Fprintf(b, "%9s %6s  ", medianText(r.Layer.OffOff), clock)
	} else {
		fmt.Fprintf(b, " %-21s %-21s ", ratioText(up.Ratio), ratioText(down.Ratio))
	}
	b.WriteString(tupleText(r.Verdict.EnableES))
	if r.Against != nil && r.Against.Layer != nil {
		fmt.Fprintf(b, "  %s as fast as %s", ratioText(r.Against.Layer), r.Against.Kernels)
	}
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

func medianText(t *profiler.Times) string {
	if t == nil {
		return missing
	}
	return strconv.FormatFloat(t.MedianUS, 'f', 1, 64)
}

func ratioText(r *profiler.Ratio) string {
	if r == nil {
		return missing
	}
	return profiler.RatioText(r.Value, r.Low, r.High)
}

func tupleText(tuple *[2]bool) string {
	if tuple == nil {
		return missing
	}
	return mask(*tuple).Tuple()
}
