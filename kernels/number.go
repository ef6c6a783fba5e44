package kernels

import "math"

// The largest finite E4M3 value, and the width of a block that shares an activation scale.
const (
	e4m3Max    = 448
	blockWidth = 128
)

// e4m3Table maps E4M3 codes (the "fn" variant: no infinities, 0x7f and 0xff are NaN) to values.
type e4m3Table [256]float32

func newE4M3Table() *e4m3Table {
	var t e4m3Table
	for code := range t {
		exponent, mantissa := code>>3&15, code&7
		v := math.Ldexp(float64(8+mantissa), exponent-10)
		if exponent == 0 {
			v = math.Ldexp(float64(mantissa), -9)
		}
		if code&0x7f == 0x7f {
			v = math.NaN()
		}
		if code&0x80 != 0 {
			v = -v
		}
		t[code] = float32(v)
	}
	return &t
}

// e4m3 rounds to the nearest E4M3 value, ties to the even mantissa. Beyond the largest finite value
// it saturates; NaN stays NaN.
func e4m3(v float32) uint8 {
	bits := math.Float32bits(v)
	sign := uint8(bits >> 24 & 0x80)
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 0x7f800000:
		return sign | 0x7f
	case magnitude >= math.Float32bits(e4m3Max):
		return sign | 0x7e
	case magnitude < math.Float32bits(1.0/64):
		// Subnormal: multiples of 2^-9. Adding 2^14 leaves 2^-9 as the last place of the sum, so that
		// the addition itself rounds to nearest even; a carry into 8 is the smallest normal code.
		const anchor = 1 << 14
		sum := math.Float32frombits(magnitude) + anchor
		return sign | uint8(math.Float32bits(sum)-math.Float32bits(anchor))
	default:
		// Drop 20 of the 23 mantissa bits, rounding to nearest even, then rebase the exponent from
		// bias 127 to bias 7.
		rounded := magnitude + 0x7ffff + magnitude>>20&1
		return sign | uint8(rounded>>20-(127-7)<<3)
	}
}

// bf16 rounds to the nearest bfloat16, ties to even; NaN stays NaN.
func bf16(v float32) uint16 {
	bits := math.Float32bits(v)
	if bits&0x7fffffff > 0x7f800000 {
		return uint16(bits>>16) | 0x40
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}

// float32FromBF16 is exact.
func float32FromBF16(v uint16) float32 { return math.Float32frombits(uint32(v) << 16) }
