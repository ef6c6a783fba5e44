package exporter

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/moetop/moetop/profiler"
)

// TestMetrics compares everything that a GPU in A/B mode gives with a golden file.
func TestMetrics(t *testing.T) {
	t.Parallel()
	e := newExporter(t)
	now := time.Now()
	view := fullView(now)
	e.take(view)
	e.take(next(view, now.Add(time.Second)))
	families := gather(t, e)
	var sorted []*dto.MetricFamily
	for _, name := range slices.Sorted(maps.Keys(families)) {
		sorted = append(sorted, families[name])
	}
	// What no two runs share.
	got := regexp.MustCompile(`(?m)^(moetop_last_sample_timestamp_seconds) .*$`).ReplaceAllString(text(t, sorted...), "$1 NOW")
	got = regexp.MustCompile(`goversion="[^"]*"`).ReplaceAllString(got, `goversion="GO"`)
	path := filepath.Join("testdata", "metrics.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("not as in %s; -update writes it anew. Got\n%s", path, got)
	}
	for _, desc := range e.described.all {
		name := regexp.MustCompile(`fqName: "([^"]+)"`).FindStringSubmatch(desc.String())[1]
		if families[name] == nil {
			t.Errorf("%s is described, and a view in which everything is known does not give it", name)
		}
	}
}

// remains are the metrics of an exporter whose worker is gone.
var remains = []string{
	"moetop_build_info", "moetop_last_sample_timestamp_seconds", "moetop_stage_latency_seconds", "moetop_step_duration_seconds",
	"moetop_steps_total", "moetop_timings_lost_total", "moetop_worker_cpu_seconds_total", "moetop_worker_restarts_total",
	"moetop_worker_up",
}

func TestUnknownIsAbsent(t *testing.T) {
	t.Parallel()
	gpuReading := regexp.MustCompile(`^moetop_gpu_`)
	tests := map[string]struct {
		change func(*profiler.View)
		absent func(name string) bool
	}{
		"no instruments": {
			func(v *profiler.View) { v.Sample.NVML = nil },
			func(name string) bool { return gpuReading.MatchString(name) && name != "moetop_gpu_info" },
		},
		"stale reading": {
			func(v *profiler.View) { v.Sample.NVML.Stale = true },
			func(name string) bool { return gpuReading.MatchString(name) && name != "moetop_gpu_info" },
		},
		"nothing can be read": {
			func(v *profiler.View) { v.Sample.NVML = &profiler.Reading{} },
			func(name string) bool { return gpuReading.MatchString(name) && name != "moetop_gpu_info" },
		},
		"CPU engine": {
			func(v *profiler.View) { v.Workload.GPU = nil; v.Sample.NVML = nil },
			func(name string) bool { return gpuReading.MatchString(name) },
		},
		"no A/B mode": {
			func(v *profiler.View) {
				v.Sample.AB, v.Sample.Verdict.EnableES = false, nil
				v.Sample.Steps.OnOffRatio, v.Sample.Steps.OffOnRatio, v.Sample.Steps.OnOnRatio = nil, nil, nil
				for i := range v.Sample.Stages {
					v.Sample.Stages[i].Ratio = nil
				}
			},
			regexp.MustCompile(`speedup|verdict|cycles`).MatchString,
		},
		"no ceilings": {
			func(v *profiler.View) {
				for i := range v.Sample.Stages {
					v.Sample.Stages[i].AttainablePercent = nil
				}
				v.Sample.Steps.AttainablePercent, v.Workload.Ceilings = nil, nil
			},
			regexp.MustCompile(`attainable|ceiling`).MatchString,
		},
		"silent worker": {
			func(v *profiler.View) { v.Worker.Phase = profiler.WorkerSilent },
			func(name string) bool { return !slices.Contains(remains, name) },
		},
		"hung GPU": {
			func(v *profiler.View) { v.Sample.StalledMS = 10000 },
			func(name string) bool {
				return !slices.Contains(remains, name) && name != "moetop_worker_stalled_seconds" &&
					!strings.HasPrefix(name, "moetop_session_")
			},
		},
		"dead worker": {
			func(v *profiler.View) { v.Worker.Phase = profiler.WorkerDied },
			func(name string) bool { return !slices.Contains(remains, name) },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := newExporter(t)
			now := time.Now()
			whole.take(fullView(now))
			whole.take(next(fullView(now), now.Add(time.Second)))
			e := newExporter(t)
			e.take(fullView(now))
			view := next(fullView(now), now.Add(time.Second))
			test.change(view)
			e.take(view)
			got := gather(t, e)
			for family := range gather(t, whole) {
				if absent := test.absent(family); absent == (got[family] != nil) {
					t.Errorf("%s: absent %v, want %v", family, !absent, absent)
				}
			}
		})
	}
}

func TestNothingYet(t *testing.T) {
	t.Parallel()
	got := gather(t, newExporter(t))
	if up := got["moetop_worker_up"]; up == nil || up.Metric[0].GetGauge().GetValue() != 0 {
		t.Errorf("up %v", up)
	}
	for name := range got {
		if !slices.Contains(remains, name) {
			t.Errorf("%s is known of nothing", name)
		}
	}
}

// TestHistograms counts a sample once, and only what was measured since the one before.
func TestHistograms(t *testing.T) {
	t.Parallel()
	e := newExporter(t)
	now := time.Now()
	warm := fullView(now)
	warm.Sample.State = profiler.StateWarmup
	for i := range warm.Sample.Stages {
		warm.Sample.Stages[i].Off, warm.Sample.Stages[i].On = nil, nil
	}
	e.take(warm)
	// The first sample after the warmup: its stages are measured, its steps may be the warmup's.
	first := fullView(now)
	first.Header = warm.Header
	e.take(first)
	if got := gather(t, e); got["moetop_step_duration_seconds"] != nil {
		t.Errorf("steps of the warmup: %v", got["moetop_step_duration_seconds"])
	}
	second := next(first, now.Add(time.Second))
	// This side does not run any more, and this one has nothing new.
	second.Sample.Stages[profiler.Up].On.Live = false
	second.Sample.Stages[profiler.Down].Off.MeasuredAt = now
	e.take(second)
	e.take(second)
	again := *second
	again.Worker.Phase = profiler.WorkerSilent
	e.take(&again)
	got := gather(t, e)
	counts := map[string]uint64{}
	for _, name := range []string{"moetop_stage_latency_seconds", "moetop_step_duration_seconds"} {
		for _, m := range got[name].Metric {
			var labels []string
			for _, pair := range m.Label {
				labels = append(labels, pair.GetValue())
			}
			counts[strings.Join(labels, " ")] = m.GetHistogram().GetSampleCount()
			if m.GetHistogram().Schema == nil {
				t.Errorf("%s %v is no native histogram", name, labels)
			}
		}
	}
	// Labels stand in the order of their names: es before stage, es_down before es_up.
	want := map[string]uint64{
		"none route": 2, "none quant": 2, "none act": 2, "none combine": 2,
		"off up": 2, "on up": 1, "off down": 1, "on down": 2,
		"off off": 1, "off on": 1, "on on": 1,
	}
	if !maps.Equal(counts, want) {
		t.Errorf("counts %v, want %v", counts, want)
	}
}

// TestCountsOutliveTheWorker starts another worker, whose counts begin at 0 again.
func TestCountsOutliveTheWorker(t *testing.T) {
	t.Parallel()
	e := newExporter(t)
	now := time.Now()
	e.take(fullView(now))
	other := fullView(now.Add(time.Second))
	// More steps than the first had: only the header tells that they are others.
	other.Step, other.Sample.Lost, other.Sample.CPUSeconds = 6000, 1, 0.25
	e.take(other)
	got := gather(t, e)
	for name, want := range map[string]float64{
		"moetop_steps_total": 11000, "moetop_timings_lost_total": 8, "moetop_worker_cpu_seconds_total": 1.75,
	} {
		if value := got[name].Metric[0].GetCounter().GetValue(); value != want {
			t.Errorf("%s %v, want %v", name, value, want)
		}
	}
}
