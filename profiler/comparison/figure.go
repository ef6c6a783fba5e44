package comparison

import (
	"math"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// What a point has at most: the layer by mask and each stage with ES off and on; the gain of each
// switchable stage, and of the layer by mask.
const (
	maxLatencies = profiler.NumMasks + 2*profiler.NumStages
	maxGains     = 2 + profiler.NumMasks - 1
)

// layerPart is the name of the whole step among the stages.
const layerPart = "layer"

// point compares the runs of one workload.
func (t *tester) point(before, after []*saved.Point) Point {
	p := Point{
		Workload: after[0].Workload, Kernels: after[0].Kernels, Notes: conditions(before, after),
		OldEnableES: before[len(before)-1].Verdict.EnableES, NewEnableES: after[len(after)-1].Verdict.EnableES,
		Latencies: make([]Figure, 0, maxLatencies), Gains: make([]Figure, 0, maxGains),
	}
	for m := range profiler.ESMask(profiler.NumMasks) {
		p.addLatency(t, layerPart, m.String(), before, after, func(p *saved.Point) *saved.Times { return p.Layer[m] })
	}
	for _, stage := range profiler.Stages() {
		off := "off"
		if !stage.Switchable() {
			off = ""
		}
		p.addLatency(t, stage.String(), off, before, after, func(p *saved.Point) *saved.Times { return p.Stages[stage].Off })
		p.addLatency(t, stage.String(), "on", before, after, func(p *saved.Point) *saved.Times { return p.Stages[stage].On })
	}
	for _, stage := range []profiler.Stage{profiler.Up, profiler.Down} {
		p.addGain(t, stage.String(), "", before, after, func(p *saved.Point) *profiler.Ratio { return p.Stages[stage].Ratio })
	}
	for m := profiler.ESUp; m < profiler.NumMasks; m++ {
		p.addGain(t, layerPart, m.String(), before, after, func(p *saved.Point) *profiler.Ratio { return p.Ratios[m] })
	}
	return p
}

// addLatency adds a figure that both sides have. A median of 0, which a coarse timer can give to a
// tiny stage, has no ratio and is left out.
func (p *Point) addLatency(t *tester, part, es string, before, after []*saved.Point, times func(*saved.Point) *saved.Times) {
	a, b := &t.old, &t.latest
	a.collect(before, times)
	b.collect(after, times)
	if len(a.medians) == 0 || len(b.medians) == 0 {
		return
	}
	f := Figure{Part: part, ES: es}
	var old, current mean
	switch {
	case len(a.medians) > 1 || len(b.medians) > 1:
		old, current = runsMean(a.medians), runsMean(b.medians)
		f.Basis, f.OldCount, f.NewCount = Runs, len(a.medians), len(b.medians)
		f.Ratio = t.compare(old, current)
	case len(a.blocks) >= minBlocks && len(b.blocks) >= minBlocks:
		old, current = blocksMean(a.blocks), blocksMean(b.blocks)
		f.Basis, f.OldCount, f.NewCount = Blocks, len(a.blocks), len(b.blocks)
		f.Ratio = t.compare(old, current)
	default:
		old, current = runsMean(a.medians), runsMean(b.medians)
		f.Basis, f.OldCount, f.NewCount = Nothing, 1, 1
		f.Ratio = Ratio{Value: math.Exp(current.value - old.value)}
	}
	f.Old, f.New = math.Exp(old.value), math.Exp(current.value)
	p.Latencies = append(p.Latencies, f)
}

// collected are the logarithms of one latency: a median for each run, and the blocks of a single run.
type collected struct{ medians, blocks []float64 }

func (c *collected) collect(points []*saved.Point, times func(*saved.Point) *saved.Times) {
	c.medians, c.blocks = c.medians[:0], c.blocks[:0]
	for _, p := range points {
		found := times(p)
		if found == nil || found.MedianUS <= 0 {
			continue
		}
		c.medians = append(c.medians, math.Log(found.MedianUS))
		c.blocks = c.blocks[:0]
		for _, us := range found.BlockUS {
			if us > 0 {
				c.blocks = append(c.blocks, math.Log(us))
			}
		}
	}
}

// addGain adds an off/on ratio that both sides have.
func (p *Point) addGain(t *tester, part, es string, before, after []*saved.Point, ratio func(*saved.Point) *profiler.Ratio) {
	a, b := collectRatios(before, ratio), collectRatios(after, ratio)
	if len(a) == 0 || len(b) == 0 {
		return
	}
	f := Figure{Part: part, ES: es, Basis: Interleaved}
	if len(a) > 1 || len(b) > 1 {
		old, current := runsMean(logs(a)), runsMean(logs(b))
		f.Basis, f.OldCount, f.NewCount = Runs, len(a), len(b)
		f.Old, f.New = math.Exp(old.value), math.Exp(current.value)
		f.Ratio = t.compare(old, current)
	} else {
		f.OldCount, f.NewCount = a[0].Pairs, b[0].Pairs
		f.Old, f.New = a[0].Value, b[0].Value
		f.Ratio = compareIntervals(logInterval(a[0]), logInterval(b[0]))
	}
	p.Gains = append(p.Gains, f)
}

func collectRatios(points []*saved.Point, ratio func(*saved.Point) *profiler.Ratio) []*profiler.Ratio {
	var found []*profiler.Ratio
	for _, p := range points {
		if r := ratio(p); r != nil && r.Low > 0 && r.Value >= r.Low && r.High >= r.Value {
			found = append(found, r)
		}
	}
	return found
}

func logs(ratios []*profiler.Ratio) []float64 {
	values := make([]float64, len(ratios))
	for i, r := range ratios {
		values[i] = math.Log(r.Value)
	}
	return values
}

func logInterval(r *profiler.Ratio) interval {
	return interval{value: math.Log(r.Value), low: math.Log(r.Low), high: math.Log(r.High)}
}
