package profiler

// gemmOperands are the operands of a grouped GEMM: rows of a, sorted by expert, times the transposed
// weights of their expert.
type gemmOperands struct {
	n, k    int
	offsets []int32   // [E+1]
	a       []uint8   // e4m3 [R,k]
	aScale  []float32 // [R,k/128]
	w       []uint8   // e4m3 [E,n,k]
	wScale  []float32 // [E,n/128,k/128]
}

// Rows of a are taken chunkRows at a time; the micro kernel wants a multiple of four.
const chunkRows = 64

type wideRow = [BlockWidth]float64

// gemmWorker is what one worker dequantizes into.
type gemmWorker struct {
	values *[256]float64
	a      [chunkRows]wideRow
	w      [BlockWidth]wideRow
	sum    [chunkRows]wideRow
}

// referenceGEMM returns the products [R,n], summed in float64 and stored as float32: that rounding is
// 2^16 times finer than the bfloat16 that they are compared with.
func referenceGEMM(op *gemmOperands) []float32 {
	type task struct{ expert, column int }
	var tasks []task
	experts := len(op.offsets) - 1
	for expert := range experts {
		if op.offsets[expert+1] == op.offsets[expert] {
			continue
		}
		for column := 0; column < op.n; column += BlockWidth {
			tasks = append(tasks, task{expert, column})
		}
	}
	out := make([]float32, int(op.offsets[experts])*op.n)
	values := fp8Values()
	newWorker := func() *gemmWorker { return &gemmWorker{values: values} }
	parallel(len(tasks), newWorker, func(g *gemmWorker, i int) {
		t := tasks[i]
		end := int(op.offsets[t.expert+1])
		for row := int(op.offsets[t.expert]); row < end; row += chunkRows {
			g.chunk(op, t.expert, t.column, row, min(chunkRows, end-row), out)
		}
	})
	return out
}

// chunk computes up to chunkRows rows by 128 columns.
func (g *gemmWorker) chunk(op *gemmOperands, expert, column, row, rows int, out []float32) {
	blocks := op.k / BlockWidth
	padded := (rows + 3) / 4 * 4
	for i := range padded {
		g.sum[i], g.a[i] = wideRow{}, wideRow{}
	}
	for kb := range blocks {
		wScale := float64(op.wScale[(expert*(op.n/BlockWidth)+column/BlockWidth)*blocks+kb])
		for j := range g.w {
			at := (expert*op.n+column+j)*op.k + kb*BlockWidth
			g.dequantize(&g.w[j], op.w[at:], wScale)
		}
		for i := range rows {
			at := (row+i)*op.k + kb*BlockWidth
			g.dequantize(&g.a[i], op.a[at:], float64(op.aScale[at/BlockWidth]))
		}
		for i := 0; i < padded; i += 4 {
			for j := 0; j < BlockWidth; j += 2 {
				addProducts((*[4]wideRow)(g.sum[i:]), (*[4]wideRow)(g.a[i:]), (*[2]wideRow)(g.w[j:]), j)
			}
		}
	}
	for i := range rows {
		line := out[(row+i)*op.n+column:]
		for j, v := range g.sum[i] {
			line[j] = float32(v)
		}
	}
}

// dequantize and addProducts touch one worker's memory and operands that nobody writes: the race
// detector would make them ten times slower for nothing.
//
//go:norace
func (g *gemmWorker) dequantize(dst *wideRow, codes []uint8, scale float64) {
	for i, code := range codes[:BlockWidth] {
		dst[i] = g.values[code] * scale
	}
}

// addProducts adds the products of four rows and two columns: eight sums that do not wait for each
// other.
//
//go:norace
func addProducts(sum, a *[4]wideRow, w *[2]wideRow, j int) {
	var s0, s1, s2, s3, t0, t1, t2, t3 float64
	for k := range BlockWidth {
		x, y := w[0][k], w[1][k]
		s0 += a[0][k] * x
		t0 += a[0][k] * y
		s1 += a[1][k] * x
		t1 += a[1][k] * y
		s2 += a[2][k] * x
		t2 += a[2][k] * y
		s3 += a[3][k] * x
		t3 += a[3][k] * y
	}
	left, right := [4]float64{s0, s1, s2, s3}, [4]float64{t0, t1, t2, t3}
	for i := range sum {
		sum[i][j] += left[i]
		sum[i][j+1] += right[i]
	}
}
