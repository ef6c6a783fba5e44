package sweep

import (
	"encoding/csv"
	"flag"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/perf/benchfmt"

	"github.com/moetop/moetop/profiler"
)

var update = flag.Bool("update", false, "write the golden files anew")

// outcome makes a result of a point of dsv3-tp8 whose stages have the given ratios off/on.
func outcome(tokens int, up, down float64, tuple *[2]bool) Result {
	ratio := func(v float64) *profiler.Ratio {
		return &profiler.Ratio{Value: v, Low: v - 0.01, High: v + 0.01, PValue: 0.001, Pairs: 40}
	}
	times := func(us float64) *profiler.Times {
		return &profiler.Times{Count: 640, MedianUS: us, P90US: us * 1.1, P99US: us * 1.2}
	}
	r := Result{
		Figures: Figures{
			Point:  Point{Model: "dsv3-tp8", Tokens: tokens, Routing: profiler.Routing{Kind: profiler.Uniform}, Kernels: "cutlass"},
			Status: OK, RanKernels: "cutlass", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Seed: 1, Pairs: 40,
			Verdict:    profiler.Verdict{EnableES: tuple, Text: "a verdict"},
			SMClockMHz: &profiler.Range{Median: 1980, Min: 1900, Max: 1980, Count: 9}, ThrottleReasons: []string{},
		},
		Timer: "cupti", DurationS: 2.5, Warnings: []profiler.Warning{},
		Command: []string{"moetop", "--json", "--ab", "--tokens=" + strconv.Itoa(tokens)},
	}
	full := float64(100 * tokens)
	for _, stage := range profiler.Stages() {
		s := Stage{Name: stage.String(), Switchable: stage.Switchable(), Off: times(full)}
		if v := map[profiler.Stage]float64{profiler.Up: up, profiler.Down: down}[stage]; v != 0 {
			s.On, s.Ratio = times(full/v), ratio(v)
		}
		r.Stages = append(r.Stages, s)
	}
	r.Layer = Layer{
		OffOff: times(6 * full), OnOff: times(6 * full / up), OffOn: times(6 * full / down), OnOn: times(6 * full / up / down),
		Gap: times(1), OnOffRatio: ratio(up), OffOnRatio: ratio(down), OnOnRatio: ratio(up * down),
	}
	return r
}

var (
	off  = &[2]bool{false, false}
	down = &[2]bool{false, true}
	both = &[2]bool{true, true}
)

// example is a small sweep with everything that can happen to a point.
func example() *Document {
	h := Header{
		SchemaVersion: profiler.SchemaVersion,
		Environment: profiler.Environment{
			Version: "v1", Engine: "cuda", Timer: "cupti", Host: profiler.Host{Name: "h", OS: "linux", Arch: "amd64"},
			GPU: &profiler.Device{Name: "NVIDIA H200", UUID: "GPU-1"},
		},
		Command: []string{"moetop", "sweep", "--model=dsv3-tp8"},
		Plan: Plan{
			Models: []string{"dsv3-tp8"}, Kernels: []string{"cutlass"}, Routings: []profiler.Routing{{Kind: profiler.Uniform}},
			Tokens: []int{2, 4, 16, 64, 256, 1024, 4096, 8192}, Seed: 1, Pairs: 40, TimeS: 10,
		},
	}
	throttled := outcome(64, 1.05, 1.2, both)
	throttled.ThrottleReasons = []string{"sw_power_cap"}
	unknown := outcome(4096, 1, 1, nil)
	results := map[Point]Result{}
	for _, r := range []Result{
		outcome(2, 1.001, 1.001, off), outcome(4, 0.999, 1, off), outcome(16, 1.1, 1.3, both), throttled,
		outcome(256, 0.95, 1.1, down), outcome(1024, 0.8, 0.9, off), unknown,
		failure(unknown.Point, ""),
	} {
		if r.Error == "" && r.Status == Failed {
			r = failure(Point{Model: "dsv3-tp8", Tokens: 8192, Routing: r.Routing, Kernels: "cutlass"}, "does not fit: 9 bytes are missing")
		}
		results[r.Point] = r
	}
	return NewDocument(h, results, time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC))
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("%s differs (%v); got:\n%s", path, err, got)
	}
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	d := example()
	if d.Partial || len(d.Points) != 8 {
		t.Fatalf("partial %v, %d points", d.Partial, len(d.Points))
	}
	want := []struct {
		tokens  string
		tuple   *[2]bool
		matters any
		gain    bool
	}{
		{"2..4", off, false, false},
		{"16..64", both, true, true},
		{"256", down, true, true},
		{"1024", off, true, false},
		{"4096", nil, nil, false},
		{"8192", nil, nil, false},
	}
	if len(d.Deployment) != len(want) {
		t.Fatalf("%d ranges: %+v", len(d.Deployment), d.Deployment)
	}
	for i, a := range d.Deployment {
		w := want[i]
		if a.tokens() != w.tokens || tupleText(a.EnableES) != tupleText(w.tuple) || (a.Gain != nil) != w.gain ||
			(a.Matters != nil) != (w.matters != nil) || a.Matters != nil && *a.Matters != w.matters {
			t.Errorf("%d: %+v", i, a)
		}
	}
	// 1.1*1.3 at 16 tokens and 1.05*1.2 at 64: the mean of both, and an interval around both.
	g := d.Deployment[1].Gain
	if !near(g.Value, math.Sqrt(1.1*1.3*1.05*1.2)) || !near(g.Low, 1.05*1.2-0.01) || !near(g.High, 1.1*1.3+0.01) {
		t.Errorf("gain %+v", g)
	}
	if g := d.Deployment[2].Gain; !near(g.Value, 1.1) {
		t.Errorf("gain of down alone %+v", g)
	}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestDeploySeparates(t *testing.T) {
	t.Parallel()
	other := outcome(16, 1.1, 1.3, both)
	other.Routing = profiler.Routing{Kind: profiler.Hot}
	failed := failure(Point{Model: "dsv3-tp8", Tokens: 32, Routing: other.Routing, Kernels: "cutlass"}, "died")
	third := other
	third.Tokens, third.RanKernels, other.RanKernels = 64, "reference", "reference"
	advice := Deploy([]Result{outcome(16, 1.1, 1.3, both), other, failed, third})
	if len(advice) != 4 || len(groups(advice)) != 2 {
		t.Fatalf("%d ranges in %d groups: %+v", len(advice), len(groups(advice)), advice)
	}
	if a := advice[2]; a.EnableES != nil || a.Text != "not measured: died" {
		t.Errorf("%+v", a)
	}
	if got := Deploy(nil); got == nil || len(got) != 0 {
		t.Errorf("%v: JSON would show null", got)
	}
}

func TestBoundary(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ last, next, want int }{{4, 16, 8}, {1, 2, 1}, {2, 4, 2}, {64, 65, 64}, {3, 5, 3}} {
		if got := boundary(test.last, test.next); got != test.want {
			t.Errorf("%d to %d: %d", test.last, test.next, got)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	for name, width := range map[string]int{"table.txt": 0, "table-120.txt": 120} {
		var b strings.Builder
		if err := example().WriteTable(&b, width); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.String())
	}
}

func TestPython(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := example().WritePython(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "deploy.py", b.String())
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("no python3")
	}
	check := `
for tokens, want in {1: (False, False), 4: (False, False), 8: (False, False), 9: (True, True), 64: (True, True), 128: (True, True),
                     129: (False, True), 512: (False, True), 513: (False, False), 9999: (False, False)}.items():
    assert enable_es("dsv3-tp8", tokens) == want, (tokens, enable_es("dsv3-tp8", tokens))
try:
    enable_es("other", 1)
except KeyError:
    print("fine")
`
	out, err := exec.Command(python, "-c", b.String()+check).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "fine" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestCSV(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	d := example()
	if err := d.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil || len(rows) != 1+len(d.Points) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	at := map[string]int{}
	for i, name := range rows[0] {
		at[name] = i
	}
	for name, want := range map[string]string{
		"tokens": "256", "up_off_us": "25600", "up_ratio": "0.95", "down_ratio_low": strconv.FormatFloat(1.1-0.01, 'g', -1, 64),
		"layer_off_off_us": "153600", "route_us": "25600", "sm_clock_mhz": "1980", "power_watts": "", "enable_es_down": "true",
		"throttle_reasons": "", "status": "ok", "command": "moetop --json --ab --tokens=256",
	} {
		i, has := at[name]
		if !has || rows[5][i] != want {
			t.Errorf("%s: %q, not %q", name, rows[5][i], want)
		}
	}
	if last := rows[8]; last[at["status"]] != "out_of_memory" || last[at["up_off_us"]] != "" || last[at["error"]] == "" {
		t.Errorf("%q", last)
	}
}

func TestBenchmarks(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := example().WriteBenchmarks(&b); err != nil {
		t.Fatal(err)
	}
	reader := benchfmt.NewReader(strings.NewReader(b.String()), "sweep")
	lines, found := 0, false
	for reader.Scan() {
		result, ok := reader.Result().(*benchfmt.Result)
		if !ok {
			t.Fatalf("%v", reader.Result())
		}
		lines++
		seconds, has := result.Value("sec/op")
		if !has || result.GetConfig("gpu") != "NVIDIA H200" {
			t.Errorf("%s: %v s, gpu %q", result.Name, seconds, result.GetConfig("gpu"))
		}
		if string(result.Name.Full()) == "MoE/model=dsv3-tp8/tokens=16/routing=uniform/kernels=cutlass/stage=layer/es=both" {
			found = true
			if want := 9600e-6 / 1.1 / 1.3; !near(seconds, want) {
				t.Errorf("%v s, not %v", seconds, want)
			}
		}
	}
	// Seven points were measured: four plain stages, two stages with two sides, four masks.
	if err := reader.Err(); err != nil || lines != 7*(4+2*2+4) || !found {
		t.Errorf("%d lines, found %v, %v", lines, found, err)
	}
}
