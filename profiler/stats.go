package profiler

import (
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The histograms count nanoseconds to three digits. Longer times than maxHistogramNS, which only the
// CPU engine can reach, are counted there; their mean, last and maximum stay exact.
const (
	maxHistogramNS  = int64(100 * time.Second)
	histogramDigits = 3
	// exactBits is the number of leading bits that three digits keep: values below 2^exactBits are
	// counted exactly, larger ones share a bucket with their neighbours.
	exactBits = 11
)

// cell is the distribution of one quantity within one generation.
type cell struct {
	histogram  *hdrhistogram.Histogram // nil until the first value
	generation uint64
	count      int64
	sumUS      float64
	minUS      float64
	maxUS      float64
	lastUS     float64
	measuredAt time.Time
	blocks     blockSeries
}

// record adds a value in microseconds. The first value of another generation forgets what the cell
// held before, so that a side that is not running keeps its last figures until it really runs again.
func (c *cell) record(us float64, generation uint64, at time.Time) {
	if c.histogram == nil {
		c.histogram = hdrhistogram.New(1, maxHistogramNS, histogramDigits)
	}
	if c.count > 0 && c.generation != generation {
		c.forget()
	}
	if c.count == 0 {
		c.generation, c.minUS, c.maxUS = generation, us, us
	}
	// The value was clamped into the range that the histogram was made for, so this cannot fail.
	_ = c.histogram.RecordValue(min(max(int64(math.Round(us*1000)), 0), maxHistogramNS))
	c.count++
	c.sumUS += us
	c.minUS, c.maxUS = min(c.minUS, us), max(c.maxUS, us)
	c.lastUS, c.measuredAt = us, at
	c.blocks.add(us)
}

// forget empties the cell but keeps its memory.
func (c *cell) forget() {
	if c.histogram != nil {
		c.histogram.Reset()
	}
	c.blocks.forget()
	*c = cell{histogram: c.histogram, blocks: c.blocks}
}

// summary returns the distribution, or nil if there is none.
func (c *cell) summary(generation uint64) *Summary {
	if c.count == 0 {
		return nil
	}
	return &Summary{
		Count:      c.count,
		LastUS:     c.lastUS,
		MeanUS:     c.sumUS / float64(c.count),
		MinUS:      c.minUS,
		MedianUS:   c.quantile(50),
		P90US:      c.quantile(90),
		P99US:      c.quantile(99),
		MaxUS:      c.maxUS,
		MeasuredAt: c.measuredAt,
		Live:       c.generation == generation,
	}
}

// quantile returns the centre of the bucket that holds the percentile. The histogram answers with
// the upper edge, which would read up to 0.1% too long.
func (c *cell) quantile(percent float64) float64 {
	ns := c.histogram.ValueAtPercentile(percent)
	if shift := bits.Len64(uint64(ns)) - exactBits; shift > 0 {
		ns -= int64(1)<<shift/2 - 1
	}
	return min(max(float64(ns)/1000, c.minUS), c.maxUS)
}

// recorder holds the statistics of a workload: each stage with ES off and on, whole steps by mask,
// and the gaps. A stage without a switch uses the off side alone.
type recorder struct {
	generation uint64
	sides      [NumStages][2]cell
	steps      [NumMasks]cell
	gap        cell
	launchGap  cell
	last       StepTiming
	any        bool
}

// record adds one step to the current generation. launchGap is false where the time since the step
// before says nothing about launching, as after a pause.
func (r *recorder) record(t *StepTiming, at time.Time, launchGap bool) {
	for i := range t.StageUS {
		side := 0
		if t.Mask.Has(Stage(i)) {
			side = 1
		}
		r.sides[i][side].record(t.StageUS[i], r.generation, at)
	}
	r.steps[t.Mask].record(t.StepUS, r.generation, at)
	r.gap.record(max(t.GapUS, 0), r.generation, at)
	if launchGap && t.LaunchGapUS >= 0 {
		r.launchGap.record(t.LaunchGapUS, r.generation, at)
	}
	r.last, r.any = *t, true
}

// startGeneration lets the next values replace the figures of the sides that they belong to.
func (r *recorder) startGeneration() { r.generation++ }

// forget drops all figures: another workload, or a reset.
func (r *recorder) forget() {
	for i := range r.sides {
		r.sides[i][0].forget()
		r.sides[i][1].forget()
	}
	for i := range r.steps {
		r.steps[i].forget()
	}
	r.gap.forget()
	r.launchGap.forget()
	r.any = false
}

// stages returns the six stages in order, without ratios.
func (r *recorder) stages() []StageStats {
	stats := make([]StageStats, NumStages)
	for i, stage := range Stages() {
		stats[i] = StageStats{
			Name:       stage.String(),
			Switchable: stage.Switchable(),
			Off:        r.sides[i][0].summary(r.generation),
			On:         r.sides[i][1].summary(r.generation),
		}
		if r.any {
			last := r.last.StageUS[i]
			stats[i].LastUS = &last
		}
	}
	return stats
}

// stepStats returns the whole steps, without ratios.
func (r *recorder) stepStats() StepStats {
	return StepStats{
		OffOff:      r.steps[ESOff].summary(r.generation),
		OnOff:       r.steps[ESUp].summary(r.generation),
		OffOn:       r.steps[ESDown].summary(r.generation),
		OnOn:        r.steps[ESBoth].summary(r.generation),
		GapUS:       r.gap.summary(r.generation),
		LaunchGapUS: r.launchGap.summary(r.generation),
	}
}

// usable reports whether a timing can be counted: finite, not negative, and with a known mask. An
// engine that breaks this has lost the timing, and the stream must never carry it.
func usable(t *StepTiming) bool {
	if t.Mask >= NumMasks || !finiteTime(t.StepUS) || math.IsNaN(t.GapUS) || math.IsInf(t.GapUS, 0) ||
		math.IsNaN(t.LaunchGapUS) || math.IsInf(t.LaunchGapUS, 0) {
		return false
	}
	for _, us := range t.StageUS {
		if !finiteTime(us) {
			return false
		}
	}
	return true
}

func finiteTime(us float64) bool { return us >= 0 && !math.IsInf(us, 1) }

// recentSteps thins the steps since the last sample to at most MaxRecent, evenly.
type recentSteps struct {
	recent Recent
	stride uint64
	seen   uint64
	stages bool    // keep starts and stages too
	origin *uint64 // device clock of the engine's first step
}

func newRecentSteps() *recentSteps {
	return &recentSteps{recent: emptyRecent(), stride: 1}
}

func emptyRecent() Recent {
	return Recent{
		Step:   make([]uint64, 0, MaxRecent),
		Mask:   make([]int, 0, MaxRecent),
		StepUS: make([]float64, 0, MaxRecent),
	}
}

// add offers one step. When the room is used up, every second one goes and the stride doubles.
func (r *recentSteps) add(step uint64, t *StepTiming) {
	r.seen++
	if (r.seen-1)%r.stride != 0 {
		return
	}
	if r.origin == nil {
		origin := t.StartNS
		r.origin = &origin
	}
	if len(r.recent.Step) == MaxRecent {
		for i := range MaxRecent / 2 {
			r.recent.Step[i] = r.recent.Step[2*i]
			r.recent.Mask[i] = r.recent.Mask[2*i]
			r.recent.StepUS[i] = r.recent.StepUS[2*i]
			if r.stages {
				r.recent.StartUS[i], r.recent.StageUS[i] = r.recent.StartUS[2*i], r.recent.StageUS[2*i]
			}
		}
		half := MaxRecent / 2
		kept := Recent{Step: r.recent.Step[:half], Mask: r.recent.Mask[:half], StepUS: r.recent.StepUS[:half]}
		if r.stages {
			kept.StartUS, kept.StageUS = r.recent.StartUS[:half], r.recent.StageUS[:half]
		}
		r.recent = kept
		r.stride *= 2
		if (r.seen-1)%r.stride != 0 {
			return
		}
	}
	r.recent.Step = append(r.recent.Step, step)
	r.recent.Mask = append(r.recent.Mask, int(t.Mask))
	r.recent.StepUS = append(r.recent.StepUS, t.StepUS)
	if r.stages {
		r.recent.StartUS = append(r.recent.StartUS, float64(int64(t.StartNS-*r.origin))/1000)
		r.recent.StageUS = append(r.recent.StageUS, slices.Clone(t.StageUS[:]))
	}
}

// take hands out what was gathered and starts again.
func (r *recentSteps) take() Recent {
	taken := r.recent
	stages, origin := r.stages, r.origin
	*r = *newRecentSteps()
	r.stages, r.origin = stages, origin
	return taken
}

// newEngine begins another clock. Starts of two clocks must not stand in one sample.
func (r *recentSteps) newEngine() {
	if r.stages {
		r.take()
	}
	r.origin = nil
}
