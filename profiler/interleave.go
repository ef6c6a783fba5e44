package profiler

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// A/B mode runs the four ES masks in turn, so that drift of clocks and temperature meets all of
// them alike. A cycle is eight blocks: the masks in some order, then backward, which cancels linear
// drift. The order of a cycle is 0,1,2,3 with both sides of each stage exchanged at random: with
// that, a disturbance that knows nothing of the masks, however it is correlated in time, falls on
// either side with equal probability in each cycle, and the test in compare.go is exact.
const blocksPerCycle = 2 * NumMasks

const (
	// minBlockTime keeps blocks long enough for the effects of a switch to be small.
	minBlockTime = 4 * time.Millisecond
	// settleTime is left out at the start of a block, at least one step: the first steps after a
	// switch find the caches as the other mask's kernels left them.
	settleTime = 200 * time.Microsecond
	// maxBlockLoss is the share of a block's steps that may have lost their timing before the cycle
	// is dropped, because the block no longer stands for the whole ring of routings.
	maxBlockLoss = 0.1
)

// block is a run of steps with one mask. Steps are numbered over the session.
type block struct {
	cycle  uint64 // counts up, also across interruptions
	place  int    // 0..blocksPerCycle-1
	mask   ESMask // that its times count for
	run    ESMask // that it runs; another one than mask in an A/A test
	first  uint64 // first step
	settle int    // steps at the start that are not compared
	length int    // steps in all; length-settle is a multiple of the ring's length
	broken bool   // it was given up before its end
	fresh  bool   // it does not follow on the block before

	began    time.Time     // when its first step was launched
	stepTime time.Duration // expected
}

// end is the number of the first step after the block.
func (b block) end() uint64 { return b.first + uint64(b.length) }

// interleaver plans blocks.
type interleaver struct {
	ring   int // length of the ring of routings
	random *rand.Rand
	cycle  uint64
	place  int
	flip   ESMask
	settle int
	length int
	fresh  bool
}

func newInterleaver(ring int, seed uint64) *interleaver {
	return &interleaver{ring: ring, random: rand.New(rand.NewPCG(seed, 0x4142424142414142)), place: blocksPerCycle}
}

// restart gives up the cycle that was begun; the next block starts another.
func (iv *interleaver) restart() { iv.place, iv.fresh = blocksPerCycle, true }

// next returns the block that starts with the given step. stepTime is the time of one step; it sets
// the lengths for a whole cycle.
func (iv *interleaver) next(first uint64, stepTime time.Duration) block {
	if iv.place == blocksPerCycle {
		iv.cycle++
		iv.place = 0
		iv.flip = ESMask(iv.random.UintN(NumMasks))
		stepTime = max(stepTime, time.Microsecond)
		rounds := max(1, int(math.Ceil(float64(minBlockTime)/float64(stepTime)/float64(iv.ring))))
		iv.settle = int((settleTime + stepTime - 1) / stepTime)
		iv.length = iv.settle + rounds*iv.ring
	}
	place := iv.place
	iv.place++
	fresh := iv.fresh
	iv.fresh = false
	position := min(place, blocksPerCycle-1-place)
	mask := ESMask(position) ^ iv.flip
	return block{
		cycle: iv.cycle, place: place, mask: mask, run: mask,
		first: first, settle: iv.settle, length: iv.length, fresh: fresh, stepTime: stepTime,
	}
}

// cycleValues are one cycle's times in microseconds by mask: of the switchable stages, and of the
// whole step. Each is the geometric mean of the mask's two blocks.
type cycleValues struct {
	up, down, step [NumMasks]float64

	cycle uint64
	first uint64    // step
	began time.Time // when that was launched
}

// upRatio is the cycle's off/on of the stage up: what ES does to it, whatever down does.
func (v *cycleValues) upRatio() float64 {
	off, on := v.upSides()
	return off / on
}

func (v *cycleValues) upSides() (off, on float64) {
	return math.Sqrt(v.up[ESOff] * v.up[ESDown]), math.Sqrt(v.up[ESUp] * v.up[ESBoth])
}

// downRatio is likewise of the stage down.
func (v *cycleValues) downRatio() float64 {
	off, on := v.downSides()
	return off / on
}

func (v *cycleValues) downSides() (off, on float64) {
	return math.Sqrt(v.down[ESOff] * v.down[ESUp]), math.Sqrt(v.down[ESDown] * v.down[ESBoth])
}

// cycleBuilder turns the timings of blocks into cycles.
type cycleBuilder struct {
	queue  []block
	up     []float64
	down   []float64
	step   []float64
	cycle  uint64
	start  block // of this cycle
	blocks int   // good ones of this cycle
	logs   struct{ up, down, step [NumMasks]float64 }
	from   uint64 // blocks that start before this step are not used
}

// startAt forgets everything; only blocks that start at the step or later count.
func (b *cycleBuilder) startAt(step uint64) {
	b.from, b.blocks = step, 0
	b.clearSteps()
}

// expect announces blocks in the order of their steps. A block that starts before the end of the one
// before it says that that one was given up.
func (b *cycleBuilder) expect(blocks []block) {
	for _, next := range blocks {
		if n := len(b.queue); n > 0 && b.queue[n-1].end() > next.first {
			last := &b.queue[n-1]
			last.broken, last.length = true, int(next.first-last.first)
		}
		b.queue = append(b.queue, next)
	}
}

func (b *cycleBuilder) clearSteps() { b.up, b.down, b.step = b.up[:0], b.down[:0], b.step[:0] }

// add takes the next timing in order. It returns a cycle when the step was the last of one.
func (b *cycleBuilder) add(step uint64, t *StepTiming) (values cycleValues, ok bool) {
	for len(b.queue) > 0 && step >= b.queue[0].end() {
		// The block's last timing was lost, or the block was given up.
		if v, complete := b.finishBlock(); complete {
			values, ok = v, true
		}
	}
	if len(b.queue) == 0 || step < b.queue[0].first {
		return values, ok
	}
	current := &b.queue[0]
	offset := int(step - current.first)
	if offset >= current.settle && t.Mask == current.run {
		b.up = append(b.up, t.StageUS[Up])
		b.down = append(b.down, t.StageUS[Down])
		b.step = append(b.step, t.StepUS)
	}
	if offset == current.length-1 {
		return b.finishBlock()
	}
	return values, ok
}

// finishBlock closes the oldest block, and the cycle with its last one.
func (b *cycleBuilder) finishBlock() (values cycleValues, ok bool) {
	done := b.queue[0]
	b.queue = slices.Delete(b.queue, 0, 1)
	defer b.clearSteps()
	if done.cycle != b.cycle || done.place == 0 {
		b.cycle, b.start, b.blocks = done.cycle, done, 0
	}
	planned := done.length - done.settle
	up, down, step := midmean(b.up), midmean(b.down), midmean(b.step)
	timed := float64(len(b.step)) >= (1-maxBlockLoss)*float64(planned)
	if done.first < b.from || done.broken || !timed || !(up > 0 && down > 0 && step > 0) || b.blocks != done.place {
		b.blocks = -1
		return values, false
	}
	if b.blocks == 0 {
		b.logs = struct{ up, down, step [NumMasks]float64 }{}
	}
	b.blocks++
	b.logs.up[done.mask] += math.Log(up) / 2
	b.logs.down[done.mask] += math.Log(down) / 2
	b.logs.step[done.mask] += math.Log(step) / 2
	if b.blocks < blocksPerCycle {
		return values, false
	}
	values.cycle, values.first, values.began = b.start.cycle, b.start.first, b.start.began
	for m := range NumMasks {
		values.up[m] = math.Exp(b.logs.up[m])
		values.down[m] = math.Exp(b.logs.down[m])
		values.step[m] = math.Exp(b.logs.step[m])
	}
	return values, true
}

// midmean is the mean of the middle half, sorting values. It is as deaf to hiccups as the median,
// and it moves smoothly where the routings of the ring take several distinct times.
func midmean(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	cut := len(values) / 4
	middle := values[cut : len(values)-cut]
	sum := 0.0
	for _, v := range middle {
		sum += v
	}
	return sum / float64(len(middle))
}
