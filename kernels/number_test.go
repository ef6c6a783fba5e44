package kernels

import (
	"math"
	"math/big"
	"testing"
)

// nearestE4M3 finds the nearest code by looking at all of them; of two as near, the even one.
func nearestE4M3(table *e4m3Table, v float32) uint8 {
	best, bestDistance := uint8(0), math.Inf(1)
	for code := range uint8(0x7f) {
		distance := math.Abs(math.Abs(float64(v)) - float64(table[code]))
		if distance < bestDistance || (distance == bestDistance && code%2 == 0) {
			best, bestDistance = code, distance
		}
	}
	if math.Signbit(float64(v)) {
		best |= 0x80
	}
	return best
}

func TestE4M3(t *testing.T) {
	t.Parallel()
	table := newE4M3Table()
	tests := []struct {
		name string
		v    float32
		want uint8
	}{
		{"zero", 0, 0x00},
		{"minus zero", float32(math.Copysign(0, -1)), 0x80},
		{"one", 1, 0x38},
		{"minus one", -1, 0xb8},
		{"tie to even below", 1.0625, 0x38},
		{"tie to even above", 1.1875, 0x3a},
		{"carry into the exponent", 1.96875, 0x40},
		{"half the smallest", 1.0 / 1024, 0x00},
		{"just above half the smallest", math.Nextafter32(1.0/1024, 1), 0x01},
		{"tie of subnormals", 3.0 / 1024, 0x02},
		{"carry into the normals", 15.0 / 1024, 0x08},
		{"smallest normal", 1.0 / 64, 0x08},
		{"largest", 448, 0x7e},
		{"rounds up to the largest", 440, 0x7e},
		{"saturates", 1e30, 0x7e},
		{"infinity saturates", float32(math.Inf(-1)), 0xfe},
		{"nan", float32(math.NaN()), 0x7f},
		{"fp32 subnormal", math.SmallestNonzeroFloat32, 0x00},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := e4m3(tt.v); got != tt.want {
				t.Errorf("e4m3(%v) = %#x, want %#x", tt.v, got, tt.want)
			}
			if tt.v == tt.v && !math.IsInf(float64(tt.v), 0) {
				if nearest := nearestE4M3(table, tt.v); nearest != tt.want {
					t.Errorf("the search finds %#x", nearest)
				}
			}
		})
	}
}

func TestE4M3RoundTrip(t *testing.T) {
	t.Parallel()
	for code, v := range newE4M3Table() {
		if code&0x7f != 0x7f && e4m3(v) != uint8(code) {
			t.Errorf("code %#x is %v, which is code %#x", code, v, e4m3(v))
		}
	}
}

func FuzzE4M3(f *testing.F) {
	table := newE4M3Table()
	for _, v := range []float32{0.3, -447.9, 1.0 / 512, 0.0156} {
		f.Add(math.Float32bits(v))
	}
	f.Fuzz(func(t *testing.T, bits uint32) {
		v := math.Float32frombits(bits)
		if v != v {
			return
		}
		if got, want := e4m3(v), nearestE4M3(table, v); got != want {
			t.Errorf("e4m3(%v) = %#x, want %#x", v, got, want)
		}
	})
}

// big.Float with eight bits of mantissa rounds to nearest even as bfloat16 does.
func TestBF16(t *testing.T) {
	t.Parallel()
	for _, v := range []float32{0, 1, -1, 1.00390625, 1.01171875, 3.14159, -2.7182817, 1e-20, 6.5e37, 0.1} {
		want, _ := new(big.Float).SetPrec(8).SetFloat64(float64(v)).Float32()
		if got := float32FromBF16(bf16(v)); got != want {
			t.Errorf("bf16(%v) = %v, want %v", v, got, want)
		}
	}
	if v := float32FromBF16(bf16(math.MaxFloat32)); !math.IsInf(float64(v), 1) {
		t.Errorf("the largest fp32 number rounds to %v", v)
	}
	if v := float32FromBF16(bf16(math.Float32frombits(0x7f800001))); v == v {
		t.Errorf("a NaN became %v", v)
	}
}

func TestQuantizeZeros(t *testing.T) {
	t.Parallel()
	var zeros block
	codes := make([]uint8, blockWidth)
	scale := quantize(codes, &zeros)
	if !(scale > 0) || math.IsInf(float64(1/scale), 0) {
		t.Errorf("the scale of zeros is %v", scale)
	}
	for i, code := range codes {
		if code != 0 {
			t.Fatalf("code %d of zeros is %#x", i, code)
		}
	}
}

func TestQuantizeFillsTheRange(t *testing.T) {
	t.Parallel()
	var values block
	for i := range values {
		values[i] = float32(i) - 30
	}
	codes := make([]uint8, blockWidth)
	scale := quantize(codes, &values)
	if scale != values[127]/e4m3Max || codes[127] != 0x7e {
		t.Errorf("scale %v, largest code %#x", scale, codes[127])
	}
}
