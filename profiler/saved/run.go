package saved

import (
	"time"

	"github.com/moetop/moetop/profiler"
)

// Kind says what a run was read from.
type Kind string

// The kinds of runs.
const (
	Report Kind = "report"
	Sweep  Kind = "sweep"
	Stream Kind = "stream"
)

// File is what one file holds: one run or several, as when reports were joined with cat.
type File struct {
	Name string
	Runs []Run
}

// Run is one run of moetop.
type Run struct {
	Kind Kind
	Environment
	Time    time.Time // when it ended
	Command []string  // argv that repeats it
	Partial bool
	Points  []Point
	// Deployment is what a sweep's document recommends; its journal recommends nothing yet.
	Deployment []Advice

	Report *profiler.Report // of a report or a stream; nil for a sweep
	Track  *Track           // of a stream alone
}

// Environment is where a run took place.
type Environment struct {
	Version      string           `json:"version"`
	Host         profiler.Host    `json:"host"`
	GPU          *profiler.Device `json:"gpu"`
	Engine       string           `json:"engine"`
	EngineReason string           `json:"engine_reason"`
	Provider     string           `json:"provider"`
	Timer        string           `json:"timer"`
	TimerReason  string           `json:"timer_reason"`
	ESLaunch     string           `json:"es_launch"`
	L2           string           `json:"l2"`
}

// Point is what was measured of one workload.
type Point struct {
	Workload profiler.Workload
	Kernels  string // the family that ran
	Failure  string // why nothing was measured; else empty

	Stages [profiler.NumStages]Stage
	Layer  [profiler.NumMasks]*Times          // the whole step, by mask
	Ratios [profiler.NumMasks]*profiler.Ratio // the layer's off/mask; that of ESOff is nil

	SMClockMHz      *profiler.Range
	PowerWatts      *profiler.Range
	ThrottleReasons []string
	Verdict         profiler.Verdict
}

// Stage is one stage with ES off and on.
type Stage struct {
	Off, On *Times
	Ratio   *profiler.Ratio // off/on
}

// Times is a distribution of times in microseconds.
type Times struct {
	Count    int64     `json:"count"`
	MedianUS float64   `json:"median_us"`
	P90US    float64   `json:"p90_us"`
	P99US    float64   `json:"p99_us"`
	BlockUS  []float64 `json:"block_us"` // consecutive parts of the run; empty if they were not kept
}

// times keeps of a summary what a point has; a distribution without values is none.
func times(s *profiler.Summary) *Times {
	if s == nil || s.Count == 0 {
		return nil
	}
	return &Times{Count: s.Count, MedianUS: s.MedianUS, P90US: s.P90US, P99US: s.P99US, BlockUS: s.BlockUS}
}

// reportRun makes the one point of a report.
func reportRun(kind Kind, r *profiler.Report) Run {
	point := Point{Workload: r.Workload, Kernels: r.Kernels, Verdict: r.Verdict}
	for i, s := range r.Stages {
		if i < len(point.Stages) {
			point.Stages[i] = Stage{Off: times(s.Off), On: times(s.On), Ratio: s.Ratio}
		}
	}
	for m := range profiler.ESMask(profiler.NumMasks) {
		point.Layer[m] = times(r.Step.Mask(m))
	}
	point.Ratios = [profiler.NumMasks]*profiler.Ratio{nil, r.Step.OnOffRatio, r.Step.OffOnRatio, r.Step.OnOnRatio}
	if r.NVML != nil {
		point.SMClockMHz, point.PowerWatts = r.NVML.SMClockMHz, r.NVML.PowerWatts
		point.ThrottleReasons = r.NVML.ThrottleReasons
	}
	return Run{
		Kind: kind, Time: r.Time, Command: r.Command, Partial: r.Partial, Points: []Point{point}, Report: r,
		Environment: Environment{
			Version: r.Version, Host: r.Host, GPU: r.GPU, Engine: r.Engine, EngineReason: r.EngineReason,
			Provider: r.Provider, Timer: r.Timer, TimerReason: r.TimerReason, ESLaunch: r.ESLaunch, L2: r.L2,
		},
	}
}
