package comparison

import (
	"math"
	"math/rand/v2"
	"testing"
)

// drifting draws blocks of a run whose conditions change slowly: neighbours are alike.
func drifting(r *rand.Rand, n int, correlation float64) []float64 {
	values := make([]float64, n)
	state := r.NormFloat64()
	for i := range values {
		state = correlation*state + math.Sqrt(1-correlation*correlation)*r.NormFloat64()
		values[i] = 6 + 0.01*state
	}
	return values
}

// TestFalseAlarms compares like with like: at most about one in twenty may differ, even where blocks
// hang together. With blocks taken for independent, a correlation of 0.6 alarms in a third.
func TestFalseAlarms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		correlation float64
		most        float64
	}{{"independent", 0, 0.06}, {"drifting", 0.6, 0.09}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			tester, alarms := newTester(), 0
			const rounds = 2000
			for range rounds {
				ratio := tester.compare(blocksMean(drifting(r, 64, test.correlation)), blocksMean(drifting(r, 64, test.correlation)))
				if *ratio.PValue < alpha {
					alarms++
				}
			}
			if share := float64(alarms) / rounds; share > test.most || share < 0.005 {
				t.Errorf("false alarms in %.1f%%, at most %.0f%% and some are expected", 100*share, 100*test.most)
			}
		})
	}
}

func TestCompareMeans(t *testing.T) {
	t.Parallel()
	tester := newTester()
	// Welch's t for two samples of three: difference 0.03, standard error sqrt(2*0.0001/3), 4 degrees.
	a, b := []float64{1.00, 1.01, 0.99}, []float64{1.03, 1.04, 1.02}
	r := tester.compare(runsMean(a), runsMean(b))
	if math.Abs(math.Log(r.Value)-0.03) > 1e-9 || math.Abs(*r.PValue-0.021312) > 1e-5 {
		t.Errorf("ratio %v, p %v", r.Value, *r.PValue)
	}
	half := 2.776445 * math.Sqrt(2*0.0001/3)
	if math.Abs(math.Log(*r.Low)-(0.03-half)) > 1e-6 || math.Abs(math.Log(*r.High)-(0.03+half)) > 1e-6 {
		t.Errorf("interval [%v, %v]", *r.Low, *r.High)
	}
	// One run against three takes the variance of the three, with 2 degrees.
	r = tester.compare(runsMean([]float64{1.05}), runsMean(a))
	half = 4.302653 * math.Sqrt(0.0001*(1+1.0/3))
	if math.Abs(math.Log(*r.Low)-(-0.05-half)) > 1e-6 {
		t.Errorf("low %v, want %v", *r.Low, math.Exp(-0.05-half))
	}
	// Equal medians are not a measurement without noise.
	r = tester.compare(runsMean([]float64{1, 1}), runsMean([]float64{1, 1}))
	if *r.PValue != 1 || !(*r.Low < 1 && *r.High > 1) {
		t.Errorf("equal medians: %+v", r)
	}
	// Far apart, p is tiny and still a number.
	r = tester.compare(runsMean([]float64{1, 1.001}), runsMean([]float64{9, 9.001}))
	if math.IsNaN(*r.PValue) || *r.PValue > 1e-3 {
		t.Errorf("far apart: p %v", *r.PValue)
	}
}

func TestCompareIntervals(t *testing.T) {
	t.Parallel()
	same := interval{value: 0.2, low: 0.1, high: 0.3}
	if r := compareIntervals(same, same); r.Value != 1 || *r.PValue != 1 || math.Abs(math.Log(*r.High)-0.1*math.Sqrt2) > 1e-12 {
		t.Errorf("the same: %+v", r)
	}
	// The difference reaches exactly its own interval's end: p is 0.05.
	r := compareIntervals(interval{0, -0.03, 0.03}, interval{0.05, 0.01, 0.09})
	if math.Abs(*r.PValue-0.05) > 1e-9 || math.Abs(*r.Low-1) > 1e-9 {
		t.Errorf("at the edge: p %v, low %v", *r.PValue, *r.Low)
	}
	if r := compareIntervals(interval{0, 0, 0}, interval{-0.05, -0.05, -0.05}); *r.PValue != 0 {
		t.Errorf("without width: p %v", *r.PValue)
	}
}

func TestHolm(t *testing.T) {
	t.Parallel()
	p := []float64{0.01, 0.04, 0.03, 0.005}
	figures := []*Figure{{}}
	for i := range p {
		figures = append(figures, &Figure{Ratio: Ratio{PValue: &p[i]}})
	}
	holm(figures)
	if figures[0].Ratio.PAdjusted != nil {
		t.Error("a figure that was not tested has a p")
	}
	for i, want := range []float64{0.03, 0.06, 0.06, 0.02} {
		if got := *figures[i+1].Ratio.PAdjusted; math.Abs(got-want) > 1e-12 {
			t.Errorf("p %v became %v, want %v", p[i], got, want)
		}
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	ratio := func(value, low, high, p float64) Ratio {
		return Ratio{Value: value, Low: &low, High: &high, PValue: &p, PAdjusted: &p}
	}
	for name, test := range map[string]struct {
		ratio Ratio
		want  Outcome
	}{
		"slower":               {ratio(1.05, 1.03, 1.07, 0.001), Slower},
		"faster":               {ratio(0.95, 0.93, 0.97, 0.001), Faster},
		"not beyond chance":    {ratio(1.05, 0.95, 1.15, 0.3), Unsure},
		"small and sure":       {ratio(1.005, 1.002, 1.008, 0.001), Same},
		"small and not sure":   {ratio(1.005, 0.9, 1.1, 0.8), Unsure},
		"not tested, slower":   {Ratio{Value: 1.02}, Slower},
		"not tested, within":   {Ratio{Value: 1.0199}, Same},
		"faster by as much":    {Ratio{Value: 1 / 1.02}, Faster},
		"interval without end": {Ratio{Value: 1, PAdjusted: new(float64)}, Unsure},
	} {
		if got := outcome(&test.ratio, 0.02); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func TestInterval(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	const runs = 400
	held := 0
	for range runs {
		blocks := make([]float64, 32)
		for i := range blocks {
			blocks[i] = 200 * math.Exp(0.01*random.NormFloat64())
		}
		low, high, ok := Interval(blocks)
		if !ok || low >= high {
			t.Fatalf("%v to %v, %v", low, high, ok)
		}
		if low <= 200 && 200 <= high {
			held++
		}
	}
	// A 95% interval misses at times, and this one is rather too wide.
	if held < runs*93/100 {
		t.Errorf("the interval held in %d of %d runs", held, runs)
	}
	for name, blocks := range map[string][]float64{"none": nil, "few": {1, 2, 3}, "zero": make([]float64, 32)} {
		if _, _, ok := Interval(blocks); ok {
			t.Errorf("%s: an interval", name)
		}
	}
}
