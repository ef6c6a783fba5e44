package profiler

import (
	"strings"
	"testing"
	"time"
)

// compareAs returns comparisons of n cycles in which the stages and the layer have about the given
// ratios off/on, with a little noise around them.
func compareAs(n int, up, down, layer float64) *comparisons {
	c := &comparisons{}
	for i := range n {
		noise := 1 + 0.001*float64(i%5-2)
		var v cycleValues
		for m := range ESMask(NumMasks) {
			v.up[m], v.down[m], v.step[m] = 100, 100, 300
			if m.Has(Up) {
				v.up[m] = 100 / up * noise
			}
			if m.Has(Down) {
				v.down[m] = 100 / down * noise
			}
			if m != ESOff {
				v.step[m] = 300 / layer * noise
			}
		}
		c.add(&v)
	}
	c.evaluate()
	return c
}

// noisy spreads the ratios of up by 5% to either side.
func noisy(c *comparisons) *comparisons {
	var up comparison
	for i := range c.pairs {
		up.add(100, 100*(1+0.05*float64(2*(i%2)-1)))
	}
	up.evaluate()
	c.up = up
	return c
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	tuple := func(up, down bool) *[2]bool { return &[2]bool{up, down} }
	cases := []struct {
		name     string
		engine   string
		compared *comparisons
		enable   *[2]bool
		contains []string
	}{
		{"outside A/B mode", "cuda", nil, nil, []string{"no verdict", "key a", "--ab"}},
		{"too early", "cuda", compareAs(verdictPairs-1, 1, 1.5, 1.2), nil, []string{"11 of the 12 interleaved cycles"}},
		{
			"down wins", "cuda", compareAs(20, 1, 1.51, 1.2), tuple(false, true),
			[]string{"deploy enable_es=(False, True): down 1.510x [1.507, 1.513], up 1.000x [0.998, 1.002]: too small to matter"},
		},
		{
			"the noise hides it", "cuda", noisy(compareAs(20, 1, 1.51, 1.2)), tuple(false, true),
			[]string{"deploy enable_es=(False, True): down 1.510x [1.507, 1.513], up not significant"},
		},
		{
			"both win", "cuda", compareAs(50, 1.1, 1.5, 1.2), tuple(true, true),
			[]string{"deploy enable_es=(True, True): up 1.100x [1.099, 1.101], down 1.500x"},
		},
		{
			"up loses", "cuda", compareAs(50, 0.9, 1.5, 1.2), tuple(false, true),
			[]string{"enable_es=(False, True): down 1.500x", "up 0.900x [0.899, 0.901]: leave it off"},
		},
		{
			"a true but tiny difference", "cuda", compareAs(200, 1.003, 1, 1), tuple(false, false),
			[]string{"enable_es=(False, False)", "up 1.003x [1.00", "too small to matter"},
		},
		{
			"the layer is slower with what the stages want", "cuda", compareAs(50, 1, 1.5, 0.95), tuple(false, false),
			[]string{"deploy enable_es=(False, False): by stages (False, True) would win", "the whole layer is slower with it, 0.950x ["},
		},
		{
			"the layer gains nothing by what a stage gains", "cuda", compareAs(50, 1, 1.05, 0.997), tuple(false, false),
			[]string{"deploy enable_es=(False, False): by stages (False, True) would win", "the whole layer gains nothing that matters with it, 0.997x ["},
		},
		{
			"the CPU engine", "cpu", compareAs(50, 1, 1.51, 1.2), tuple(false, true),
			[]string{"CPU reference figure, not what to deploy on a GPU", "enable_es=(False, True)"},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			v := judge(tc.engine, DeployedKernels, tc.compared)
			if (v.EnableES == nil) != (tc.enable == nil) || (v.EnableES != nil && *v.EnableES != *tc.enable) {
				t.Errorf("enable_es = %v, want %v", v.EnableES, tc.enable)
			}
			for _, want := range tc.contains {
				if !strings.Contains(v.Text, want) {
					t.Errorf("%q lacks %q", v.Text, want)
				}
			}
			if tc.engine == "cpu" && strings.HasPrefix(v.Text, "deploy") {
				t.Errorf("%q recommends what the CPU measured", v.Text)
			}
		})
	}
}

func TestOutcomesAndWhenTheySettle(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name            string
		compared        *comparisons
		width           float64
		up, down, layer Outcome
		settled         bool
	}{
		{"down wins, up does not matter", compareAs(50, 1, 1.5, 1.2), 0, OutcomeSame, OutcomeFaster, OutcomeFaster, true},
		{"up loses, down does not matter", compareAs(50, 0.9, 1, 1), 0, OutcomeSlower, OutcomeSame, "", true},
		{"up is unknown", noisy(compareAs(50, 1, 1.5, 1.2)), 0, OutcomeUnknown, OutcomeFaster, OutcomeFaster, false},
		{"up is unknown, and that is narrow enough", noisy(compareAs(50, 1, 1.5, 1.2)), 0.2, OutcomeUnknown, OutcomeFaster, OutcomeFaster, true},
		{"a tiny difference beyond doubt", compareAs(200, 1.003, 1.004, 1), 0, OutcomeSame, OutcomeSame, "", true},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.compared.width = tc.width
			for _, v := range []Verdict{judge("cuda", DeployedKernels, tc.compared), judgeSame(ESOff, tc.compared)} {
				if v.Up == nil || *v.Up != tc.up || v.Down == nil || *v.Down != tc.down || v.Settled != tc.settled {
					t.Errorf("up %v, down %v, settled %v in %q", *v.Up, *v.Down, v.Settled, v.Text)
				}
				if (v.Layer == nil) != (tc.layer == "") || v.Layer != nil && *v.Layer != tc.layer {
					t.Errorf("layer %v, want %q", v.Layer, tc.layer)
				}
			}
		})
	}
	if v := judge("cuda", DeployedKernels, compareAs(verdictPairs-1, 1, 1.5, 1.2)); v.Up != nil || v.Settled {
		t.Errorf("too early: %+v", v)
	}
}

func TestVerdictOfAnAATest(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		compared *comparisons
		want     string
	}{
		{"not running", nil, "the A/A test is not running"},
		{"too early", compareAs(3, 1, 1, 1), "3 of the 12"},
		{"no winner", compareAs(50, 1, 1, 1), "A/A test, both sides ran (True, True): no winner is named, as it should be: up 1.000x"},
		{"a false winner", compareAs(50, 1.1, 1, 1), "a false winner is named: up 1.100x"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			v := judgeSame(ESBoth, tc.compared)
			if v.EnableES != nil || !strings.Contains(v.Text, tc.want) {
				t.Errorf("%v, %q, want no tuple and %q", v.EnableES, v.Text, tc.want)
			}
		})
	}
}

func TestGivingUpRecommendsNothing(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name     string
		compared *comparisons
		want     string
	}{
		{"one stage is known", noisy(compareAs(50, 1, 1.5, 1.2)), "not known after 1m0s: up 1.00x [0.95, 1.05]: not known, down 1.500x [1.499, 1.502]"},
		{"too early", compareAs(3, 1, 1, 1), "not known after 1m0s: A/B mode has measured 3 of the 12"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			v := judge("cuda", DeployedKernels, tc.compared).giveUp(tc.compared, time.Minute)
			if v.EnableES != nil || !strings.HasPrefix(v.Text, tc.want) {
				t.Errorf("%v, %q, want no tuple and %q", v.EnableES, v.Text, tc.want)
			}
		})
	}
}
