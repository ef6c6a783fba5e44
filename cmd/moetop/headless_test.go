package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

func report(t *testing.T, data string) *profiler.Report {
	t.Helper()
	var r profiler.Report
	if err := json.Unmarshal([]byte(data), &r); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return &r
}

func stage(t *testing.T, r *profiler.Report, s profiler.Stage) profiler.StageStats {
	t.Helper()
	for _, stats := range r.Stages {
		if stats.Name == s.String() {
			return stats
		}
	}
	t.Fatalf("no stage %v", s)
	return profiler.StageStats{}
}

func TestJSON(t *testing.T) {
	t.Parallel()
	got := runBinary(t, nil, small("--json", "--steps", "50", "--es", "down", "--seed", "7")...)
	if got.code != exitDone || got.stderr != "" {
		t.Fatalf("code %d, stderr %q", got.code, got.stderr)
	}
	r := report(t, got.stdout)
	if r.Partial || r.Engine != "cpu" || r.GPU != nil || r.Seed != 7 || r.ES != profiler.ESDown || r.Version != "test" {
		t.Errorf("report %+v", r)
	}
	if down := stage(t, r, profiler.Down); down.Off != nil || down.On == nil || down.On.Count != 50 {
		t.Errorf("down %+v", down)
	}
	// The command has to repeat the run.
	again := runBinary(t, nil, r.Command[1:]...)
	if second := report(t, again.stdout); again.code != exitDone || second.Workload != r.Workload || second.ES != r.ES ||
		!slices.Equal(second.Command, r.Command) {
		t.Errorf("%q gave %+v", r.Command, second)
	}
}

func TestJSONOutputFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "report.json")
	got := runBinary(t, nil, small("--json", "--steps", "5", "--output", path)...)
	data, err := os.ReadFile(path)
	if got.code != exitDone || got.stdout != "" || err != nil {
		t.Fatalf("code %d, stdout %q, %v, stderr %q", got.code, got.stdout, err, got.stderr)
	}
	report(t, string(data))
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestOutputThatTakesNothing loses no report to a full disk.
func TestOutputThatTakesNothing(t *testing.T) {
	t.Parallel()
	got := runBinary(t, nil, small("--json", "--steps", "5", "--output", "/dev/full")...)
	if got.code != exitFailure || !strings.Contains(got.stderr, "no space left on device; it went to stdout instead") {
		t.Errorf("code %d, stderr %q", got.code, got.stderr)
	}
	report(t, got.stdout)
}

func TestDuration(t *testing.T) {
	t.Parallel()
	r := report(t, runBinary(t, nil, small("--json", "--duration", "300ms")...).stdout)
	if r.DurationS < 0.25 || r.DurationS > 5 || r.Steps == 0 || r.Partial {
		t.Errorf("%v s, %d steps, partial %v", r.DurationS, r.Steps, r.Partial)
	}
}

func TestABJSON(t *testing.T) {
	t.Parallel()
	r := report(t, runBinary(t, nil, small("--json", "--ab", "--duration", "5s")...).stdout)
	up, down := stage(t, r, profiler.Up), stage(t, r, profiler.Down)
	if !r.AB || up.Off == nil || up.On == nil || down.Off == nil || down.On == nil {
		t.Fatalf("a side is missing: %+v %+v", up, down)
	}
	if up.Ratio == nil || up.Ratio.Pairs < 6 || up.Ratio.Low > up.Ratio.Value || up.Ratio.High < up.Ratio.Value {
		t.Errorf("ratio %+v", up.Ratio)
	}
	for _, mask := range []profiler.ESMask{profiler.ESOff, profiler.ESUp, profiler.ESDown, profiler.ESBoth} {
		if r.Step.Mask(mask) == nil {
			t.Errorf("no step with %v", mask)
		}
	}
	if !strings.Contains(r.Verdict.Text, "CPU") && r.Verdict.EnableES != nil {
		t.Errorf("a verdict of the CPU engine must say so: %q", r.Verdict.Text)
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	p := startBinary(t, nil, small("--ndjson", "--es-schedule", "0s=up,200ms=both,500ms=off", "--duration", "900ms")...)
	d := profiler.NewDecoder(p.stdout)
	end, records := until(t, d, "summary", kind(profiler.KindSummary))
	var toggles []profiler.Record
	for _, r := range records {
		if r.Kind == profiler.KindToggle {
			toggles = append(toggles, r)
		}
	}
	if len(toggles) != 2 || toggles[0].Toggle.From != profiler.ESUp ||
		toggles[0].Toggle.To != profiler.ESBoth || toggles[1].Toggle.To != profiler.ESOff {
		t.Fatalf("toggles %+v", toggles)
	}
	if toggles[1].Time.Sub(toggles[0].Time) < 200*time.Millisecond {
		t.Errorf("toggles at %v and %v", toggles[0].Time, toggles[1].Time)
	}
	if _, err := d.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after the summary: %v", err)
	}
	if end.Summary.ES != profiler.ESOff || p.wait(t) != exitDone {
		t.Errorf("es %v", end.Summary.ES)
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  []string
		args []string
		code int
		want string // on stderr
	}{
		"no terminal":        {nil, nil, exitUsage, "--json"},
		"unknown flag":       {nil, []string{"--frobnicate"}, exitUsage, "--frobnicate"},
		"argument":           {nil, []string{"frobnicate"}, exitUsage, "doctor"},
		"tokens":             {nil, []string{"--json", "--tokens", "many"}, exitUsage, `"many" for "--tokens" flag: a whole number from 1`},
		"too many rows":      {nil, []string{"--json", "--engine", "cuda", "--tokens", "40000"}, exitUsage, "--tokens: 40000 is not allowed: 1 to 32768"},
		"hidden":             {nil, small("--json", "--hidden", "200"), exitUsage, "--hidden: 200 is not allowed: a multiple of 128"},
		"top-k":              {nil, small("--json", "--top-k", "5"), exitUsage, "--top-k: 5 is not allowed: 1 to 4"},
		"half a shape":       {nil, []string{"--json", "--experts", "4"}, exitUsage, "--top-k, --hidden, --intermediate"},
		"model":              {nil, []string{"--json", "--model", "gpt-9"}, exitUsage, "dsv3, kimi-k2"},
		"shard":              {nil, []string{"--json", "--model", "dsv3", "--tp", "7"}, exitUsage, "--tp: 7 is not allowed"},
		"routing":            {nil, []string{"--json", "--routing", "zipf:-1"}, exitUsage, "uniform, hot, zipf:S"},
		"duration":           {nil, []string{"--json", "--duration", "5"}, exitUsage, "500ms or 10s"},
		"schedule":           {nil, []string{"--json", "--es-schedule", "5s=up,1s=off"}, exitUsage, "ascending times"},
		"schedule and ab":    {nil, []string{"--json", "--ab", "--es-schedule", "0s=up"}, exitUsage, "--ab and --es-schedule"},
		"json and ndjson":    {nil, []string{"--json", "--ndjson"}, exitUsage, "one of them"},
		"control":            {nil, []string{"--json", "--control", "-"}, exitUsage, "--control -: only allowed with --ndjson"},
		"debug log, stream":  {nil, small("--ndjson", "--steps", "1", "--debug-log", "x"), exitUsage, "--debug-log: not allowed with --ndjson"},
		"environment":        {[]string{"MOETOP_TOKENS=0"}, []string{"--json"}, exitUsage, `MOETOP_TOKENS for --tokens: "0"`},
		"variable, screen":   {[]string{"MOETOP_OUTPUT=x"}, nil, exitUsage, "--output: only allowed with --json or --ndjson (MOETOP_OUTPUT is set)"},
		"variable, doctor":   {[]string{"MOETOP_OUTPUT=x"}, []string{"doctor"}, exitUsage, "--output: only allowed with --json (MOETOP_OUTPUT is set)"},
		"library":            {nil, []string{"--json", "--library", "/nonexistent.so"}, exitUsage, "/nonexistent.so"},
		"no GPU":             {[]string{"MOETOP_FAKE_FAULT=no-device"}, faked("--json"), exitNoGPU, "no usable GPU"},
		"old GPU":            {[]string{"MOETOP_FAKE_FAULT=old-device"}, faked("--json"), exitNoGPU, "compute capability 8.0"},
		"other ABI":          {[]string{"MOETOP_FAKE_FAULT=abi"}, faked("--json"), exitNoGPU, "ABI version"},
		"no GPU, ndjson":     {[]string{"MOETOP_FAKE_FAULT=no-device"}, faked("--ndjson"), exitNoGPU, "no usable GPU"},
		"too little memory":  {[]string{"MOETOP_FAKE_FREE_BYTES=1000000"}, faked("--json"), exitFailure, "does not fit"},
		"output":             {nil, small("--json", "--steps", "1", "--output", "/nonexistent/report.json"), exitUsage, "--output: /nonexistent/report.json: there is no folder /nonexistent"},
		"output is a folder": {nil, small("--json", "--steps", "1", "--output", os.TempDir()), exitUsage, "a file in it is allowed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, test.env, test.args...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) {
				t.Errorf("code %d, want %d; stderr %q, want %q", got.code, test.code, got.stderr, test.want)
			}
			if strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("an error is one line: %q", got.stderr)
			}
			if got.stdout != "" && !slices.Contains(test.args, "--ndjson") {
				t.Errorf("words on stdout: %q", got.stdout)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	env := []string{"MOETOP_TOKENS=4", "MOETOP_ES=up", "MOETOP_SEED=11"}
	args := []string{"--engine", "cpu", "--experts", "4", "--top-k", "2", "--hidden", "128", "--intermediate", "128", "--json", "--steps", "5", "--seed", "12"}
	r := report(t, runBinary(t, env, args...).stdout)
	if r.Workload.Tokens != 4 || r.ES != profiler.ESUp || r.Seed != 12 {
		t.Errorf("tokens %d, es %v, seed %d", r.Workload.Tokens, r.ES, r.Seed)
	}
	if !slices.Contains(r.Command, "--tokens=4") || !slices.Contains(r.Command, "--es=up") {
		t.Errorf("the command does not repeat the run: %q", r.Command)
	}
}

// TestEnvironmentIsTheFronts sets what is for the front alone: its worker inherits the variables, too.
func TestEnvironmentIsTheFronts(t *testing.T) {
	t.Parallel()
	output, trace := filepath.Join(t.TempDir(), "report.json"), filepath.Join(t.TempDir(), "trace.json")
	env := []string{"MOETOP_OUTPUT=" + output, "MOETOP_TRACE=" + trace, "MOETOP_REMOTE_COMMAND=" + binary() + " {args}"}
	if got := runBinary(t, env, small("--json", "--steps", "5")...); got.code != exitDone || got.stdout != "" {
		t.Fatalf("%+v", got)
	}
	text, err := os.ReadFile(output)
	if err != nil || report(t, string(text)).Partial {
		t.Errorf("report %q, %v", text, err)
	}
	if text, err := os.ReadFile(trace); err != nil || !json.Valid(text) {
		t.Errorf("trace %q, %v", text, err)
	}
}

func TestAutoTellsWhyNotCUDA(t *testing.T) {
	t.Parallel()
	got := runBinary(t, nil, "--json", "--steps", "3", "--warmup", "0")
	r := report(t, got.stdout)
	if r.Engine != "cpu" || r.Workload.Model != profiler.TinyModel || !strings.Contains(r.EngineReason, "libmoetop.so") {
		t.Errorf("engine %s, reason %q", r.Engine, r.EngineReason)
	}
	if !strings.Contains(got.stderr, "CPU reference engine") {
		t.Errorf("stderr %q", got.stderr)
	}
}

func TestInterrupts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mode string
		sig  syscall.Signal
		code int
	}{
		"INT, report":  {"--json", syscall.SIGINT, 130},
		"TERM, report": {"--json", syscall.SIGTERM, 143},
		"INT, stream":  {"--ndjson", syscall.SIGINT, 130},
		"TERM, stream": {"--ndjson", syscall.SIGTERM, 143},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startBinary(t, nil, small(test.mode, "--duration", "1m")...)
			var r *profiler.Report
			if test.mode == "--json" {
				worker := workerOf(t, p.cmd.Process.Pid)
				// The worker streams from its first moment on; a few samples make a report.
				time.Sleep(700 * time.Millisecond)
				p.signal(t, test.sig)
				data, err := io.ReadAll(p.stdout)
				if err != nil {
					t.Fatal(err)
				}
				r = report(t, string(data))
				eventually(t, patience, "the worker's end", func() bool { return isGone(worker) })
			} else {
				d := profiler.NewDecoder(p.stdout)
				until(t, d, "a sample", measuring)
				p.signal(t, test.sig)
				end, _ := until(t, d, "summary", kind(profiler.KindSummary))
				r = end.Summary
			}
			if !r.Partial || r.Steps == 0 || r.EndedBy != profiler.EndInterrupted {
				t.Errorf("partial %v, %d steps, ended by %q", r.Partial, r.Steps, r.EndedBy)
			}
			if code := p.wait(t); code != test.code {
				t.Errorf("code %d, want %d; stderr %q", code, test.code, p.stderr)
			}
		})
	}
}

func TestSecondInterruptQuits(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"--json", "--ndjson"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			p := startBinary(t, []string{"MOETOP_FAKE_FAULT=run-hang", "MOETOP_FAKE_AFTER=50"}, faked(mode, "--duration", "1m")...)
			worker := p.cmd.Process.Pid
			if mode == "--json" {
				worker = workerOf(t, worker)
			} else {
				until(t, profiler.NewDecoder(p.stdout), "a sample", func(r profiler.Record) bool { return r.Sample != nil })
			}
			time.Sleep(300 * time.Millisecond)
			p.signal(t, syscall.SIGINT)
			time.Sleep(100 * time.Millisecond)
			p.signal(t, syscall.SIGINT)
			began := time.Now()
			_, _ = io.Copy(io.Discard, p.stdout)
			if code := p.wait(t); code != 130 || time.Since(began) > 6*time.Second {
				t.Errorf("code %d after %v", code, time.Since(began))
			}
			eventually(t, patience, "the worker's end", func() bool { return isGone(worker) })
		})
	}
}

func TestClosedPipe(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"stream":         small("--ndjson", "--duration", "1m"),
		"stream, hangs":  faked("--ndjson", "--duration", "1m"),
		"stream, paused": small("--ndjson", "--duration", "1m", "--interval", "10s"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startBinary(t, []string{"MOETOP_FAKE_FAULT=run-hang", "MOETOP_FAKE_AFTER=20"}, args...)
			until(t, profiler.NewDecoder(p.stdout), "the header", kind(profiler.KindHeader))
			if err := p.raw.Close(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			if code := p.wait(t); code != exitDone || p.stderr.Len() != 0 {
				t.Errorf("code %d, stderr %q", code, p.stderr)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
