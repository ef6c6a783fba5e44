package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// read parses a trace and returns its events by name.
func read(t *testing.T, data []byte) map[string][]event {
	t.Helper()
	var events []event
	if err := json.Unmarshal(data, &events); err != nil {
		t.Fatalf("%v in %.300s", err, data)
	}
	byName := map[string][]event{}
	for _, e := range events {
		byName[e.Name] = append(byName[e.Name], e)
	}
	return byName
}

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// run is a short session: two steps, a toggle, and the same reading twice.
func run() []profiler.Record {
	after := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	reading := &profiler.Reading{Time: after(80), SMUtilizationPercent: new(93.5), PowerWatts: new(612.25)}
	stages := []float64{1, 2, 30, 4, 20, 3}
	sample := func(ms int, step uint64, mask int) profiler.Record {
		return profiler.Record{Kind: profiler.KindSample, Time: after(ms), Step: step, Sample: &profiler.Sample{
			NVML: reading, StepsPerSecond: 16,
			Recent: profiler.Recent{
				Step: []uint64{step, step + 1}, Mask: []int{mask, mask}, StepUS: []float64{61, 62},
				StartUS: []float64{float64(1000 * ms), float64(1000*ms) + 100}, StageUS: [][]float64{stages, stages},
			},
		}}
	}
	return []profiler.Record{
		{Kind: profiler.KindHeader, Time: began, Header: &profiler.Header{SchemaVersion: profiler.SchemaVersion, Host: profiler.Host{Name: "gpu7"}}},
		{Kind: profiler.KindWorkload, Time: after(1), Workload: &profiler.WorkloadRecord{
			Engine: "cuda", Workload: profiler.Workload{Model: "dsv3", Tokens: 128, Routing: profiler.Routing{Kind: profiler.Uniform}},
		}},
		sample(100, 0, 0),
		{Kind: profiler.KindToggle, Time: after(150), Step: 2, Toggle: &profiler.Toggle{To: profiler.ESUp}},
		sample(200, 2, 1),
		{Kind: profiler.KindWarning, Time: after(210), Warning: &profiler.Warning{Code: "nvml", Text: "gone"}},
	}
}

func TestTrace(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, r := range run() {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
		// As a kill leaves it, a viewer adds what is missing.
		read(t, append(bytes.Clone(out.Bytes()), ']'))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got := read(t, out.Bytes())
	steps := got["step"]
	if len(steps) != 4 || steps[2].Args["es"] != "up" || steps[0].Args["es"] != "off" {
		t.Fatalf("steps %+v", steps)
	}
	// The newest step of the first sample ends with it, and the others keep their distance.
	if end := steps[1].TS + *steps[1].Dur; end != 100_000 || steps[1].TS-steps[0].TS != 100 || steps[2].TS-steps[0].TS != 100_000 {
		t.Errorf("steps at %v, %v, %v", steps[0].TS, steps[1].TS, steps[2].TS)
	}
	up := got["up"]
	if len(up) != 4 || up[0].TS != steps[0].TS+3 || *up[0].Dur != 30 || up[0].TID != steps[0].TID {
		t.Errorf("up %+v", up)
	}
	if toggle := got["ES off → up"]; len(toggle) != 1 || toggle[0].TS != 150_000 || toggle[0].Phase != phaseInstant {
		t.Errorf("toggle %+v", toggle)
	}
	if power := got["power (W)"]; len(power) != 1 || power[0].Args["value"] != 612.25 || power[0].TS != 80_000 {
		t.Errorf("power %+v", power)
	}
	if len(got["steps per second"]) != 2 || len(got["DRAM bandwidth (%)"]) != 0 || len(got["nvml: gone"]) != 1 {
		t.Errorf("other events %+v", got)
	}
}

// TestStepsWithoutStages draws no step that it does not know the place of.
func TestStepsWithoutStages(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*profiler.Recent){
		"never asked for": func(r *profiler.Recent) { r.StartUS, r.StageUS = nil, nil },
		"no starts":       func(r *profiler.Recent) { r.StartUS = r.StartUS[1:] },
		"no masks":        func(r *profiler.Recent) { r.Mask = nil },
	} {
		var out bytes.Buffer
		w := NewWriter(&out)
		for _, r := range run() {
			if r.Sample != nil {
				change(&r.Sample.Recent)
			}
			if err := w.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got := read(t, out.Bytes())
		if len(got["step"]) != 0 || len(got["step latency (µs)"]) != 2 {
			t.Errorf("%s: %d steps, %d latencies", name, len(got["step"]), len(got["step latency (µs)"]))
		}
	}
}

// file is a disk that may be full.
type file struct {
	bytes.Buffer
	full   bool
	closed bool
}

func (f *file) Write(p []byte) (int, error) {
	if f.full {
		return 0, errors.New("no space left on device")
	}
	return f.Buffer.Write(p)
}

func (f *file) Close() error {
	f.closed = true
	return nil
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	for _, full := range []bool{false, true} {
		f := &file{full: full}
		r := NewRecorder(f)
		for _, record := range run() {
			r.Add(record)
		}
		err := errors.Join(r.Close(), r.Close())
		if (err != nil) != full || !f.closed {
			t.Errorf("full %v: %v, closed %v", full, err, f.closed)
		}
		if !full && len(read(t, f.Bytes())["step"]) != 4 {
			t.Errorf("%s", f.Bytes())
		}
	}
}
