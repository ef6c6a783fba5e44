package profiler

import (
	"math"
	"slices"
	"sort"

	"golang.org/x/perf/benchmath"
)

// How two sides are compared. The unit is the cycle, not the step: steps of a block share its
// conditions. Each cycle gives one ratio off/on. Under "no difference" a ratio is above or below 1
// like a fair coin (see interleave.go), so the number of cycles on one side carries the evidence,
// and order statistics of the ratios bound their median without any assumption on the noise.
//
// The screen looks again and again while cycles come in, and an ordinary 95% test, repeated, would
// name a false winner sooner or later. So the coin is judged by the wealth of a gambler who bets
// against it: wealth that is fair under "no difference" ever reaches 1/alpha with probability alpha
// at most, at whatever time one looks. Half of the stake is spread over all coins by the density
// 1/sqrt(p(1-p)), half goes on "always the same side", which pays soonest for clear differences.
const (
	// minPairs is the first number of cycles at which wealth can exceed intervalWealth.
	minPairs = 6
	// intervalWealth makes the intervals hold with 95% for the whole run.
	intervalWealth = 20
	// verdictWealth bounds the chance to name a false winner in a whole run, however long, by a
	// thousandth for each of the two stages. The promise is 1%; a stricter bound costs two cycles
	// where the difference is clear, and lets a count of false winners confirm the promise: with 1%
	// itself every other count would exceed it.
	verdictWealth = 1000
	// verdictPairs is the first number of cycles at which wealth can exceed verdictWealth.
	verdictPairs = 12
	// minEffect is the smallest difference that is worth naming. Below it the granularity of the
	// device's clock and the placement of buffers decide.
	minEffect = 0.005
	// maxPairs bounds memory; by then the interval is far below minEffect.
	maxPairs = 1 << 16
)

// logWealth is the natural logarithm of the gambler's wealth after n fair coins with s heads.
func logWealth(s, n int) float64 {
	lgamma := func(x float64) float64 {
		v, _ := math.Lgamma(x)
		return v
	}
	spread := lgamma(float64(s)+0.5) + lgamma(float64(n-s)+0.5) - lgamma(float64(n)+1) - math.Log(math.Pi)
	wealth := math.Exp(spread) / 2
	if s == 0 || s == n {
		wealth += 0.25
	}
	if wealth == 0 {
		return math.Inf(-1)
	}
	return float64(n)*math.Ln2 + math.Log(wealth)
}

// bounds returns the order statistics that bound the median of sorted ratios, so that for any value
// outside the wealth would be at least the given one; ok is false while there are too few ratios.
func bounds(sorted []float64, wealth float64) (low, high float64, ok bool) {
	n := len(sorted)
	limit := math.Log(wealth)
	// Wealth falls from s=0 towards s=n/2, so the first s below the limit ends the search.
	excluded := sort.Search((n+1)/2, func(s int) bool { return logWealth(s, n) < limit })
	if excluded == 0 {
		return 0, 0, false
	}
	return sorted[excluded-1], sorted[n-excluded], true
}

// comparison gathers one pair of sides.
type comparison struct {
	ratios []float64 // off/on of each cycle, sorted
	off    []float64 // microseconds
	on     []float64

	ratio  *Ratio // nil while there are too few pairs
	winner int    // +1 on is faster, -1 on is slower, 0 not settled
}

// add takes one cycle.
func (c *comparison) add(off, on float64) {
	ratio := off / on
	at, _ := slices.BinarySearch(c.ratios, ratio)
	c.ratios = slices.Insert(c.ratios, at, ratio)
	c.off = append(c.off, off)
	c.on = append(c.on, on)
}

// evaluate computes ratio, winner and p from all cycles so far.
func (c *comparison) evaluate() {
	c.bound()
	if c.ratio != nil {
		c.ratio.PValue = mannWhitney(c.off, c.on)
	}
}

// bound computes all but the p, which takes by far the most time.
func (c *comparison) bound() {
	c.ratio, c.winner = nil, 0
	low, high, ok := bounds(c.ratios, intervalWealth)
	if !ok {
		return
	}
	value := medianOfSorted(c.ratios)
	c.ratio = &Ratio{Value: value, Low: low, High: high, Pairs: len(c.ratios)}
	low, high, ok = bounds(c.ratios, verdictWealth)
	switch {
	case !ok:
	case low > 1:
		c.winner = 1
	case high < 1:
		c.winner = -1
	}
}

// PairedRatio is the ratio of two sides that were measured in turn, first over second, with its
// interval; nil while there are too few pairs for one.
func PairedRatio(first, second []float64) *Ratio {
	var c comparison
	for i := range min(len(first), len(second)) {
		c.add(first[i], second[i])
	}
	c.evaluate()
	return c.ratio.rounded()
}

// mannWhitney is the two-sided p of the values of the two sides, cycle by cycle.
func mannWhitney(off, on []float64) float64 {
	thresholds := benchmath.DefaultThresholds
	result := benchmath.AssumeNothing.Compare(
		benchmath.NewSample(slices.Clone(off), &thresholds),
		benchmath.NewSample(slices.Clone(on), &thresholds))
	if math.IsNaN(result.P) {
		return 1
	}
	return result.P
}

func medianOfSorted(sorted []float64) float64 {
	n := len(sorted)
	if n == 0 {
		return math.NaN()
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// comparisons are what A/B mode measures: each switchable stage, and the layer with each mask
// against the layer with ES off. layer[ESOff] stays empty.
type comparisons struct {
	up, down comparison
	layer    [NumMasks]comparison
	pairs    int
	judged   int     // pairs at the last evaluation
	width    float64 // of an interval that counts as an answer; 0 is DefaultUntilWidth
}

func (c *comparisons) untilWidth() float64 {
	if c.width == 0 {
		return DefaultUntilWidth
	}
	return c.width
}

// add takes one cycle. Beyond maxPairs it does nothing.
func (c *comparisons) add(v *cycleValues) {
	if c.pairs == maxPairs {
		return
	}
	c.pairs++
	c.up.add(v.upSides())
	c.down.add(v.downSides())
	for m := ESUp; m < NumMasks; m++ {
		c.layer[m].add(v.step[ESOff], v.step[m])
	}
}

// evaluate brings the ratios up to date. With many pairs it waits until there are 5% more, because
// the figures hardly move and the rank test takes time.
func (c *comparisons) evaluate() {
	if c.pairs == c.judged || c.pairs < c.judged+c.judged/20 {
		return
	}
	c.judged = c.pairs
	c.up.evaluate()
	c.down.evaluate()
	for m := ESUp; m < NumMasks; m++ {
		c.layer[m].evaluate()
	}
}
