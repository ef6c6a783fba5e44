package ui

import (
	"time"

	"github.com/moetop/moetop/profiler"
)

// pulse holds what the header shows of a run that goes on: rates, and how far A/B mode is. Samples bring
// them ten times a second, too fast to be read; these are of a second each.
type pulse struct {
	began  time.Time // of the second that is counted, in the stream's time
	of     uint64    // generation
	step   uint64
	cpu    time.Duration // of this process by then
	worker sum           // CPU percent of the samples since

	ab             bool
	pairs          int
	stepsPerSecond float64
	workerPercent  float64
	screenPercent  *float64 // nil until a second was counted, or where the process does not tell
}

// pulsePeriod is the time that a rate is of. A second that has taken far longer has a gap in it.
const (
	pulsePeriod = time.Second
	pulseGap    = 5 * pulsePeriod
)

// sum is of values, for their mean.
type sum struct {
	total float64
	n     int
}

// take counts a view in. The first one's own rates stand until there is a second to tell of, and so do
// those of another workload or mode, after a reset or a gap, and after a step back in a recording.
func (p *pulse) take(view *profiler.View, cpuTime func() time.Duration) {
	if view.Sample == nil {
		return
	}
	elapsed := view.Time.Sub(p.began)
	if p.began.IsZero() || view.Generation != p.of || view.Step < p.step ||
		view.Sample.AB != p.ab || view.Sample.ABPairs < p.pairs || elapsed < 0 || elapsed > pulseGap {
		p.stepsPerSecond, p.workerPercent, p.screenPercent = view.Sample.StepsPerSecond, view.Sample.CPUPercent, nil
		p.begin(view, cpuTime)
		return
	}
	p.worker.total += view.Sample.CPUPercent
	p.worker.n++
	if elapsed < pulsePeriod {
		return
	}
	p.stepsPerSecond = float64(view.Step-p.step) / elapsed.Seconds()
	p.workerPercent = p.worker.total / float64(p.worker.n)
	if cpuTime != nil {
		p.screenPercent = new(100 * (cpuTime() - p.cpu).Seconds() / elapsed.Seconds())
	}
	p.begin(view, cpuTime)
}

func (p *pulse) begin(view *profiler.View, cpuTime func() time.Duration) {
	p.began, p.of, p.step, p.worker = view.Time, view.Generation, view.Step, sum{}
	p.ab, p.pairs = view.Sample.AB, view.Sample.ABPairs
	if cpuTime != nil {
		p.cpu = cpuTime()
	}
}
