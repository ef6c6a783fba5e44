package profiler

import "slices"

const (
	// blockBase is how many consecutive values make the smallest block: once round the shortest ring
	// of routings, so that a block does not depend on which routings fell into it.
	blockBase = MinRing
	// maxBlocks bounds the blocks of one distribution. It is enough to see how neighbours hang
	// together, and a report with all of them stays small.
	maxBlocks = 64
)

// blockSeries divides a run of values into consecutive blocks of equal length. The smallest are
// midmeans, deaf to a hiccup; when there is no more room, neighbours are averaged in pairs and all
// later blocks are twice as long.
type blockSeries struct {
	pending [blockBase]float64
	waiting int
	sum     float64 // of smallest blocks, for the block that is not yet full
	summed  int
	length  int // smallest blocks in a block; 0 stands for 1
	done    []float64
}

func (b *blockSeries) add(us float64) {
	b.pending[b.waiting] = us
	b.waiting++
	if b.waiting < blockBase {
		return
	}
	b.waiting = 0
	b.sum += midmean(b.pending[:])
	b.summed++
	if b.summed < max(b.length, 1) {
		return
	}
	b.done = append(b.done, b.sum/float64(b.summed))
	b.sum, b.summed = 0, 0
	if len(b.done) < maxBlocks {
		return
	}
	for i := range maxBlocks / 2 {
		b.done[i] = (b.done[2*i] + b.done[2*i+1]) / 2
	}
	b.done = b.done[:maxBlocks/2]
	b.length = 2 * max(b.length, 1)
}

// forget empties the series but keeps its memory.
func (b *blockSeries) forget() { *b = blockSeries{done: b.done[:0]} }

// addBlocks fills the blocks into a report. The summaries are copied, since the newest sample, which
// has gone out already, shares them.
func (r *recorder) addBlocks(report *Report) {
	with := func(s *Summary, c *cell) *Summary {
		if s == nil {
			return nil
		}
		copied := *s
		copied.BlockUS = slices.Clone(c.blocks.done)
		return &copied
	}
	report.Stages = slices.Clone(report.Stages)
	for i := range report.Stages {
		stage := &report.Stages[i]
		stage.Off, stage.On = with(stage.Off, &r.sides[i][0]), with(stage.On, &r.sides[i][1])
	}
	step := &report.Step
	step.OffOff, step.OnOff = with(step.OffOff, &r.steps[ESOff]), with(step.OnOff, &r.steps[ESUp])
	step.OffOn, step.OnOn = with(step.OffOn, &r.steps[ESDown]), with(step.OnOn, &r.steps[ESBoth])
}
