package profiler

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestFP8Value(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		code uint8
		want float64
	}{
		{"zero", 0x00, 0},
		{"smallest subnormal", 0x01, 1.0 / 512},
		{"largest subnormal", 0x07, 7.0 / 512},
		{"smallest normal", 0x08, 1.0 / 64},
		{"one", 0x38, 1},
		{"next after one", 0x39, 1.125},
		{"largest", 0x7e, 448},
		{"minus two", 0xc0, -2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := fp8Value(tt.code); got != tt.want {
				t.Errorf("code %#x is %v, want %v", tt.code, got, tt.want)
			}
		})
	}
	if !math.IsNaN(fp8Value(0x7f)) || !math.IsNaN(fp8Value(0xff)) {
		t.Error("0x7f and 0xff are not NaN")
	}
}

// The spacing is defined by the values themselves: between two neighbours no correct rounding moves a
// value by more than half their distance.
func TestFP8HalfSpacing(t *testing.T) {
	t.Parallel()
	for code := range uint8(0x7e) {
		low, high := fp8Value(code), fp8Value(code+1)
		for _, v := range []float64{low, (3*low + high) / 4, (low + high) / 2} {
			if got, want := fp8HalfSpacing(v), (high-low)/2; got != want {
				t.Errorf("half spacing at %v is %v, want %v", v, got, want)
			}
		}
	}
}

// randomGEMM has experts without rows and a number of rows that no chunk divides.
func randomGEMM(rows []int32, n, k int) *gemmOperands {
	rng := rand.New(rand.NewPCG(1, 2))
	op := &gemmOperands{n: n, k: k, offsets: []int32{0}}
	for _, r := range rows {
		op.offsets = append(op.offsets, op.offsets[len(op.offsets)-1]+r)
	}
	codes := func(count int) []uint8 {
		c := make([]uint8, count)
		for i := range c {
			c[i] = uint8(rng.IntN(0x7f)) | uint8(rng.IntN(2))<<7
		}
		return c
	}
	scales := func(count int) []float32 {
		s := make([]float32, count)
		for i := range s {
			s[i] = rng.Float32()
		}
		return s
	}
	total := int(op.offsets[len(rows)])
	op.a, op.aScale = codes(total*k), scales(total*k/BlockWidth)
	op.w, op.wScale = codes(len(rows)*n*k), scales(len(rows)*(n/BlockWidth)*(k/BlockWidth))
	return op
}

func TestReferenceGEMM(t *testing.T) {
	t.Parallel()
	op := randomGEMM([]int32{3, 0, 1, 70, 0}, 256, 384)
	got := referenceGEMM(op)
	for expert := range len(op.offsets) - 1 {
		for row := int(op.offsets[expert]); row < int(op.offsets[expert+1]); row++ {
			for column := range op.n {
				want, size := 0.0, 0.0
				for k := range op.k {
					a := fp8Value(op.a[row*op.k+k]) * float64(op.aScale[(row*op.k+k)/BlockWidth])
					scale := op.wScale[(expert*op.n/BlockWidth+column/BlockWidth)*(op.k/BlockWidth)+k/BlockWidth]
					product := a * fp8Value(op.w[(expert*op.n+column)*op.k+k]) * float64(scale)
					want += product
					size += math.Abs(product)
				}
				if v := float64(got[row*op.n+column]); math.Abs(v-want) > 1e-7*math.Abs(want)+1e-12*size {
					t.Fatalf("row %d of expert %d, column %d: got %v, want %v", row, expert, column, v, want)
				}
			}
		}
	}
}

func TestReferenceGEMMWithoutRows(t *testing.T) {
	t.Parallel()
	if got := referenceGEMM(randomGEMM([]int32{0, 0}, 128, 128)); len(got) != 0 {
		t.Errorf("got %d values", len(got))
	}
}

func TestTallyKeepsTheFirstViolation(t *testing.T) {
	t.Parallel()
	total := newTally()
	for _, row := range []int{7, 3, 9} {
		one := newTally()
		one.element(row, 2, math.NaN(), 1, 1)
		one.element(row, 1, 3, 1, 0.5)
		total.merge(one)
	}
	if total.row != 3 || total.column != 1 || total.violations != 6 || total.checked != 6 {
		t.Errorf("row %d, column %d, %d of %d", total.row, total.column, total.violations, total.checked)
	}
	if total.worst != wrongError {
		t.Errorf("a NaN counts as %v", total.worst)
	}
	if r := total.result(Up, ESBoth, 1); r.Pass() || r.Stage != "up" || r.FirstRow != 3 || r.First == "" {
		t.Errorf("result %+v", r)
	}
}

func TestTallyRows(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		errors rowError
		pass   bool
	}{
		{"exact", rowError{0, 1}, true},
		{"zeros", rowError{0, 0}, true},
		{"within", rowError{0.0001, 1}, true},
		{"above", rowError{0.0005, 1}, false},
		{"nothing expected", rowError{1e-30, 0}, false},
		{"nan", rowError{math.NaN(), 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := newTally()
			got.endRow(5, tt.errors, 0.02)
			if (got.violations == 0) != tt.pass {
				t.Errorf("%d violations, worst row %v", got.violations, got.worstRow)
			}
		})
	}
}

func TestCheckRowsVisitsEveryRow(t *testing.T) {
	t.Parallel()
	seen := make([]int, 103)
	total := checkRows(len(seen), func(t *tally, row int) {
		seen[row]++
		t.checked++
	})
	if total.checked != 103 || slices.Min(seen) != 1 || slices.Max(seen) != 1 {
		t.Errorf("%d checks, visits %v", total.checked, seen)
	}
}

// BenchmarkReferenceGEMM reports the rate of all processors together.
func BenchmarkReferenceGEMM(b *testing.B) {
	op := randomGEMM([]int32{32, 32, 32, 32, 32, 32, 32, 32}, 512, 2048)
	flops := 2 * 256 * float64(op.n) * float64(op.k)
	for b.Loop() {
		referenceGEMM(op)
	}
	b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}
