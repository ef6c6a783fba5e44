package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// sweepSchemas compiles the schema of a sweep's document and of a line of its journal.
func sweepSchemas(t *testing.T) (document, line *jsonschema.Schema) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, name := range []string{"report.schema.json", "sweep.schema.json"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", name))
		if err != nil {
			t.Fatal(err)
		}
		schema, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		closeObjects(schema)
		if err := compiler.AddResource(schemaBase+name, schema); err != nil {
			t.Fatal(err)
		}
	}
	return compiler.MustCompile(schemaBase + "sweep.schema.json"), compiler.MustCompile(schemaBase + "sweep.schema.json#/$defs/line")
}

// sweptOnCPU is a sweep of steps of a millisecond each on the CPU. Points end by their cycles: a busy
// machine takes its time for them.
func sweptOnCPU(more ...string) []string {
	return append([]string{"sweep", "--engine", "cpu", "--tokens", "1,2", "--pairs", "2", "--time", "30s"}, more...)
}

// sweptOnFake is a sweep on the stand-in for a GPU, of steps that are over at once.
func sweptOnFake(more ...string) []string {
	return append([]string{"sweep", "--engine", "cuda", "--library", fakeLibrary(), "--model", "qwen3-30b", "--time", "30s"}, more...)
}

func swept(t *testing.T, text string) *sweep.Document {
	t.Helper()
	var d sweep.Document
	if err := json.Unmarshal([]byte(text), &d); err != nil || d.Kind != sweep.Kind {
		t.Fatalf("%v in %.300q", err, text)
	}
	return &d
}

func TestSweepJSON(t *testing.T) {
	t.Parallel()
	schema, _ := sweepSchemas(t)
	// Limits of a single run must not end a point.
	env := []string{"XDG_STATE_HOME=" + t.TempDir(), "MOETOP_STEPS=1", "MOETOP_ES=up"}
	got := runBinary(t, env, sweptOnCPU("--routing", "uniform,hot", "--seed", "7", "--json")...)
	if got.code != exitDone {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	validate(t, schema, got.stdout)
	d := swept(t, got.stdout)
	if d.Partial || d.Engine != "cpu" || d.GPU != nil || len(d.Points) != 4 || d.Plan.Models[0] != profiler.TinyModel {
		t.Fatalf("%+v", d)
	}
	for _, r := range d.Points {
		if r.Status != sweep.OK || r.Pairs < 2 || r.Stage(profiler.Up).On == nil || r.Layer.OnOn == nil || r.Seed != 7 ||
			r.SMClockMHz != nil || r.ThrottleReasons != nil {
			t.Errorf("%+v", r)
		}
	}
	if lines := strings.Split(strings.TrimSpace(got.stderr), "\n"); len(lines) != 4 || !strings.Contains(lines[1], "[2/4, ") {
		t.Errorf("progress %q", lines)
	}
	// The command of a point has to repeat it.
	repeat := slices.Concat(d.Points[3].Command[1:], []string{"--duration=200ms"})
	again := runBinary(t, nil, repeat...)
	if r := report(t, again.stdout); again.code != exitDone || r.Workload != *d.Points[3].Workload || !r.AB {
		t.Errorf("%q gave %q", repeat, again.stderr)
	}
}

func TestSweepVerdicts(t *testing.T) {
	t.Parallel()
	schema, line := sweepSchemas(t)
	file := filepath.Join(t.TempDir(), "points.ndjson")
	env := []string{"MOETOP_FAKE_STEP_US=100"}
	got := runBinary(t, env, sweptOnFake("--tokens", "1..4", "--pairs", "12", "--resume", file, "--json")...)
	if got.code != exitDone {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	validate(t, schema, got.stdout)
	// The stand-in loses 5% by ES at up, and gains a quarter at down.
	d := swept(t, got.stdout)
	if len(d.Deployment) != 1 || d.Deployment[0].EnableES == nil || *d.Deployment[0].EnableES != [2]bool{false, true} ||
		d.Deployment[0].Gain.Low < 1.05 || d.Deployment[0].TokensTo != 4 {
		t.Fatalf("%+v", d.Deployment)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != 1+3 {
		t.Errorf("%d lines", len(lines))
	}
	for _, text := range lines {
		validate(t, line, text)
	}

	// Everything is there: other formats come from the file.
	for format, want := range map[string]string{
		"--csv":           "qwen3-30b,4,uniform,cutlass,ok,",
		"--benchfmt":      "BenchmarkMoE/model=qwen3-30b/tokens=4/routing=uniform/kernels=cutlass/stage=down/es=on ",
		"--deploy=python": `(4, (False, True)),  # 1..4: ES gains 1.`,
		"--time=30s":      "Deployment\n",
	} {
		got := runBinary(t, []string{"MOETOP_FAKE_FAULT=no-device"}, "sweep", "--resume", file, format)
		if got.code != exitDone || !strings.Contains(got.stdout, want) || !strings.Contains(got.stderr, "3 of 3 points") {
			t.Errorf("%s: code %d, %q\n%s", format, got.code, got.stderr, got.stdout)
		}
	}
	// More points are measured on the engine that the file was begun with.
	more := runBinary(t, env, "sweep", "--resume", file, "--tokens", "1..8", "--json")
	if more.code != exitDone {
		t.Fatalf("code %d, %q", more.code, more.stderr)
	}
	if d := swept(t, more.stdout); len(d.Points) != 4 || !slices.Contains(d.Command, "--library="+fakeLibrary()) {
		t.Errorf("%d points by %q", len(d.Points), d.Command)
	}
	// They belong to the same GPU alone.
	other := runBinary(t, nil, "sweep", "--resume", file, "--tokens", "1,8", "--engine", "cpu", "--model", "tiny")
	if other.code != exitUsage || !strings.Contains(other.stderr, "engine cpu, not cuda") {
		t.Errorf("code %d, %q", other.code, other.stderr)
	}
	if seed := runBinary(t, nil, "sweep", "--resume", file, "--seed", "2"); seed.code != exitUsage || !strings.Contains(seed.stderr, "--seed") {
		t.Errorf("code %d, %q", seed.code, seed.stderr)
	}
}

func TestSweepOutOfMemory(t *testing.T) {
	t.Parallel()
	schema, _ := sweepSchemas(t)
	// The weights fit, the activations of 32768 tokens do not.
	env := []string{"MOETOP_FAKE_FREE_BYTES=3000000000", "MOETOP_FAKE_STEP_US=100", "XDG_STATE_HOME=" + t.TempDir()}
	got := runBinary(t, env, sweptOnFake("--tokens", "1,2,32768", "--pairs", "2", "--routing", "uniform,hot", "--json")...)
	if got.code != exitDone {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	validate(t, schema, got.stdout)
	var statuses []sweep.Status
	for _, r := range swept(t, got.stdout).Points {
		statuses = append(statuses, r.Status)
	}
	if want := []sweep.Status{sweep.OK, sweep.OK, sweep.OutOfMemory, sweep.OK, sweep.OK, sweep.OutOfMemory}; !slices.Equal(statuses, want) {
		t.Errorf("%q", statuses)
	}
}

func TestSweepSurvivesCrashes(t *testing.T) {
	t.Parallel()
	schema, _ := sweepSchemas(t)
	// Every worker dies in the middle of its point, and the next one starts with the point after it.
	env := []string{"MOETOP_FAKE_FAULT=run-segv", "MOETOP_FAKE_AFTER=2000", "MOETOP_FAKE_STEP_US=100"}
	file := filepath.Join(t.TempDir(), "points.ndjson")
	got := runBinary(t, env, sweptOnFake("--tokens", "1,2,4,8", "--pairs", "60", "--resume", file, "--json")...)
	if got.code != exitFailure || !strings.Contains(got.stderr, "points failed") {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	validate(t, schema, got.stdout)
	d := swept(t, got.stdout)
	for _, r := range d.Points {
		if r.Status != sweep.Failed || !strings.Contains(r.Error, "SIGSEGV") {
			t.Errorf("%v: %q", r.Status, r.Error)
		}
	}
	if len(d.Points) != 4 {
		t.Errorf("%d points", len(d.Points))
	}
	// What failed is tried again.
	again := runBinary(t, []string{"MOETOP_FAKE_STEP_US=100"}, sweptOnFake("--resume", file, "--pairs", "1")...)
	if again.code != exitDone || strings.Contains(again.stdout, "SIGSEGV") || strings.Count(again.stdout, "\nqwen3-30b ") < 5 {
		t.Errorf("code %d, %q\n%s", again.code, again.stderr, again.stdout)
	}
}

// TestSweepGoesOn kills a sweep in the rudest way, interrupts the next, and finishes it.
func TestSweepGoesOn(t *testing.T) {
	t.Parallel()
	schema, line := sweepSchemas(t)
	state := "XDG_STATE_HOME=" + t.TempDir()
	file := filepath.Join(t.TempDir(), "points.ndjson")
	lines := func() []string {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil
		}
		return strings.Split(strings.TrimSpace(string(data)), "\n")
	}
	killed := startBinary(t, []string{state}, sweptOnCPU("--tokens", "1,2,3,4,5", "--pairs", "1", "--resume", file)...)
	eventually(t, patience, "a finished point", func() bool { return len(lines()) >= 2 })
	killed.signal(t, syscall.SIGKILL)
	_ = killed.wait(t)
	before := len(lines())

	interrupted := startBinary(t, []string{state}, "sweep", "--engine", "cpu", "--resume", file, "--json", "--pairs", "60000", "--time", "1h")
	_ = workerOf(t, interrupted.cmd.Process.Pid)
	eventually(t, patience, "the next header", func() bool { return len(lines()) > before })
	interrupted.signal(t, syscall.SIGINT)
	var partial json.RawMessage
	if err := json.NewDecoder(interrupted.stdout).Decode(&partial); err != nil {
		t.Fatal(err)
	}
	if code := interrupted.wait(t); code != 130 || !strings.Contains(interrupted.stderr.String(), "--resume "+file) {
		t.Errorf("code %d, %q", code, interrupted.stderr)
	}
	validate(t, schema, string(partial))
	if d := swept(t, string(partial)); !d.Partial || len(d.Points) == 0 || len(d.Points) == 5 {
		t.Errorf("partial %v, %d points", d.Partial, len(d.Points))
	}

	got := runBinary(t, []string{state}, "sweep", "--engine", "cpu", "--resume", file, "--json", "--pairs", "1", "--time", "1s")
	if d := swept(t, got.stdout); got.code != exitDone || d.Partial || len(d.Points) != 5 {
		t.Errorf("code %d, %q, %d points", got.code, got.stderr, len(d.Points))
	}
	seen := map[string]int{}
	for _, text := range lines() {
		validate(t, line, text)
		var l struct {
			Point *sweep.Result `json:"point"`
		}
		if err := json.Unmarshal([]byte(text), &l); err == nil && l.Point != nil {
			seen[fmt.Sprint(l.Point.Tokens)]++
		}
	}
	for tokens, n := range seen {
		if n != 1 {
			t.Errorf("%s tokens were measured %d times", tokens, n)
		}
	}
}

// TestSweepKeepsPoints makes sure that a sweep without --resume can be continued, and leaves nothing
// behind when all is printed.
func TestSweepKeepsPoints(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	files := func() []string {
		found, err := filepath.Glob(filepath.Join(state, "moetop", "sweep-*.ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	output := filepath.Join(t.TempDir(), "table.txt")
	got := runBinary(t, []string{"XDG_STATE_HOME=" + state}, sweptOnCPU("--pairs", "1", "--output", output)...)
	data, err := os.ReadFile(output)
	if got.code != exitDone || err != nil || got.stdout != "" || !strings.Contains(string(data), "CPU reference engine") || len(files()) != 0 {
		t.Fatalf("code %d, %q, %v, files %q", got.code, got.stderr, err, files())
	}
	p := startBinary(t, []string{"XDG_STATE_HOME=" + state}, sweptOnCPU("--pairs", "1", "--tokens", "1..4096")...)
	eventually(t, patience, "a finished point", func() bool {
		found := files()
		if len(found) != 1 {
			return false
		}
		data, err := os.ReadFile(found[0])
		return err == nil && strings.Count(string(data), "\n") >= 2
	})
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != 143 || len(files()) != 1 || !strings.Contains(p.stderr.String(), files()[0]) {
		t.Errorf("code %d, %q, files %q", code, p.stderr, files())
	}
}

// TestSweepDefaultModel leaves the engine and the model to the worker.
func TestSweepDefaultModel(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ fault, model, engine string }{
		"GPU":    {"", "dsv3-tp8", "cuda"},
		"no GPU": {"no-device", "tiny", "cpu"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := []string{"MOETOP_FAKE_FAULT=" + test.fault, "MOETOP_FAKE_STEP_US=100", "XDG_STATE_HOME=" + t.TempDir()}
			got := runBinary(t, env, "sweep", "--library", fakeLibrary(), "--tokens", "1", "--pairs", "1", "--time", "1s", "--json")
			if got.code != exitDone {
				t.Fatalf("code %d, %q", got.code, got.stderr)
			}
			d := swept(t, got.stdout)
			if d.Engine != test.engine || len(d.Points) != 1 || d.Points[0].Model != test.model || !slices.Contains(d.Command, "--model="+test.model) {
				t.Errorf("%s, %q, %+v", d.Engine, d.Command, d.Points)
			}
			if said := strings.Contains(got.stderr, "CPU reference engine"); said != (test.engine == "cpu") {
				t.Errorf("%q", got.stderr)
			}
		})
	}
}

func TestSweepRefuses(t *testing.T) {
	t.Parallel()
	foreign := filepath.Join(t.TempDir(), "foreign")
	if err := os.WriteFile(foreign, []byte("hello\nworld\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env  []string
		args []string
		code int
		want string
	}{
		"model":          {nil, []string{"--model", "gpt-9"}, exitUsage, "dsv3"},
		"tokens":         {nil, []string{"--tokens", "8..1"}, exitUsage, "powers of two"},
		"too many rows":  {nil, []string{"--model", "tiny", "--tokens", "262144"}, exitUsage, "--tokens: 262144"},
		"routing":        {nil, []string{"--routing", "zipf:9"}, exitUsage, "zipf:S"},
		"kernels":        {nil, []string{"--kernels", "abacus"}, exitUsage, "cutlass"},
		"pairs":          {nil, []string{"--pairs", "0"}, exitUsage, "1 to 65536"},
		"two formats":    {nil, []string{"--json", "--csv"}, exitUsage, "--json and --csv"},
		"deploy":         {nil, []string{"--deploy", "ruby"}, exitUsage, "python"},
		"argument":       {nil, []string{"now"}, exitUsage, "it takes none"},
		"foreign file":   {nil, []string{"--resume", foreign}, exitUsage, "line 1"},
		"folder":         {nil, []string{"--resume", t.TempDir()}, exitUsage, "--resume"},
		"no GPU":         {[]string{"MOETOP_FAKE_FAULT=no-device"}, sweptOnFake("--tokens", "1")[1:], exitNoGPU, "no usable GPU"},
		"no such device": {nil, sweptOnFake("--tokens", "1", "--device", "7")[1:], exitUsage, "device"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := t.TempDir()
			start := time.Now()
			got := runBinary(t, append(test.env, "XDG_STATE_HOME="+state), append([]string{"sweep"}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
				t.Errorf("code %d after %v, %q", got.code, time.Since(start), got.stderr)
			}
			if left, err := filepath.Glob(filepath.Join(state, "moetop", "*")); err != nil || len(left) != 0 {
				t.Errorf("left %q, %v", left, err)
			}
		})
	}
	if data, err := os.ReadFile(foreign); err != nil || string(data) != "hello\nworld\n" {
		t.Errorf("a foreign file was changed: %q, %v", data, err)
	}
}

func TestSweepProgress(t *testing.T) {
	t.Parallel()
	running := sweep.Progress{
		Point: sweep.Point{Model: "tiny", Tokens: 4, Routing: profiler.Routing{Kind: profiler.Hot}, Kernels: "cutlass"},
		Index: 1, Total: 3, State: "running", Pairs: 5, Elapsed: 1234 * time.Millisecond, Left: 90 * time.Second,
	}
	finished := running
	finished.LastResult = &sweep.Result{Figures: sweep.Figures{Status: sweep.OutOfMemory, Error: "does not fit"}}
	for name, test := range map[string]struct {
		width int
		want  string
	}{
		"file": {0, "moetop: [2/3, 1m30s left] tiny, 4 tokens, hot, cutlass: does not fit\n"},
		"terminal": {200, "\r\x1b[Kmoetop: [2/3, 1m30s left] tiny, 4 tokens, hot, cutlass: running, 5 pairs, 1.2s" +
			"\r\x1b[Kmoetop: [2/3, 1m30s left] tiny, 4 tokens, hot, cutlass: does not fit\n"},
		"narrow": {20, "\r\x1b[Kmoetop: [2/3, 1m30s\r\x1b[Kmoetop: [2/3, 1m30s left] tiny, 4 tokens, hot, cutlass: does not fit\n"},
	} {
		var b strings.Builder
		p := newSweepProgress(&b, "moetop")
		p.width = test.width
		p.show(running)
		p.show(running) // too soon to be drawn again
		p.show(finished)
		p.clear()
		if b.String() != test.want {
			t.Errorf("%s: %q", name, b.String())
		}
	}
}

func TestSweepCommandRepeatsIt(t *testing.T) {
	t.Parallel()
	routing, err := profiler.ParseRouting("trace:my own [1].ndjson")
	if err != nil {
		t.Fatal(err)
	}
	o := &sweepOptions{plan: sweep.Plan{
		Models: []string{"tiny", "dsv3"}, Tokens: []int{1, 16}, Routings: []profiler.Routing{routing, {Kind: profiler.Hot}}, Kernels: []string{"cutlass"},
	}}
	command := o.command("moetop")
	for _, want := range []string{"--model=tiny,dsv3", "--tokens=1,16", "--routing=trace:my own [1].ndjson,hot", "--kernels=cutlass"} {
		if !slices.Contains(command, want) {
			t.Errorf("no %q in %q", want, command)
		}
	}
}

// TestStatePath keeps points below an absolute XDG_STATE_HOME alone, as the specification wants it.
func TestStatePath(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	for state, want := range map[string]string{
		"":                               filepath.Join(home, ".local", "state"),
		"state":                          filepath.Join(home, ".local", "state"),
		filepath.Join(home, "elsewhere"): filepath.Join(home, "elsewhere"),
	} {
		path, err := statePath([]string{"HOME=" + home, "XDG_STATE_HOME=" + state}, time.Now())
		if err != nil || filepath.Dir(path) != filepath.Join(want, "moetop") {
			t.Errorf("XDG_STATE_HOME=%q: %q, %v", state, path, err)
		}
	}
}
