package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// TestInteractiveRecord records from the middle of a session on: the recording stands by itself.
func TestInteractiveRecord(t *testing.T) {
	t.Parallel()
	term, dir := inFolder(t, 120, 40)
	front := term.start(small()...)
	workerOf(t, front)
	term.await("CPU REFERENCE", "combine", "R record")
	eventually(t, patience, "up off at the start", func() bool { return strings.Contains(rowOf(term.screen(), "up"), "off") })
	term.keys("R")
	term.await("recording to "+dir, "REC 0:0")
	term.keys("u")
	eventually(t, patience, "up switched on", func() bool { return term.isUpOn() })
	term.keys("R")
	term.await("recorded ", "moetop replay "+dir)
	if strings.Contains(term.screen(), " REC ") {
		t.Error("the badge is still there")
	}
	// The second recording is ended by the end of the session, and said where it is.
	path := onlyFile(t, filepath.Join(dir, "moetop-*.moetop"))
	if path == "" {
		t.Fatal("the recording is empty")
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.moetop"))
	term.keys("R")
	term.await("REC 0:0")
	term.keys("q")
	term.await("exit=0", "recorded ", " to "+dir)

	schema, stream := schemas(t, true)
	printed := runBinary(t, nil, "replay", "--ndjson", files[0])
	kinds := map[profiler.RecordKind]int{}
	var times []string
	for line := range strings.Lines(printed.stdout) {
		validate(t, stream, line)
		var r profiler.Record
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		kinds[r.Kind]++
		times = append(times, r.Time.Format("15:04:05.000000000"))
	}
	if printed.code != exitDone || kinds[profiler.KindHeader] != 1 || kinds[profiler.KindWorkload] != 1 || kinds[profiler.KindToggle] != 1 ||
		kinds[profiler.KindSample] == 0 || kinds[profiler.KindLaunches] < profiler.NumMasks {
		t.Errorf("code %d, %q, records %v", printed.code, printed.stderr, kinds)
	}
	if first, samples := times[0], times[1+1+profiler.NumMasks]; !slices.IsSorted(times) || times[1] != first || samples < first {
		t.Errorf("the records that a recording begins with are of another time: %q", times[:8])
	}
	report := runBinary(t, nil, "replay", "--json", files[0])
	validate(t, schema, report.stdout)
	second, _ := filepath.Glob(filepath.Join(dir, "*.moetop"))
	if len(second) != 2 {
		t.Errorf("%d recordings", len(second))
	}
	for _, file := range second {
		if got := runBinary(t, nil, "replay", "--json", file); got.code != exitDone {
			t.Errorf("%s: code %d, %q", file, got.code, got.stderr)
		}
	}
}
