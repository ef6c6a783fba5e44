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

func TestRunsWhatWasRecorded(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.ndjson"), filepath.Join(dir, "bad.ndjson")
	if err := os.WriteFile(good, []byte(`{"counts":[8,5,3,0]}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte(`{"topk_ids":[[0,9]]}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startBinary(t, nil, small("--ndjson", "--control", "-", "--routing", "trace:"+good)...)
	d := profiler.NewDecoder(p.stdout)
	built, _ := until(t, d, "a workload", kind(profiler.KindWorkload))
	if want := []float64{8, 5, 3, 0}; !slices.Equal(built.Workload.ExpertRows, want) {
		t.Errorf("rows %v, want %v", built.Workload.ExpertRows, want)
	}
	if a := talk(t, p, d, `{"routing":"trace:`+bad+`"}`).Ack; a.OK || a.Field != "routing" || !strings.Contains(a.Error, "line 1, is not allowed: token 0: expert 9") {
		t.Errorf("a trace of another model: %+v", a)
	}
	until(t, d, "the run goes on", measuring)
	if a := talk(t, p, d, `{"routing":"uniform"}`).Ack; !a.OK {
		t.Errorf("uniform: %+v", a)
	}

	report := runBinary(t, nil, small("--json", "--steps", "5", "--routing", "trace:"+good)...)
	strict, _ := schemas(t, true)
	validate(t, strict, report.stdout)
	var decoded profiler.Report
	if err := json.Unmarshal([]byte(report.stdout), &decoded); err != nil || decoded.Workload.Routing.File != good {
		t.Errorf("routing %v, %v", decoded.Workload.Routing, err)
	}
	for _, args := range [][]string{
		small("--json", "--steps", "5", "--routing", "trace:"+bad), small("--ndjson", "--steps", "5", "--routing", "trace:"+bad),
		small("--json", "--steps", "5", "--routing", "trace:"+bad+".none"),
	} {
		if got := runBinary(t, nil, args...); got.code != exitUsage || !strings.Contains(got.stderr, "routing: trace:") {
			t.Errorf("%q: %d, %s", args, got.code, got.stderr)
		}
	}
}
