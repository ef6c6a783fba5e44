package profiler

import "testing"

func TestRatioText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		value, low, high float64
		want             string
	}{
		{1.27, 1.26, 1.28, "1.27x [1.26, 1.28]"},
		{1.29124, 1.29001, 1.29264, "1.291x [1.290, 1.293]"}, // two digits would show no width
		{1.51, 1.51, 1.51, "1.510x [1.510, 1.510]"},          // nor would ten
		{1.0514, 1.0015, 1.1, "1.051x [1.002, 1.100]"},       // clear of 1 and shown as that
		{0.95, 0.9, 0.9961, "0.950x [0.900, 0.996]"},
		{1.0014, 0.9985, 1.0441, "1.00x [1.00, 1.04]"}, // not clear of 1
		{0.8, 0.7, 0.9, "0.80x [0.70, 0.90]"},
	} {
		if got := RatioText(tc.value, tc.low, tc.high); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}

func TestChangeText(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		low, high float64
		want      string
	}{
		{1.02, 1.04, "+2.0% +4.0%"}, {1.0298, 1.0303, "+2.98% +3.03%"}, {0.5, 12, "-50.0% 12x"},
	} {
		digits := ChangeDigits(tc.low, tc.high)
		if got := ChangeText(tc.low, digits) + " " + ChangeText(tc.high, digits); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
}
