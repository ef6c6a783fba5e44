package profiler

import (
	"fmt"
	"math"
)

// The digits after the point of a ratio: two are read easily, and beyond three stands nothing that was
// measured, since a median is known to a thousandth.
const (
	leastDigits = 2
	mostDigits  = 3
)

// RatioDigits is how many digits after the point a ratio and its interval are written with, wherever
// that is: as many as show the interval's width, and as show an interval that is clear of 1 as that.
func RatioDigits(low, high float64) int {
	for digits := leastDigits; digits < mostDigits; digits++ {
		unit := math.Pow10(-digits)
		touches := func(end float64) bool { return end != 1 && math.Abs(end-1) < unit/2 }
		apart := low > 1 || high < 1
		if high-low >= unit && !(apart && (touches(low) || touches(high))) {
			return digits
		}
	}
	return mostDigits
}

// RatioText writes a ratio with its interval, such as 1.27x [1.26, 1.28].
func RatioText(value, low, high float64) string {
	digits := RatioDigits(low, high)
	return fmt.Sprintf("%.*fx [%.*f, %.*f]", digits, value, digits, low, digits, high)
}

// ChangeText writes a ratio as a change in percent. Beyond tenfold a percentage is no longer read.
func ChangeText(ratio float64, digits int) string {
	if ratio >= 10 {
		return fmt.Sprintf("%.3gx", ratio)
	}
	return fmt.Sprintf("%+.*f%%", digits, 100*(ratio-1))
}

// ChangeDigits is RatioDigits for percentages.
func ChangeDigits(low, high float64) int { return RatioDigits(low, high) - leastDigits + 1 }
