package comparison

import (
	"math"
	"slices"

	"github.com/aclements/go-moremath/stats"
)

const (
	alpha      = 0.05
	correction = "holm"
	// resolution is the standard deviation of what rounding adds to a median in a report: the
	// histogram's buckets are 0.1% wide. Without it two medians that fell into one bucket by chance
	// would pass for a measurement without noise.
	resolution = 0.001 / 3.4641
	// minBlocks are needed to tell how blocks hang together.
	minBlocks = 8
)

// mean is an estimate on the scale of logarithms.
type mean struct {
	value    float64
	variance float64 // of one observation
	n        float64 // observations, independent ones
}

// runsMean takes one value a run.
func runsMean(logs []float64) mean {
	m := mean{value: stats.Mean(logs), n: float64(len(logs))}
	if len(logs) > 1 {
		m.variance = math.Max(stats.Variance(logs), resolution*resolution)
	}
	return m
}

// blocksMean takes the blocks of one run. Neighbouring blocks share clocks and temperature, so that
// they count as fewer than they are: as many as would be independent if the correlation fell off
// geometrically, as it does in a drift.
func blocksMean(logs []float64) mean {
	n := len(logs)
	m := mean{value: stats.Mean(logs), variance: math.Max(stats.Variance(logs), resolution*resolution)}
	sum := 0.0
	for i := 1; i < n; i++ {
		sum += (logs[i] - m.value) * (logs[i-1] - m.value)
	}
	// The estimate is low by about 1/n, and a negative one would claim more than was measured.
	correlation := min(max(sum/float64(n-1)/m.variance+1/float64(n), 0), 0.99)
	m.n = max(2, float64(n)*(1-correlation)/(1+correlation))
	return m
}

// tester compares means by Student's distribution. It keeps the quantiles, which are slow to find, and
// room for the figures of one comparison: there may be a hundred thousand.
type tester struct {
	quantiles   map[int]float64
	old, latest collected
}

func newTester() *tester { return &tester{quantiles: map[int]float64{}} }

// quantile is that of a two-sided test at alpha.
func (t *tester) quantile(freedom int) float64 {
	q, known := t.quantiles[freedom]
	if !known {
		q = stats.InvCDF(stats.TDist{V: float64(freedom)})(1 - alpha/2)
		t.quantiles[freedom] = q
	}
	return q
}

// compare returns the ratio new/old with interval and p: Welch's test, or, where one side has a
// single observation, Student's with the other side's variance.
func (t *tester) compare(before, after mean) Ratio {
	var squared, freedom float64
	if before.n > 1 && after.n > 1 {
		a, b := before.variance/before.n, after.variance/after.n
		squared = a + b
		freedom = squared * squared / (a*a/(before.n-1) + b*b/(after.n-1))
	} else {
		several := before
		if after.n > 1 {
			several = after
		}
		squared = several.variance * (1/before.n + 1/after.n)
		freedom = several.n - 1
	}
	whole := max(1, int(freedom))
	difference, deviation := after.value-before.value, math.Sqrt(squared)
	half := t.quantile(whole) * deviation
	p := 2 * stats.TDist{V: float64(whole)}.CDF(-math.Abs(difference)/deviation)
	return ratioOf(difference, difference-half, difference+half, p)
}

// interval is a 95% interval around a value, all logarithms.
type interval struct{ value, low, high float64 }

// compareIntervals combines two intervals into that of their difference, each side of it from the
// distances that count there (the method of variance estimates recovery). Those of A/B mode hold at
// whatever time one looks, which makes them, and the p that follows, wider than need be.
func compareIntervals(before, after interval) Ratio {
	difference := after.value - before.value
	below := math.Hypot(after.value-after.low, before.high-before.value)
	above := math.Hypot(after.high-after.value, before.value-before.low)
	// The distance to "no difference" is measured by the arm that points there.
	arm := below
	if difference < 0 {
		arm = above
	}
	p := 1.0
	switch z := stats.InvCDF(stats.StdNormal)(1 - alpha/2); {
	case difference == 0:
	case arm == 0:
		p = 0
	default:
		p = 2 * stats.StdNormal.CDF(-math.Abs(difference)/arm*z)
	}
	return ratioOf(difference, difference-below, difference+above, p)
}

func ratioOf(value, low, high, p float64) Ratio {
	// There may be a hundred thousand, so that the three share a piece of memory.
	known := &[3]float64{math.Exp(low), math.Exp(high), min(max(p, 0), 1)}
	r := Ratio{Value: math.Exp(value), PValue: &known[2]}
	// With two runs a side that differ wildly the interval is all numbers, which JSON cannot say.
	if !math.IsInf(known[1], 1) {
		r.Low, r.High = &known[0], &known[1]
	}
	return r
}

// holm corrects the p of all figures that were tested: the chance that any of them is called
// different although none is stays below alpha, however they depend on each other. They do: a layer
// is the sum of its stages. Holm's steps never do worse than Bonferroni's division.
func holm(figures []*Figure) {
	tested := slices.DeleteFunc(slices.Clone(figures), func(f *Figure) bool { return f.Ratio.PValue == nil })
	slices.SortStableFunc(tested, func(a, b *Figure) int {
		switch {
		case *a.Ratio.PValue < *b.Ratio.PValue:
			return -1
		case *a.Ratio.PValue > *b.Ratio.PValue:
			return 1
		}
		return 0
	})
	least, adjusted := 0.0, make([]float64, len(tested))
	for i, f := range tested {
		least = max(least, min(1, *f.Ratio.PValue*float64(len(tested)-i)))
		adjusted[i] = least
		f.Ratio.PAdjusted = &adjusted[i]
	}
}

// outcome judges a figure. Without a test the threshold decides alone.
func outcome(r *Ratio, threshold float64) Outcome {
	change, limit := math.Log(r.Value), math.Log1p(threshold)
	tested := r.PAdjusted != nil
	switch {
	case math.Abs(change) < limit || change == 0:
		if tested && (r.Low == nil || *r.Low < math.Exp(-limit) || *r.High > math.Exp(limit)) {
			return Unsure
		}
		return Same
	case tested && *r.PAdjusted >= alpha:
		return Unsure
	case change > 0:
		return Slower
	default:
		return Faster
	}
}

// Interval returns the 95% interval of a latency from the blocks of its run; false where there are too
// few of them to tell how they hang together.
func Interval(blockUS []float64) (low, high float64, ok bool) {
	if len(blockUS) < minBlocks {
		return 0, 0, false
	}
	logs := make([]float64, len(blockUS))
	for i, us := range blockUS {
		if us <= 0 {
			return 0, 0, false
		}
		logs[i] = math.Log(us)
	}
	m := blocksMean(logs)
	half := newTester().quantile(max(1, int(m.n-1))) * math.Sqrt(m.variance/m.n)
	return math.Exp(m.value - half), math.Exp(m.value + half), true
}
