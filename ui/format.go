package ui

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/moetop/moetop/profiler"
)

// What stands for a missing value: none has no meaning there or was never measured, unknown cannot be
// read here. Zero never stands for either.
const (
	none    = "·"
	unknown = "n/a"
)

// micros formats a time in microseconds in at most 8 columns.
func micros(us float64) string {
	switch {
	case math.IsNaN(us) || math.IsInf(us, 0):
		return none
	case math.Abs(us) >= 1e7:
		return strconv.FormatFloat(us/1e6, 'f', 1, 64) + "s"
	case math.Abs(us) >= 99999.95:
		return strconv.FormatFloat(us, 'f', 0, 64)
	default:
		return strconv.FormatFloat(us, 'f', 1, 64)
	}
}

// ratioText formats a quotient of two times.
func ratioText(v float64) string {
	if v >= 99.95 {
		return strconv.FormatFloat(v, 'f', 0, 64) + "x"
	}
	return strconv.FormatFloat(v, 'f', 2, 64) + "x"
}

// intervalText formats a 95% interval.
func intervalText(r *profiler.Ratio) string {
	digits := profiler.RatioDigits(r.Low, r.High)
	return "[" + formatFixed(r.Low, digits) + ", " + formatFixed(r.High, digits) + "]"
}

// grouped writes a count with a space between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	var b strings.Builder
	for i, r := range s {
		if i > 0 && (len(s)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return sign + b.String()
}

// perSecond formats a rate, with a decimal where it is small.
func perSecond(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return grouped(int64(math.Round(v)))
}

// ageText says how long ago something was, short: 12s, 3m, 2h.
func ageText(age time.Duration) string {
	switch {
	case age < time.Second:
		return "now"
	case age < 2*time.Minute:
		return strconv.Itoa(int(age/time.Second)) + "s"
	case age < 2*time.Hour:
		return strconv.Itoa(int(age/time.Minute)) + "m"
	default:
		return strconv.Itoa(int(age/time.Hour)) + "h"
	}
}

const gib = 1 << 30

// gibText formats bytes as GiB, without the unit.
func gibText(bytes uint64) string {
	v := float64(bytes) / gib
	if v < 0.095 {
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// number formats a pointer value, or says that it cannot be known.
func number(v *float64, unit string) string {
	if v == nil || math.IsNaN(*v) {
		return unknown
	}
	return strconv.FormatFloat(*v, 'f', 0, 64) + unit
}

func tokensText(n int) string { return counted(n, "token") }

// counted is a number of things, one or more of them.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(int64(n)) + " " + thing + "s"
}

// shortTuple names a mask in five columns: (F,T).
func shortTuple(m profiler.ESMask) string {
	letter := map[bool]string{false: "F", true: "T"}
	return "(" + letter[m.Has(profiler.Up)] + "," + letter[m.Has(profiler.Down)] + ")"
}

func formatFixed(v float64, digits int) string { return strconv.FormatFloat(v, 'f', digits, 64) }
