package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// traced counts the events of a trace by name, and checks that stages lie within their steps.
func traced(t *testing.T, path string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	checkTraceFormat(t, data)
	var events []struct {
		Name    string  `json:"name"`
		Phase   string  `json:"ph"`
		TS, Dur float64 // as ts and dur
	}
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatalf("%v in %.200s", err, data)
	}
	count := map[string]int{}
	begin, end := 0.0, 0.0
	for _, e := range events {
		count[e.Name]++
		switch {
		case e.Phase != "X":
		case e.Name == "step":
			if e.TS < end-0.01 {
				t.Errorf("a step at %v begins before the last one ends at %v", e.TS, end)
			}
			begin, end = e.TS, e.TS+e.Dur
		case e.TS < begin-0.01 || e.TS+e.Dur > end+0.01:
			t.Errorf("%s from %v for %v is not within %v to %v", e.Name, e.TS, e.Dur, begin, end)
		}
	}
	return count
}

func TestTraceOfAReport(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.json")
	got := runBinary(t, nil, small("--json", "--trace", path, "--es-schedule", "0s=off,300ms=both", "--duration", "700ms")...)
	if got.code != exitDone {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	count := traced(t, path)
	if count["step"] < 10 || count["up"] != count["step"] || count["combine"] != count["step"] || count["ES off → both"] != 1 {
		t.Errorf("events %v", count)
	}
}

func TestTraceInterrupted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "t.json")
	p := startBinary(t, nil, small("--json", "--duration", "1m", "--trace", path)...)
	eventually(t, patience, "a trace", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 10_000
	})
	p.signal(t, syscall.SIGINT)
	if code := p.wait(t); code != exitSignal+int(syscall.SIGINT) {
		t.Errorf("code %d", code)
	}
	if count := traced(t, path); count["step"] == 0 {
		t.Errorf("events %v", count)
	}
}

// TestStageTimes records with stages, and draws the recording.
func TestStageTimes(t *testing.T) {
	t.Parallel()
	recording := recorded(t, "--stage-times")
	stream := runBinary(t, nil, "replay", recording, "--ndjson").stdout
	_, strict := schemas(t, true)
	for line := range strings.Lines(stream) {
		validate(t, strict, line)
	}
	// On a busy machine a sample may have one step alone.
	if !strings.Contains(stream, `"stage_us":[[`) || !regexp.MustCompile(`"start_us":\[0[],]`).MatchString(stream) {
		t.Errorf("no stages in %.500s", stream)
	}
	if plain := runBinary(t, nil, "replay", recorded(t), "--ndjson").stdout; strings.Contains(plain, "stage_us") || strings.Contains(plain, "start_us") {
		t.Error("stages that nobody asked for")
	}
	path := filepath.Join(t.TempDir(), "t.json")
	if got := runBinary(t, nil, "replay", recording, "--trace", path); got.code != exitDone {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	if count := traced(t, path); count["step"] < 60 || count["down"] != count["step"] {
		t.Errorf("events %v", count)
	}
	for _, args := range [][]string{
		{"--ndjson", "--trace", path}, {"replay", recording, "--trace", path, "--json"}, {"--json", "--trace", "/nowhere/t.json"},
	} {
		if got := runBinary(t, nil, args...); got.code != exitUsage || !strings.Contains(got.stderr, "--trace: ") {
			t.Errorf("%q: code %d, %q", args, got.code, got.stderr)
		}
	}
}
