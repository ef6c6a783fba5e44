package sweep

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/moetop/moetop/profiler"
)

// WriteBenchmarks writes the points in the format of Go's benchmarks, which benchstat reads: one line
// for each switchable stage and side, for each other stage, and for the layer with each mask. The
// keys /stage and /es let benchstat put the sides beside each other (-col /es). A point is one line:
// a sweep that is run several times gives benchstat the samples that its intervals need.
func (d *Document) WriteBenchmarks(out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "goos: %s\ngoarch: %s\npkg: moetop\n", d.Host.OS, d.Host.Arch)
	if d.GPU != nil {
		fmt.Fprintf(&b, "gpu: %s\n", d.GPU.Name)
	}
	fmt.Fprintf(&b, "engine: %s\ntimer: %s\nseed: %d\nmoetop-version: %s\n\n", d.Engine, d.Timer, d.Plan.Seed, d.Version)
	for i := range d.Points {
		r := &d.Points[i]
		for _, stage := range profiler.Stages() {
			times := r.Stage(stage)
			writeBenchmark(&b, r, stage.String(), profiler.ESOff.String(), times.Off)
			if stage.Switchable() {
				writeBenchmark(&b, r, stage.String(), "on", times.On)
			}
		}
		for m := range profiler.ESMask(profiler.NumMasks) {
			writeBenchmark(&b, r, "layer", m.String(), r.Layer.Times(m))
		}
	}
	if _, err := io.WriteString(out, b.String()); err != nil {
		return fmt.Errorf("write the benchmarks: %w", err)
	}
	return nil
}

// writeBenchmark writes one line, or none for what was not measured. Medians stand for a step's time.
func writeBenchmark(b *strings.Builder, r *Result, stage, es string, t *profiler.Times) {
	if t == nil {
		return
	}
	const nsPerUS = 1000
	fmt.Fprintf(b, "BenchmarkMoE/model=%s/tokens=%d/routing=%v/kernels=%s/stage=%s/es=%s %d %.1f ns/op %.1f p99-ns/op\n",
		r.Model, r.Tokens, keyValue(r.Routing.String()), r.Family(), stage, es, t.Count, t.MedianUS*nsPerUS, t.P99US*nsPerUS)
}

// keyValue keeps a value within its key: a name ends at a space, and a key at a slash.
func keyValue(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '/' || unicode.IsSpace(r) {
			return '_'
		}
		return r
	}, text)
}
