package profiler

import (
	"strings"
	"testing"
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
		{"too early", "cuda", compareAs(verdictPairs-1, 1, 1.5, 1.2), nil, []string{"9 of the 10 interleaved cycles"}},
		{
			"down wins", "cuda", compareAs(50, 1, 1.51, 1.2), tuple(false, true),
			[]string{"deploy enable_es=(False, True): down 1.51x [1.51, 1.51], up not significant"},
		},
		{
			"both win", "cuda", compareAs(50, 1.1, 1.5, 1.2), tuple(true, true),
			[]string{"deploy enable_es=(True, True): up 1.10x [1.10, 1.10], down 1.50x"},
		},
		{
			"up loses", "cuda", compareAs(50, 0.9, 1.5, 1.2), tuple(false, true),
			[]string{"enable_es=(False, True): down 1.50x", "up 0.90x [0.90, 0.90]: leave it off"},
		},
		{
			"a true but tiny difference", "cuda", compareAs(200, 1.003, 1, 1), tuple(false, false),
			[]string{"enable_es=(False, False)", "up 1.003x [1.00", "too small to matter"},
		},
		{
			"the layer is slower with what the stages want", "cuda", compareAs(50, 1, 1.5, 0.95), tuple(false, false),
			[]string{"deploy enable_es=(False, False): by stages (False, True) would win", "the whole layer is slower with it, 0.95x"},
		},
		{
			"the CPU engine", "cpu", compareAs(50, 1, 1.51, 1.2), tuple(false, true),
			[]string{"CPU reference figure, not what to deploy on a GPU", "enable_es=(False, True)"},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			v := judge(tc.engine, tc.compared)
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
