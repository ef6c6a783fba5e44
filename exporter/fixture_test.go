package exporter

import (
	"bytes"
	"flag"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/moetop/moetop/profiler"
)

var update = flag.Bool("update", false, "write the golden files anew")

// summary is a distribution around a median.
func summary(median float64, at time.Time) *profiler.Summary {
	return &profiler.Summary{
		Count: 1000, LastUS: median + 1, MeanUS: median, MinUS: median / 2, MedianUS: median, P90US: 1.25 * median,
		P99US: 1.5 * median, MaxUS: 2 * median, MeasuredAt: at, Live: true,
	}
}

func ratio(value float64) *profiler.Ratio {
	return &profiler.Ratio{Value: value, Low: value - 0.125, High: value + 0.125, PValue: 0.03125, Pairs: 64}
}

// fullReading is one of a GPU that tells everything.
func fullReading() *profiler.Reading {
	return &profiler.Reading{
		SMUtilizationPercent: new(93.75), SMOccupancyPercent: new(41.0), TensorPercent: new(14.0), DRAMPercent: new(81.0),
		KernelActivePercent: new(100.0), MemoryUsedBytes: new(uint64(7 << 30)), MemoryFreeBytes: new(uint64(133 << 30)),
		MemoryReservedBytes: new(uint64(1 << 29)), MemoryTotalBytes: new(uint64(141 << 30)), MemoryProcessBytes: new(uint64(2 << 30)),
		SMClockMHz: new(1980.0), MemoryClockMHz: new(3201.0), PowerWatts: new(612.5), PowerLimitWatts: new(700.0),
		EnergyJoules: new(123456.5), TemperatureCelsius: new(61.0), ThrottleReasons: []string{"power cap"},
	}
}

// fullView is a view in which everything is known: A/B mode on a GPU.
func fullView(at time.Time) *profiler.View {
	stages := make([]profiler.StageStats, 0, profiler.NumStages)
	for i, stage := range profiler.Stages() {
		s := profiler.StageStats{
			Name: stage.String(), Switchable: stage.Switchable(), Off: summary(float64(8*(i+1)), at),
			AttainablePercent: new(50.0),
		}
		if stage.Switchable() {
			s.On, s.Ratio = summary(float64(4*(i+1)), at), ratio(2)
		}
		stages = append(stages, s)
	}
	w := profiler.CustomWorkload(8, 2, 256, 128)
	return &profiler.View{
		Worker: profiler.WorkerState{Phase: profiler.WorkerRunning},
		Header: &profiler.Header{SchemaVersion: profiler.SchemaVersion, PID: 42, IntervalMS: 100},
		Workload: &profiler.WorkloadRecord{
			Workload: w, Engine: "cuda", Provider: "test", Kernels: "cutlass", Timer: "cupti", ESLaunch: "pdl", L2: "hot",
			Ceilings: &profiler.Ceilings{ReadBytesPerS: 4.6e12, FP8FlopsPerS: 1.76e15},
			GPU:      &profiler.Device{Name: "H200", UUID: "GPU-0", ComputeMajor: 9, CUDA: "13.0", Driver: "580.1"},
			Memory:   profiler.Memory{WeightsBytes: 1 << 20, ActivationsBytes: 1 << 19, WorkspaceBytes: 1 << 18},
		},
		Time: at, Step: 5000, Generation: 3,
		Sample: &profiler.Sample{
			State: profiler.StateRunning, ES: profiler.ESDown, AB: true, ABPairs: 64, StepsPerSecond: 2000,
			Stages: stages,
			Steps: profiler.StepStats{
				OffOff: summary(512, at), OnOff: summary(256, at), OffOn: summary(128, at), OnOn: summary(64, at),
				GapUS: summary(8, at), LaunchGapUS: summary(4, at),
				OnOffRatio: ratio(2), OffOnRatio: ratio(4), OnOnRatio: ratio(8),
				AttainablePercent: new(75.0),
			},
			Recent: profiler.Recent{Step: []uint64{1, 2, 3}, Mask: []int{0, 1, 3}, StepUS: []float64{500, 250, 60}},
			NVML:   fullReading(), NVMLStats: &profiler.NVMLStats{ThrottleReasons: []string{"thermal", "power cap"}},
			Verdict: profiler.Verdict{EnableES: &[2]bool{false, true}}, Lost: 7, CPUSeconds: 1.5,
		},
	}
}

// next is the view of a sample later, with new values of everything that ran.
func next(view *profiler.View, at time.Time) *profiler.View {
	later, sample := *view, *view.Sample
	sample.Stages = append([]profiler.StageStats(nil), sample.Stages...)
	for i := range sample.Stages {
		for _, side := range []**profiler.Summary{&sample.Stages[i].Off, &sample.Stages[i].On} {
			if *side != nil {
				s := **side
				s.MeasuredAt = at
				*side = &s
			}
		}
	}
	later.Sample, later.Time = &sample, at
	return &later
}

func newExporter(tb testing.TB) *Exporter {
	tb.Helper()
	e, err := New("test", func(line string) { tb.Log(line) })
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// gather returns the metrics of ours, by name.
func gather(t *testing.T, e *Exporter) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := e.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	ours := map[string]*dto.MetricFamily{}
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "moetop_") {
			ours[f.GetName()] = f
		}
	}
	return ours
}

// text writes metrics the way that a scrape shows them.
func text(t *testing.T, families ...*dto.MetricFamily) string {
	t.Helper()
	var out bytes.Buffer
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(&out, f); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}
