package saved

import (
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
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
	profiler.Environment
	Time    time.Time // when it ended
	Command []string  // argv that repeats it
	Partial bool
	Points  []Point
	// Deployment is what a sweep's document recommends; its journal recommends nothing yet.
	Deployment []sweep.Advice

	Report *profiler.Report // of a report or a stream; nil for a sweep
	Track  *Track           // of a stream alone
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

// Times is a distribution of times.
type Times = profiler.Times

// reportRun makes the one point of a report.
func reportRun(kind Kind, r *profiler.Report) Run {
	point := Point{Workload: r.Workload, Kernels: r.Kernels, Verdict: r.Verdict}
	for i, s := range r.Stages {
		if i < len(point.Stages) {
			point.Stages[i] = Stage{Off: s.Off.Times(), On: s.On.Times(), Ratio: s.Ratio}
		}
	}
	for m := range profiler.ESMask(profiler.NumMasks) {
		point.Layer[m] = r.Step.Mask(m).Times()
	}
	point.Ratios = [profiler.NumMasks]*profiler.Ratio{nil, r.Step.OnOffRatio, r.Step.OffOnRatio, r.Step.OnOnRatio}
	if r.NVML != nil {
		point.SMClockMHz, point.PowerWatts = r.NVML.SMClockMHz, r.NVML.PowerWatts
		point.ThrottleReasons = r.NVML.ThrottleReasons
	}
	return Run{
		Kind: kind, Time: r.Time, Command: r.Command, Partial: r.Partial, Points: []Point{point}, Report: r,
		Environment: r.Environment(),
	}
}
