package comparison

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// point is a workload whose layer takes the given time with each mask, and its stages a part of it.
func point(tokens int, us float64) saved.Point {
	w := profiler.CustomWorkload(8, 2, 256, 128)
	w.Tokens = tokens
	p := saved.Point{Workload: w, Kernels: "cutlass"}
	for m := range p.Layer {
		p.Layer[m] = &saved.Times{Count: 100, MedianUS: us * (1 - 0.1*float64(m))}
	}
	for s := range p.Stages {
		p.Stages[s].Off = &saved.Times{Count: 100, MedianUS: us / 8}
	}
	p.Stages[profiler.Up].On = &saved.Times{Count: 100, MedianUS: us / 10}
	p.Stages[profiler.Up].Ratio = &profiler.Ratio{Value: 1.25, Low: 1.24, High: 1.26, PValue: 0.001, Pairs: 100}
	return p
}

func run(points ...saved.Point) saved.Run {
	return saved.Run{Kind: saved.Sweep, Points: points, Environment: profiler.Environment{
		Engine: "cuda", Timer: "cupti", L2: "hot", Provider: "library 1",
		GPU: &profiler.Device{Name: "H200", UUID: "GPU-1", Driver: "580.1"},
	}}
}

func file(name string, runs ...saved.Run) *saved.File { return &saved.File{Name: name, Runs: runs} }

func mustCompare(t *testing.T, before, after *saved.File, o Options) *Result {
	t.Helper()
	r, err := Compare(before, after, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// figure finds one by its name.
func figure(t *testing.T, figures []Figure, name string) *Figure {
	t.Helper()
	for i := range figures {
		if figures[i].Name() == name {
			return &figures[i]
		}
	}
	t.Fatalf("no figure %q", name)
	return nil
}

func TestCompareMatchesPoints(t *testing.T) {
	t.Parallel()
	failed := point(512, 0)
	failed.Failure = "out_of_memory"
	r := mustCompare(t, file("old", run(point(1, 10), point(128, 100), point(256, 150), point(512, 200))),
		file("new", run(point(256, 165), point(1, 10), failed, point(2048, 900))), Options{Threshold: 0.02})
	if len(r.Points) != 2 || r.Points[0].Workload.Tokens != 1 || r.Points[1].Workload.Tokens != 256 {
		t.Fatalf("matched %+v", r.Points)
	}
	if f := figure(t, r.Points[0].Latencies, "layer off"); f.Outcome != Same || f.Ratio.Value != 1 || f.Basis != Nothing {
		t.Errorf("unchanged: %+v", f)
	}
	f := figure(t, r.Points[1].Latencies, "up on")
	if f.Outcome != Slower || math.Abs(f.Ratio.Value-1.1) > 1e-12 || math.Abs(f.Old-15) > 1e-9 || f.Ratio.Low != nil || f.Ratio.PValue != nil {
		t.Errorf("changed: %+v", f)
	}
	if len(r.OldOnly) != 2 || r.OldOnly[0].Why != "" || r.OldOnly[1].Why != "out_of_memory" ||
		len(r.NewOnly) != 1 || !strings.Contains(r.NewOnly[0].Point, "2048 tokens") {
		t.Errorf("old only %+v, new only %+v", r.OldOnly, r.NewOnly)
	}
	// Four masks, six stages, and up with ES on, at each of two points.
	if want := (Counts{Compared: 22, Slower: 11, Failed: 1}); r.Counts != want || !r.Counts.Regressed() {
		t.Errorf("counts %+v, want %+v", r.Counts, want)
	}
	if o := r.Overall[0]; o.Part != "layer" || o.Points != 2 || math.Abs(o.Ratio-math.Sqrt(1.1)) > 1e-12 || o.Smallest != 1 || math.Abs(o.Largest-1.1) > 1e-12 ||
		// With two points Student's quantile is 12.7, and the standard error half their distance.
		math.Abs(math.Log(*o.High)-(0.5+12.7062/2)*math.Log(1.1)) > 1e-4 || math.Abs(*o.Low**o.High-1.1) > 1e-9 {
		t.Errorf("overall %+v", o)
	}
	if g := figure(t, r.Points[1].Gains, "up"); g.Outcome != Same || g.Basis != Interleaved || g.OldCount != 100 {
		t.Errorf("gain %+v", g)
	}
}

func TestCompareRuns(t *testing.T) {
	t.Parallel()
	r := mustCompare(t, file("old", run(point(1, 100)), run(point(1, 101)), run(point(1, 99))),
		file("new", run(point(1, 110)), run(point(1, 111)), run(point(1, 109))), Options{Threshold: 0.02})
	f := figure(t, r.Points[0].Latencies, "layer off")
	if f.Basis != Runs || f.OldCount != 3 || f.NewCount != 3 || f.Outcome != Slower || *f.Ratio.Low < 1.05 || *f.Ratio.High > 1.15 {
		t.Errorf("%+v %v %v", f, *f.Ratio.Low, *f.Ratio.High)
	}
	if *f.Ratio.PAdjusted < *f.Ratio.PValue*10 {
		t.Errorf("p %v was corrected to %v for 11 figures", *f.Ratio.PValue, *f.Ratio.PAdjusted)
	}
	if r.Counts.Tested != r.Counts.Compared || r.Old.Runs != 3 {
		t.Errorf("counts %+v, %d runs", r.Counts, r.Old.Runs)
	}
}

func TestCompareBlocks(t *testing.T) {
	t.Parallel()
	with := func(us float64) saved.Point {
		p := point(1, us)
		for i := range 32 {
			p.Layer[0].BlockUS = append(p.Layer[0].BlockUS, us*(1+0.002*float64(i%5)))
		}
		return p
	}
	r := mustCompare(t, file("old", run(with(100))), file("new", run(with(103))), Options{Threshold: 0.02})
	f := figure(t, r.Points[0].Latencies, "layer off")
	if f.Basis != Blocks || f.OldCount != 32 || f.Outcome != Slower || math.Abs(f.Ratio.Value-1.03) > 1e-9 {
		t.Errorf("%+v", f)
	}
	if other := figure(t, r.Points[0].Latencies, "layer up"); other.Basis != Nothing {
		t.Errorf("no blocks: %+v", other)
	}
}

func TestCompareRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*saved.Run)
		field  string
	}{
		"engine":      {func(r *saved.Run) { r.Engine, r.GPU = "cpu", nil }, "engine"},
		"other board": {func(r *saved.Run) { r.GPU = &profiler.Device{Name: "H200", UUID: "GPU-2"} }, "GPU's UUID"},
		"timer":       {func(r *saved.Run) { r.Timer = "events" }, "timer"},
		"L2":          {func(r *saved.Run) { r.L2 = "cold" }, "L2"},
		"tokens":      {func(r *saved.Run) { r.Points[0].Workload.Tokens = 2 }, "tokens"},
		"seed":        {func(r *saved.Run) { r.Points[0].Workload.Seed = 7 }, "seed"},
		"kernels":     {func(r *saved.Run) { r.Points[0].Kernels = "native" }, "kernels"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changed := run(point(1, 10))
			test.change(&changed)
			before, after := file("old", run(point(1, 10))), file("new", changed)
			_, err := Compare(before, after, Options{})
			different, ok := errors.AsType[*DifferentError](err)
			names := func(d Difference) bool { return d.Field == test.field }
			if !ok || !slices.ContainsFunc(different.Differences, names) || !strings.Contains(err.Error(), test.field) {
				t.Fatalf("%v does not name %s", err, test.field)
			}
			r := mustCompare(t, before, after, Options{Force: true})
			if !slices.ContainsFunc(r.Differences, names) || len(r.Points) != 1 {
				t.Errorf("by force: %+v", r.Differences)
			}
		})
	}
	if _, err := Compare(file("old", run(point(1, 1), point(2, 1))), file("new", run(point(3, 1))), Options{}); err == nil {
		t.Error("sides without a common point were compared")
	}
	// The runs of one side have to agree, too.
	other := run(point(1, 10))
	other.Timer = "events"
	if _, err := Compare(file("old", run(point(1, 10))), file("new", run(point(1, 10)), other), Options{}); err == nil {
		t.Error("a side of two timers was compared")
	}
}

func TestCompareNotes(t *testing.T) {
	t.Parallel()
	before, after := run(point(1, 10)), run(point(1, 10))
	before.Points[0].SMClockMHz = &profiler.Range{Median: 1980}
	after.Points[0].SMClockMHz = &profiler.Range{Median: 1500}
	after.Points[0].ThrottleReasons = []string{"power cap"}
	after.Partial, after.Provider = true, "library 2"
	r := mustCompare(t, file("old", before), file("new", after), Options{Threshold: 0.02})
	text := strings.Join(append(r.Notes, r.Points[0].Notes...), "\n")
	for _, want := range []string{"partial", "library 1, and library 2", "24.2% apart", "new was throttled: power cap"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in %q", want, text)
		}
	}
}

func TestWriteText(t *testing.T) {
	t.Parallel()
	before, after := run(point(1, 10), point(2, 20)), run(point(1, 10), point(2, 30))
	after.Points[1].Verdict.EnableES = &[2]bool{true, false}
	r := mustCompare(t, file("o|ld", before), file("new", after), Options{Threshold: 0.02})
	for name, o := range map[string]TextOptions{"table": {}, "markdown": {Markdown: true}, "all": {All: true}} {
		var out bytes.Buffer
		if err := r.WriteText(&out, o); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		for _, want := range []string{"11 of 22 latencies slower by 2% or more", "+50.0%", "(True, False)", "(geometric mean of new/old)"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no %q in\n%s", name, want, text)
			}
		}
		if hidden := strings.Contains(text, "are not shown"); hidden == o.All {
			t.Errorf("%s: says that figures are hidden: %v", name, hidden)
		}
		if o.Markdown && (!strings.Contains(text, `o\|ld`) || !strings.Contains(text, "|---|")) {
			t.Errorf("not Markdown:\n%s", text)
		}
	}
}

// TestWriteTextShowsTheLargest makes sure that of more changes than people read the largest are shown,
// and that the others are counted.
func TestWriteTextShowsTheLargest(t *testing.T) {
	t.Parallel()
	before, after := run(), run()
	for i := range 100 {
		before.Points = append(before.Points, point(i+1, 100))
		after.Points = append(after.Points, point(i+1, 100*(1.1+float64(i)/100)))
	}
	r := mustCompare(t, file("old", before), file("new", after), Options{Threshold: 0.02})
	rows, kept := r.rows(false)
	// Eleven latencies a point: 200 are those of the last 18 points, and some of the ties before.
	if len(rows) < mostRows || len(rows) > mostRows+11 || kept.more != 1100-len(rows) || kept.same != 100 || !strings.HasPrefix(rows[0][0], "custom 82 ") {
		t.Errorf("%d rows from %v on, %+v left out", len(rows), rows[0], kept)
	}
	if rows, kept = r.rows(true); len(rows) != 1200 || kept != (unshown{}) {
		t.Errorf("all: %d rows, %+v left out", len(rows), kept)
	}
}

func BenchmarkCompareSweeps(b *testing.B) {
	before, after := run(), run()
	for i := range 10_000 {
		before.Points = append(before.Points, point(i+1, float64(i+10)))
		after.Points = append(after.Points, point(i+1, float64(i+11)))
	}
	for b.Loop() {
		if _, err := Compare(file("old", before), file("new", after), Options{Threshold: 0.02}); err != nil {
			b.Fatal(err)
		}
	}
}
