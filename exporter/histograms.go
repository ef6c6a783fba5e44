package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/moetop/moetop/profiler"
)

// The classic buckets double: a stage takes from a microsecond on the GPU to a second on the CPU
// engine, a step ten times as long.
const (
	shortestStage = 1e-6
	stageBuckets  = 21
	shortestStep  = 10e-6
	stepBuckets   = 20
)

// The native histograms, for servers that read them, are 4.4% wide: enough to see ES in them.
const (
	nativeFactor  = 1.05
	nativeBuckets = 160
	nativeReset   = time.Hour // least time between resets of a histogram that has too many buckets
)

// noSwitch is the value of the label es for stages that expert specialization does not touch.
const noSwitch = "none"

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// histograms count the raw steps of the stream.
type histograms struct {
	stage, step *prometheus.HistogramVec
	// seen is when the newest value of a stage's side that was counted was measured: a side that has not
	// run since shows the same value again.
	seen [profiler.NumStages][2]time.Time
	// measured is set once a sample said that the warmup is over. The whole steps of that one may still
	// be the warmup's own.
	measured bool
}

func newHistograms() histograms {
	return histograms{
		stage: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "moetop_stage_latency_seconds",
			Help:    "Latency of stages, sampled: the newest timed step of every sample, for each side of ES.",
			Buckets: prometheus.ExponentialBuckets(shortestStage, 2, stageBuckets), NativeHistogramBucketFactor: nativeFactor,
			NativeHistogramMaxBucketNumber: nativeBuckets, NativeHistogramMinResetDuration: nativeReset,
		}, []string{"stage", "es"}),
		step: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "moetop_step_duration_seconds",
			Help:    "Duration of whole steps, sampled: an even choice of at most 64 of the steps of every sample.",
			Buckets: prometheus.ExponentialBuckets(shortestStep, 2, stepBuckets), NativeHistogramBucketFactor: nativeFactor,
			NativeHistogramMaxBucketNumber: nativeBuckets, NativeHistogramMinResetDuration: nativeReset,
		}, []string{"es_up", "es_down"}),
	}
}

// startWorker says that what is observed next comes from another worker.
func (h *histograms) startWorker() { h.measured = false }

// observe counts what a sample carries.
func (h *histograms) observe(s *profiler.Sample) {
	if h.measured {
		h.observeSteps(&s.Recent)
	}
	h.measured = s.State == profiler.StateRunning || s.State == profiler.StatePaused
	for i := range min(len(s.Stages), profiler.NumStages) {
		stage := &s.Stages[i]
		for side, summary := range []*profiler.Summary{stage.Off, stage.On} {
			if summary == nil || !summary.Live || summary.MeasuredAt.Equal(h.seen[i][side]) {
				continue
			}
			h.seen[i][side] = summary.MeasuredAt
			h.stage.WithLabelValues(stage.Name, sideLabel(stage, side == 1)).Observe(seconds(summary.LastUS))
		}
	}
}

func (h *histograms) observeSteps(r *profiler.Recent) {
	for i := range min(len(r.StepUS), len(r.Mask)) {
		if r.Mask[i] < 0 || r.Mask[i] >= profiler.NumMasks {
			continue
		}
		mask := profiler.ESMask(r.Mask[i])
		h.step.WithLabelValues(onOff(mask.Has(profiler.Up)), onOff(mask.Has(profiler.Down))).Observe(seconds(r.StepUS[i]))
	}
}

// sideLabel is the value of the label es for a side of a stage.
func sideLabel(stage *profiler.StageStats, on bool) string {
	if !stage.Switchable {
		return noSwitch
	}
	return onOff(on)
}

func seconds(us float64) float64 { return us / 1e6 }
