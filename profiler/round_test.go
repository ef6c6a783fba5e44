package profiler

import "testing"

func TestRatiosKeepTheirSideOfOne(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ in, want Ratio }{
		"plain":         {Ratio{Value: 1.2345678, Low: 1.2000001, High: 1.2999999, PValue: 0.000123456}, Ratio{Value: 1.23457, Low: 1.2, High: 1.3, PValue: 0.000123}},
		"barely":        {Ratio{Value: 1.1, Low: 1.000001, High: 1.2}, Ratio{Value: 1.1, Low: 1.000001, High: 1.2}},
		"barely not":    {Ratio{Value: 1.1, Low: 0.999999, High: 1.2}, Ratio{Value: 1.1, Low: 1, High: 1.2}},
		"nothing known": {Ratio{PValue: 1}, Ratio{PValue: 1}},
	} {
		got := test.in.rounded()
		if *got != test.want || got.Significant() != test.in.Significant() {
			t.Errorf("%s: %+v", name, *got)
		}
	}
}

// TestRoundingLeavesTheSourceAlone: a sampler and the statistics keep what a sample points to.
func TestRoundingLeavesTheSourceAlone(t *testing.T) {
	t.Parallel()
	power, ratio, summary := 612.34567, Ratio{Value: 1.2345678, Low: 1.1, High: 1.3}, Summary{MeanUS: 1.23456789}
	reading := Reading{PowerWatts: &power}
	reading.round()
	sample := Sample{Steps: StepStats{OffOff: &summary, OnOffRatio: &ratio}}
	sample.round()
	if power != 612.34567 || ratio.Value != 1.2345678 || summary.MeanUS != 1.23456789 {
		t.Errorf("changed: %v, %v, %v", power, ratio.Value, summary.MeanUS)
	}
	if *reading.PowerWatts != 612.346 || sample.Steps.OnOffRatio.Value != 1.23457 || sample.Steps.OffOff.MeanUS != 1.235 {
		t.Errorf("not rounded: %v, %v, %v", *reading.PowerWatts, sample.Steps.OnOffRatio.Value, sample.Steps.OffOff.MeanUS)
	}
}
