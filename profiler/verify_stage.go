package profiler

import (
	"math"
	"slices"
)

// The bounds. bfloat16 keeps eight significant bits, so correct rounding moves a value by at most 2^-8
// of it. What is rounded has an error of its own, which the floors cover.
const (
	bf16Bound = 0x1p-8
	// gemmFloor is for sums that nearly cancel, in units of the row's root mean square: tensor cores
	// keep about 14 bits of each block's partial sums.
	gemmFloor = 0x1p-8
	// rowBound bounds a row's relative error; rounding to bfloat16 alone gives about half.
	rowBound = 0x1p-8
	// combineFloor is for cancelling sums of a few products, each rounded in fp32.
	combineFloor = 0x1p-16
	// scaleBound is a few roundings of fp32: amax/448, or amax times the rounded 1/448.
	scaleBound    = 0x1p-21
	divisionBound = 0x1p-21
	// actBound allows silu(gate)*up to pass through bfloat16 before it is quantized.
	actBound = 0x1.01p-8
	// fp8RowBound follows from half the spacing of E4M3.
	fp8RowBound = 0x1p-4 * 1.01
	// tinyAmax is where engines may keep the scale from getting too small to divide by.
	tinyAmax = 1e-9
	fp8Max   = 448
)

// checkRoute checks everything that later stages rely on: the routing is one of the ring, offsets are
// exact, and rows are a permutation sorted by expert. The order within an expert is free.
func checkRoute(w Workload, ring []TopK, s *stepTensors) *tally {
	t := newTally()
	t.checked = int64(len(s.ids) + len(s.weights) + len(s.offsets) + len(s.rowSource))
	if !slices.ContainsFunc(ring, func(r TopK) bool {
		return slices.Equal(r.IDs, s.ids) && slices.Equal(r.Weights, s.weights)
	}) {
		t.wrong(-1, -1, "the experts and weights that the step used are no routing of the ring")
		return t
	}
	want := make([]int32, w.Experts+1)
	for _, id := range s.ids {
		want[id+1]++
	}
	for e := range w.Experts {
		want[e+1] += want[e]
	}
	for e, offset := range s.offsets {
		if offset != want[e] {
			t.wrong(-1, e, "the offset of expert %d is %d, want %d", e, offset, want[e])
		}
	}
	seen := make([]bool, len(s.ids))
	expert := 0
	for row, source := range s.rowSource {
		for int(want[expert+1]) <= row {
			expert++
		}
		switch {
		case source < 0 || int(source) >= len(s.ids):
			t.wrong(row, 0, "the row comes from slot %d of %d", source, len(s.ids))
		case seen[source]:
			t.wrong(row, 0, "slot %d has a second row", source)
		case int(s.ids[source]) != expert:
			t.wrong(row, 0, "the row of expert %d comes from slot %d of expert %d", expert, source, s.ids[source])
		default:
			seen[source] = true
		}
	}
	return t
}

func checkQuant(w Workload, s *stepTensors) *tally {
	values := fp8Values()
	return checkRows(w.Rows(), func(t *tally, row int) {
		token := int(s.rowSource[row]) / w.TopK
		want := make([]float64, w.Hidden)
		for i, bits := range s.input[token*w.Hidden:][:w.Hidden] {
			want[i] = bf16Value(bits)
		}
		q := quantizedRow{s.x[row*w.Hidden:][:w.Hidden], s.xScale[row*w.Hidden/BlockWidth:], values}
		q.check(t, row, want, scaleBound, 0)
	})
}

func checkAct(w Workload, s *stepTensors) *tally {
	values := fp8Values()
	n := w.Intermediate
	return checkRows(w.Rows(), func(t *tally, row int) {
		gate, up := s.up[row*2*n:][:n], s.up[row*2*n+n:][:n]
		want := make([]float64, n)
		for i := range want {
			g := bf16Value(gate[i])
			want[i] = g / (1 + math.Exp(-g)) * bf16Value(up[i])
		}
		q := quantizedRow{s.act[row*n:][:n], s.actScale[row*n/BlockWidth:], values}
		q.check(t, row, want, actBound, actBound)
	})
}

// quantizedRow is one row of codes with its scales.
type quantizedRow struct {
	codes  []uint8
	scales []float32
	values *[256]float64
}

// check compares a row with the values that were quantized. inputBound is the relative error that
// these may have had before. Each scale must be amax/448, and each code a nearest one for the scale
// that the engine chose.
func (q quantizedRow) check(t *tally, row int, want []float64, scaleBound, inputBound float64) {
	var sum rowError
	for kb := range len(want) / BlockWidth {
		scale := float64(q.scales[kb])
		block := want[kb*BlockWidth:][:BlockWidth]
		amax := 0.0
		for _, v := range block {
			amax = math.Max(amax, math.Abs(v))
		}
		t.checked++
		exact := math.Abs(scale-amax/fp8Max) <= scaleBound*amax/fp8Max
		kept := amax <= tinyAmax && scale >= amax/fp8Max && scale <= tinyAmax
		if !exact && !kept {
			t.wrong(row, kb*BlockWidth, "the scale of block %d is %g, want %g", kb, scale, amax/fp8Max)
		}
		for i, v := range block {
			column := kb*BlockWidth + i
			got := q.values[q.codes[column]] * scale
			// The division by the scale, or the product with its inverse, rounds too: a value close to
			// the middle of two codes may go either way.
			bound := (inputBound + divisionBound) * math.Abs(v)
			if scale > 0 {
				reach := (math.Abs(v) + bound) / scale
				bound += fp8HalfSpacing(reach) * scale
			}
			t.element(row, column, got, v, bound)
			sum.add(got, v)
		}
	}
	t.endRow(row, sum, fp8RowBound+inputBound)
}

// checkGEMM compares an output [R,n] in bfloat16 with the reference product.
func checkGEMM(got []uint16, want []float32, n int) *tally {
	return checkRows(len(want)/n, func(t *tally, row int) {
		reference := want[row*n:][:n]
		squares := 0.0
		for _, v := range reference {
			squares += float64(v) * float64(v)
		}
		floor := gemmFloor * math.Sqrt(squares/float64(n))
		var sum rowError
		for column, bits := range got[row*n:][:n] {
			g, v := bf16Value(bits), float64(reference[column])
			t.element(row, column, g, v, bf16Bound*math.Abs(v)+floor)
			sum.add(g, v)
		}
		t.endRow(row, sum, rowBound)
	})
}

func checkCombine(w Workload, s *stepTensors) *tally {
	rowOf := make([]int, w.Rows())
	for row, source := range s.rowSource {
		rowOf[source] = row
	}
	return checkRows(w.Tokens, func(t *tally, token int) {
		var sum rowError
		for column := range w.Hidden {
			var want, size float64
			for slot := token * w.TopK; slot < (token+1)*w.TopK; slot++ {
				product := float64(s.weights[slot]) * bf16Value(s.down[rowOf[slot]*w.Hidden+column])
				want += product
				size += math.Abs(product)
			}
			got := bf16Value(s.output[token*w.Hidden+column])
			t.element(token, column, got, want, bf16Bound*math.Abs(want)+combineFloor*size)
			sum.add(got, want)
		}
		t.endRow(token, sum, rowBound)
	})
}
