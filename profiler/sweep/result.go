package sweep

import (
	"strings"
	"time"

	"github.com/moetop/moetop/profiler"
)

// Status says how a point ended.
type Status string

// The statuses. A point that was measured for too short a time is still ok: it has no ratios, or
// wide intervals.
const (
	OK          Status = "ok"
	OutOfMemory Status = "out_of_memory"
	Failed      Status = "failed" // the engine refused it, or its worker died
)

// Result is a finished point: one line of a journal, one element of a document.
type Result struct {
	Point
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"` // why it is not ok
	// RanKernels is the family that ran, where that is known: the CPU engine has one of its own.
	RanKernels string             `json:"ran_kernels,omitempty"`
	Timer      string             `json:"timer,omitempty"`
	Time       time.Time          `json:"time"`       // when it ended
	DurationS  float64            `json:"duration_s"` // with the making of the engine
	Seed       uint64             `json:"seed"`
	Command    []string           `json:"command"` // argv that repeats the point
	Workload   *profiler.Workload `json:"workload"`
	Memory     *profiler.Memory   `json:"memory"`

	Pairs  int     `json:"pairs"`  // interleaved cycles
	Stages []Stage `json:"stages"` // all six, in order; empty if nothing was measured
	Layer  Layer   `json:"layer"`

	// What the GPU did meanwhile; null where it cannot be known.
	SMClockMHz         *profiler.Range `json:"sm_clock_mhz"`
	PowerWatts         *profiler.Range `json:"power_watts"`
	TemperatureCelsius *profiler.Range `json:"temperature_celsius"`
	ThrottleReasons    []string        `json:"throttle_reasons"` // null if unknown, empty if the clocks were free

	Lost     uint64             `json:"lost_timings"`
	Verdict  profiler.Verdict   `json:"verdict"`
	Warnings []profiler.Warning `json:"warnings"`
}

// Stage is one stage with ES off and on; ratio is off/on.
type Stage struct {
	Name       string          `json:"name"`
	Switchable bool            `json:"switchable"`
	Off        *Times          `json:"off"`
	On         *Times          `json:"on"`
	Ratio      *profiler.Ratio `json:"ratio"`
	// AttainableUS is how long the stage takes at best, and AttainablePercent how close the side to
	// deploy comes to it; null without the device's ceilings.
	AttainableUS      *float64 `json:"attainable_us"`
	AttainablePercent *float64 `json:"attainable_percent"`
}

// Layer is the whole step with each mask; the names say up_down, ratios are off_off/mask.
type Layer struct {
	OffOff     *Times          `json:"off_off"`
	OnOff      *Times          `json:"on_off"`
	OffOn      *Times          `json:"off_on"`
	OnOn       *Times          `json:"on_on"`
	Gap        *Times          `json:"gap"` // idle between the stages of a step
	OnOffRatio *profiler.Ratio `json:"on_off_ratio"`
	OffOnRatio *profiler.Ratio `json:"off_on_ratio"`
	OnOnRatio  *profiler.Ratio `json:"on_on_ratio"`
	// AttainablePercent is that of the whole layer with the mask to deploy.
	AttainablePercent *float64 `json:"attainable_percent"`
}

// Times is a distribution of times in microseconds.
type Times struct {
	Count    int64   `json:"count"`
	MedianUS float64 `json:"median_us"`
	P90US    float64 `json:"p90_us"`
	P99US    float64 `json:"p99_us"`
}

// Family is the kernel family that ran, or the one that was asked for if nothing did.
func (r *Result) Family() string {
	if r.RanKernels != "" {
		return r.RanKernels
	}
	return r.Kernels
}

// Stage returns a stage, or an empty one if nothing was measured.
func (r *Result) Stage(s profiler.Stage) Stage {
	for _, stage := range r.Stages {
		if stage.Name == s.String() {
			return stage
		}
	}
	return Stage{Name: s.String(), Switchable: s.Switchable()}
}

// Times returns the times of the layer with a mask.
func (l *Layer) Times(m profiler.ESMask) *Times {
	return [profiler.NumMasks]*Times{l.OffOff, l.OnOff, l.OffOn, l.OnOn}[m]
}

// Ratio returns what a mask gains over ES off; nil for ES off.
func (l *Layer) Ratio(m profiler.ESMask) *profiler.Ratio {
	return [profiler.NumMasks]*profiler.Ratio{nil, l.OnOffRatio, l.OffOnRatio, l.OnOnRatio}[m]
}

// measured is the result that a view of the running point shows.
func measured(p Point, view *profiler.View) Result {
	w, sample := view.Workload, view.Sample
	workload, memory := w.Workload, w.Memory
	r := Result{
		Point: p, Status: OK, RanKernels: w.Kernels, Timer: w.Timer, Time: view.Time,
		Workload: &workload, Memory: &memory, Pairs: sample.ABPairs, Verdict: sample.Verdict,
		Stages: make([]Stage, 0, len(sample.Stages)), Warnings: []profiler.Warning{},
		Layer: Layer{
			OffOff: times(sample.Steps.OffOff), OnOff: times(sample.Steps.OnOff),
			OffOn: times(sample.Steps.OffOn), OnOn: times(sample.Steps.OnOn), Gap: times(sample.Steps.GapUS),
			OnOffRatio: sample.Steps.OnOffRatio, OffOnRatio: sample.Steps.OffOnRatio, OnOnRatio: sample.Steps.OnOnRatio,
			AttainablePercent: sample.Steps.AttainablePercent,
		},
	}
	for _, s := range sample.Stages {
		stage := Stage{
			Name: s.Name, Switchable: s.Switchable, Off: times(s.Off), On: times(s.On), Ratio: s.Ratio,
			AttainablePercent: s.AttainablePercent,
		}
		for _, work := range w.Work {
			if work.Name == s.Name {
				stage.AttainableUS = work.AttainableUS
			}
		}
		r.Stages = append(r.Stages, stage)
	}
	if nvml := sample.NVMLStats; nvml != nil {
		r.SMClockMHz, r.PowerWatts, r.TemperatureCelsius = nvml.SMClockMHz, nvml.PowerWatts, nvml.TemperatureCelsius
		r.ThrottleReasons = nvml.ThrottleReasons
	}
	return r
}

func times(s *profiler.Summary) *Times {
	if s == nil {
		return nil
	}
	return &Times{Count: s.Count, MedianUS: s.MedianUS, P90US: s.P90US, P99US: s.P99US}
}

// failure is the result of a point that could not be measured. A stream carries errors as text, so
// that one of memory is known by the words that all of them begin with.
func failure(p Point, why string) Result {
	// A panic's first line says what happened; the stack that follows is of no use in a table.
	why, _, _ = strings.Cut(strings.TrimSpace(why), "\n")
	r := Result{
		Point: p, Status: Failed, Error: why, Time: time.Now(), Stages: []Stage{}, Warnings: []profiler.Warning{},
		Verdict: profiler.Verdict{Text: "no verdict: the point was not measured"},
	}
	if strings.Contains(why, new(profiler.MemoryError).Error()) {
		r.Status = OutOfMemory
	}
	return r
}
