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
	Figures
	Timer     string           `json:"timer,omitempty"`
	DurationS float64          `json:"duration_s"` // with the making of the engine
	Command   []string         `json:"command"`    // argv that repeats the point
	Memory    *profiler.Memory `json:"memory"`
	// TemperatureCelsius is null where it cannot be known.
	TemperatureCelsius *profiler.Range `json:"temperature_celsius"`
	// Against is null for the first family of a plan, and where the families could not take turns.
	Against  *Against           `json:"against"`
	Lost     uint64             `json:"lost_timings"`
	Warnings []profiler.Warning `json:"warnings"`
}

// Figures are what a result says about its point. They are a part of their own since whoever compares
// or draws thousands of results has no use for the rest.
type Figures struct {
	Point
	Status Status `json:"status"`
	Error  string `json:"error,omitempty"` // why it is not ok
	// RanKernels is the family that ran, where that is known: the CPU engine has one of its own.
	RanKernels string             `json:"ran_kernels,omitempty"`
	Time       time.Time          `json:"time"` // when it ended
	Seed       uint64             `json:"seed"`
	Workload   *profiler.Workload `json:"workload"`

	Pairs  int     `json:"pairs"`  // interleaved cycles
	Stages []Stage `json:"stages"` // all six, in order; empty if nothing was measured
	Layer  Layer   `json:"layer"`

	// What the GPU did meanwhile; null where it cannot be known.
	SMClockMHz      *profiler.Range `json:"sm_clock_mhz"`
	PowerWatts      *profiler.Range `json:"power_watts"`
	ThrottleReasons []string        `json:"throttle_reasons"` // null if unknown, empty if the clocks were free

	Verdict profiler.Verdict `json:"verdict"`
}

// Stage is one stage with ES off and on; ratio is off/on.
type Stage struct {
	Name       string          `json:"name"`
	Switchable bool            `json:"switchable"`
	Off        *profiler.Times `json:"off"`
	On         *profiler.Times `json:"on"`
	Ratio      *profiler.Ratio `json:"ratio"`
	// AttainableUS is how long the stage takes at best, and AttainablePercent how close the side to
	// deploy comes to it; null without the device's ceilings.
	AttainableUS      *float64 `json:"attainable_us"`
	AttainablePercent *float64 `json:"attainable_percent"`
}

// Layer is the whole step with each mask; the names say up_down, ratios are off_off/mask.
type Layer struct {
	OffOff     *profiler.Times `json:"off_off"`
	OnOff      *profiler.Times `json:"on_off"`
	OffOn      *profiler.Times `json:"off_on"`
	OnOn       *profiler.Times `json:"on_on"`
	Gap        *profiler.Times `json:"gap"` // idle between the stages of a step
	OnOffRatio *profiler.Ratio `json:"on_off_ratio"`
	OffOnRatio *profiler.Ratio `json:"off_on_ratio"`
	OnOnRatio  *profiler.Ratio `json:"on_on_ratio"`
	// AttainablePercent is that of the whole layer with the mask to deploy.
	AttainablePercent *float64 `json:"attainable_percent"`
}

// Family is the kernel family that ran, or the one that was asked for if nothing did.
func (r *Figures) Family() string {
	if r.RanKernels != "" {
		return r.RanKernels
	}
	return r.Kernels
}

// Stage returns a stage, or an empty one if nothing was measured.
func (r *Figures) Stage(s profiler.Stage) Stage {
	for _, stage := range r.Stages {
		if stage.Name == s.String() {
			return stage
		}
	}
	return Stage{Name: s.String(), Switchable: s.Switchable()}
}

// Times returns the times of the layer with a mask.
func (l *Layer) Times(m profiler.ESMask) *profiler.Times {
	return [profiler.NumMasks]*profiler.Times{l.OffOff, l.OnOff, l.OffOn, l.OnOn}[m]
}

// Ratio returns what a mask gains over ES off; nil for ES off.
func (l *Layer) Ratio(m profiler.ESMask) *profiler.Ratio {
	return [profiler.NumMasks]*profiler.Ratio{nil, l.OnOffRatio, l.OffOnRatio, l.OnOnRatio}[m]
}

// measured is the result that a view of the running point shows.
func measured(p Point, view *profiler.View) Result {
	w, sample := view.Workload, view.Sample
	workload, memory := w.Workload, w.Memory
	steps := &sample.Steps
	r := Result{
		Figures: Figures{
			Point: p, Status: OK, RanKernels: w.Kernels, Time: view.Time, Workload: &workload, Pairs: sample.ABPairs,
			Verdict: sample.Verdict, Stages: make([]Stage, 0, len(sample.Stages)),
			Layer: Layer{
				OffOff: steps.OffOff.Times(), OnOff: steps.OnOff.Times(), OffOn: steps.OffOn.Times(), OnOn: steps.OnOn.Times(),
				Gap: steps.GapUS.Times(), OnOffRatio: steps.OnOffRatio, OffOnRatio: steps.OffOnRatio, OnOnRatio: steps.OnOnRatio,
				AttainablePercent: steps.AttainablePercent,
			},
		},
		Timer: w.Timer, Memory: &memory, Warnings: []profiler.Warning{},
	}
	for _, s := range sample.Stages {
		stage := Stage{
			Name: s.Name, Switchable: s.Switchable, Off: s.Off.Times(), On: s.On.Times(), Ratio: s.Ratio,
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

// failure is the result of a point that could not be measured. A stream carries errors as text, so
// that one of memory is known by the words that all of them begin with.
func failure(p Point, why string) Result {
	// A panic's first line says what happened; the stack that follows is of no use in a table.
	why, _, _ = strings.Cut(strings.TrimSpace(why), "\n")
	r := Result{
		Figures: Figures{
			Point: p, Status: Failed, Error: why, Time: time.Now(), Stages: []Stage{},
			Verdict: profiler.Verdict{Text: "no verdict: the point was not measured"},
		},
		Warnings: []profiler.Warning{},
	}
	if strings.Contains(why, new(profiler.MemoryError).Error()) {
		r.Status = OutOfMemory
	}
	return r
}
