package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// modelFile writes a config.json of a layer that the CPU engine runs in no time.
func modelFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const smallModel = `{"model_type": "qwen3_moe", "hidden_size": 256, "moe_intermediate_size": 512, "num_experts": 8, "num_experts_per_tok": 2}`

func TestModelFromItsConfig(t *testing.T) {
	t.Parallel()
	path := modelFile(t, smallModel)
	got := runBinary(t, nil, "--json", "--engine", "cpu", "--steps", "5", "--tokens", "8", "--config-json", path, "--tp", "2", "--ep", "2")
	if got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	strict, _ := schemas(t, true)
	validate(t, strict, got.stdout)
	var report profiler.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatal(err)
	}
	w := report.Workload
	if w.Name() != "qwen3_moe-tp2-ep2" || w.Experts != 4 || w.TopK != 2 || w.Hidden != 256 || w.Intermediate != 256 {
		t.Errorf("ran %+v", w)
	}
	if !slices.Contains(report.Command, "--config-json="+path) || strings.Contains(strings.Join(report.Command, " "), "--model") {
		t.Errorf("command %q", report.Command)
	}
	if again := runBinary(t, nil, report.Command[1:]...); again.code != exitDone {
		t.Errorf("the command does not repeat the run: %+v", again)
	}
}

func TestModelConfigUsage(t *testing.T) {
	t.Parallel()
	good := modelFile(t, smallModel)
	dense := modelFile(t, `{"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336}`)
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"dense":       {[]string{"--config-json", dense}, `model_type "llama": it has none of the fields`},
		"no file":     {[]string{"--config-json", good + ".none"}, "no such file"},
		"and a model": {[]string{"--config-json", good, "--model", "tiny"}, "one of them is allowed"},
		"and a shape": {append(small(), "--config-json", good), "one of them is allowed"},
		"no such tp":  {[]string{"--config-json", good, "--tp", "3"}, "--tp: 3 is not allowed: a divisor of the intermediate size 512"},
		"no such ep":  {[]string{"--config-json", good, "--ep", "8"}, "--ep: 8 is not allowed: a divisor of the 8 experts"},
	} {
		got := runBinary(t, nil, append(test.args, "--json", "--steps", "1")...)
		if got.code != exitUsage || !strings.Contains(got.stderr, test.says) || got.stdout != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestVerifyAModelFile verifies the shard that a config.json describes beside a preset.
func TestVerifyAModelFile(t *testing.T) {
	t.Parallel()
	path := modelFile(t, smallModel)
	got := runBinary(t, nil, "verify", "--json", "--engine=cpu", "--model=tiny", "--config-json="+path, "--tp=2", "--tokens=4", "--routing=uniform")
	var report verifyReport
	if err := json.Unmarshal([]byte(got.stdout), &report); got.code != exitDone || err != nil || !report.OK || len(report.Cases) != 2 {
		t.Fatalf("%v, %+v", err, got)
	}
	if w := report.Cases[1].Workload; w.Name() != "qwen3_moe-tp2" || w.Intermediate != 256 || w.Tokens != 4 {
		t.Errorf("verified %+v", w)
	}
	for _, args := range [][]string{{"verify"}, {"sweep"}} {
		refused := runBinary(t, nil, append(args, "--engine=cpu", "--model=tiny", "--tp=2")...)
		if refused.code != exitUsage || !strings.Contains(refused.stderr, "--tp and --ep: only allowed with --config-json") {
			t.Errorf("%v: %+v", args, refused)
		}
	}
}

// TestSweepAModelFile sweeps a model of a file between two presets, goes on with it, and refuses to when
// the file describes another shape.
func TestSweepAModelFile(t *testing.T) {
	t.Parallel()
	path, journal := modelFile(t, smallModel), filepath.Join(t.TempDir(), "sweep.ndjson")
	args := []string{"sweep", "--json", "--engine=cpu", "--time=50ms", "--pairs=1", "--resume=" + journal}
	first := append(slices.Clone(args), "--model=tiny", "--config-json="+path, "--tp=2", "--tokens=2,4")
	document := func(got outcome) (d sweep.Document) {
		t.Helper()
		if err := json.Unmarshal([]byte(got.stdout), &d); got.code != exitDone || err != nil {
			t.Fatalf("%v, %+v", err, got)
		}
		whole, _ := sweepSchemas(t)
		validate(t, whole, got.stdout)
		return d
	}
	d := document(runBinary(t, nil, first...))
	if len(d.Points) != 4 || d.Points[2].Status != sweep.OK || d.Points[3].Model != "qwen3_moe-tp2" || d.Points[3].Workload.Intermediate != 256 {
		t.Fatalf("%d points, %+v", len(d.Points), d.Points)
	}
	if again := runBinary(t, nil, d.Points[3].Command[1:]...); again.code != exitDone || !strings.Contains(again.stdout, `"qwen3_moe"`) {
		t.Errorf("%q does not repeat the point: %+v", d.Points[3].Command, again)
	}
	// The model comes from the journal now.
	if d = document(runBinary(t, nil, append(slices.Clone(args), "--tokens=2,4,8")...)); len(d.Points) != 6 || d.Points[5].Status != sweep.OK {
		t.Errorf("going on: %d points", len(d.Points))
	}
	if err := os.WriteFile(path, []byte(strings.Replace(smallModel, "512", "256", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, more := range map[string][]string{"from the journal": nil, "by the flags": first[len(args):]} {
		got := runBinary(t, nil, append(slices.Clone(args), more...)...)
		if got.code != exitUsage || !strings.Contains(got.stderr, "--resume") || !strings.Contains(got.stderr, "shape") {
			t.Errorf("%s: another shape was taken: %+v", name, got)
		}
	}
}
