package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
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
