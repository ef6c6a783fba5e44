package profiler

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func sampleAt(at time.Time, step uint64, sample *Sample) Record {
	return Record{Kind: KindSample, Time: at, Step: step, Generation: 1, Sample: sample}
}

func TestFoldKeepsWhatFrontsShow(t *testing.T) {
	t.Parallel()
	fold := NewFold()
	for _, r := range sampleRecords() {
		fold.Apply(r)
	}
	view := fold.View()
	if view.Header == nil || view.Workload == nil || view.Sample == nil || view.Failure == nil || view.Summary == nil {
		t.Fatalf("view %+v lacks a part", view)
	}
	if view.Step != 9 || view.Generation != 2 || view.Started.IsZero() {
		t.Errorf("view stands at step %d of generation %d", view.Step, view.Generation)
	}
	if n := len(view.History); n != 1 || view.History[0].StepUS != 350.25 || view.History[0].SMUtilizationPercent != 93 ||
		!math.IsNaN(view.History[0].PowerWatts) {
		t.Errorf("history %+v", view.History)
	}
	codes := make([]string, 0, len(view.Log))
	for _, entry := range view.Log {
		codes = append(codes, entry.Code)
	}
	if !slices.Equal(codes, []string{logRefused, "nvml", logFailure}) {
		t.Errorf("log %v", codes)
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	at := time.Unix(100, 0)
	workload := func(change func(*WorkloadRecord)) Record {
		w := &WorkloadRecord{Kernels: "cutlass", Workload: Workload{
			Model: "dsv3", TP: 8, EP: 1, Tokens: 128, Routing: Routing{Kind: Uniform},
		}}
		if change != nil {
			change(w)
		}
		return Record{Kind: KindWorkload, Time: at, Workload: w}
	}
	toggle := func(from, to ESMask) Record {
		return Record{Kind: KindToggle, Time: at, Toggle: &Toggle{From: from, To: to}}
	}
	cases := []struct {
		name    string
		records []Record
		want    []string
	}{
		{"one stage", []Record{toggle(ESOff, ESUp), toggle(ESUp, ESBoth), toggle(ESBoth, ESDown)}, []string{"u on", "d on", "u off"}},
		{"both", []Record{toggle(ESOff, ESBoth), toggle(ESBoth, ESOff), toggle(ESUp, ESDown)}, []string{"e on", "e off", "u off d on"}},
		{
			"A/B",
			[]Record{sampleAt(at, 1, &Sample{}), sampleAt(at, 2, &Sample{AB: true}), sampleAt(at, 3, &Sample{})},
			[]string{"A/B", "A/B off"},
		},
		{
			"workloads",
			[]Record{
				workload(nil),
				workload(func(w *WorkloadRecord) { w.Workload.Tokens = 512 }),
				workload(func(w *WorkloadRecord) { w.Workload.Tokens, w.Workload.Routing.Kind = 512, Hot }),
				workload(func(w *WorkloadRecord) { w.Workload.Model = "glm-4.5" }),
			},
			[]string{"512 tok", "hot", "glm-4.5-tp8"},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			fold := NewFold()
			for _, r := range tc.records {
				fold.Apply(r)
			}
			var got []string
			for _, m := range fold.View().Marks {
				got = append(got, m.Text)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("marks %q, want %q", got, tc.want)
			}
		})
	}
}

func TestViewsNeverChange(t *testing.T) {
	t.Parallel()
	fold := NewFold()
	type kept struct {
		view *View
		copy View
	}
	var views []kept
	for i := range 4 * HistoryLength {
		at := time.Unix(int64(i), 0)
		fold.Apply(sampleAt(at, uint64(i), &Sample{Recent: Recent{StepUS: []float64{float64(i)}}}))
		fold.Apply(Record{Kind: KindToggle, Time: at, Toggle: &Toggle{From: ESOff, To: ESUp}})
		fold.Log(LogEntry{Time: at, Code: "x"})
		if i%571 == 0 {
			view := fold.View()
			c := *view
			c.History, c.Marks, c.Log = slices.Clone(view.History), slices.Clone(view.Marks), slices.Clone(view.Log)
			views = append(views, kept{view, c})
		}
	}
	for _, v := range views {
		// NaN differs from itself, so the values are compared as text.
		if fmt.Sprint(*v.view) != fmt.Sprint(v.copy) {
			t.Fatalf("the view at step %d has changed", v.copy.Step)
		}
	}
	last := fold.View()
	if len(last.History) != HistoryLength || last.History[HistoryLength-1].StepUS != 4*HistoryLength-1 ||
		last.History[0].StepUS != 3*HistoryLength {
		t.Errorf("history of %d points from %v", len(last.History), last.History[0].StepUS)
	}
	if len(last.Marks) != maxMarks || len(last.Log) != maxLog || last.Marks[0].Time.Before(last.History[0].Time) {
		t.Errorf("%d marks and %d entries", len(last.Marks), len(last.Log))
	}
}

func TestReportOfAWorkerThatDied(t *testing.T) {
	t.Parallel()
	t.Run("before anything", func(t *testing.T) {
		t.Parallel()
		report := NewFold().View().Report(true)
		text, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		if !report.Partial || len(report.Stages) != NumStages || report.Stages[Up].Name != "up" || !report.Stages[Up].Switchable {
			t.Errorf("report %s", text)
		}
		var fields map[string]any
		if err := json.Unmarshal(text, &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"command", "stages", "warnings"} {
			if _, ok := fields[name].([]any); !ok {
				t.Errorf("%s is %v, want an array", name, fields[name])
			}
		}
	})
	t.Run("in mid-run", func(t *testing.T) {
		t.Parallel()
		fold := NewFold()
		for _, r := range sampleRecords()[:6] {
			fold.Apply(r)
		}
		report := fold.View().Report(true)
		if report.Steps != 9 || report.Lost != 0 || report.Stages[0].On == nil || report.NVML == nil ||
			report.Workload.Tokens != 128 || report.DurationS != 1.5 || math.Abs(report.WorkerCPUPercent-100*0.1/1.5) > 1e-9 {
			t.Errorf("report %+v", report)
		}
		if len(report.Warnings) != 1 || report.Warnings[0].Code != "nvml" {
			t.Errorf("warnings %+v, want the one of the stream, and no refusal", report.Warnings)
		}
	})
}

func BenchmarkFoldSample(b *testing.B) {
	fold := NewFold()
	record := sampleRecords()[2]
	b.ReportAllocs()
	for range b.N {
		fold.Apply(record)
		fold.View()
	}
}

// TestFoldTellsOfMeasuring lets ceilings of this session into the log, once and not as a warning;
// those of an earlier one are nothing new.
func TestFoldTellsOfMeasuring(t *testing.T) {
	t.Parallel()
	started := time.Unix(100, 0)
	for name, c := range map[string]struct {
		measured time.Time
		want     int
	}{
		"now": {started.Add(time.Second), 1}, "long ago": {started.Add(-time.Hour), 0},
	} {
		ceilings := hopper()
		ceilings.MeasuredAt = c.measured
		fold := NewFold()
		fold.Apply(Record{Kind: KindHeader, Time: started, Header: &Header{}})
		for range 2 { // The second workload has the same ceilings.
			fold.Apply(Record{Kind: KindWorkload, Time: started.Add(2 * time.Second), Workload: &WorkloadRecord{Ceilings: ceilings}})
		}
		view := fold.View()
		if len(view.Log) != c.want || c.want == 1 && (!view.Log[0].Notice() || !strings.Contains(view.Log[0].Text, "4000 GB/s")) {
			t.Errorf("%s: log %v", name, view.Log)
		}
		if warnings := view.Report(true).Warnings; len(warnings) > 0 {
			t.Errorf("%s: warned of %v", name, warnings)
		}
	}
}
