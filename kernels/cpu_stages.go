package kernels

import (
	"math"

	"github.com/moetop/moetop/profiler"
)

// rowsPerTask is how many rows a worker takes at a time in the stages that go row by row.
const rowsPerTask = 8

// byRows runs f for every row, a few rows a task.
func (e *cpuEngine) byRows(rows int, f func(row int)) {
	e.pool.run((rows+rowsPerTask-1)/rowsPerTask, func(_, task int) {
		for row := task * rowsPerTask; row < min(rows, (task+1)*rowsPerTask); row++ {
			f(row)
		}
	})
}

// route sorts the rows by expert; within an expert they keep the order of their tokens.
func (e *cpuEngine) route(ids []int32) {
	countRows(e.t.offsets, ids)
	copy(e.cursor, e.t.offsets)
	for source, id := range ids {
		e.t.rowSource[e.cursor[id]] = int32(source)
		e.cursor[id]++
	}
}

// countRows sets offsets to each expert's first row, and the end.
func countRows(offsets, ids []int32) {
	clear(offsets)
	for _, id := range ids {
		offsets[id+1]++
	}
	for i := 1; i < len(offsets); i++ {
		offsets[i] += offsets[i-1]
	}
}

// quant gathers each row's token and quantizes it block by block.
func (e *cpuEngine) quant(input []uint16) {
	h := e.cfg.Workload.Hidden
	e.byRows(e.cfg.Workload.Rows(), func(row int) {
		token := int(e.t.rowSource[row]) / e.cfg.Workload.TopK
		for kb := range h / blockWidth {
			var values block
			for i, v := range input[token*h+kb*blockWidth:][:blockWidth] {
				values[i] = float32FromBF16(v)
			}
			at := row*h + kb*blockWidth
			e.t.xScale[at/blockWidth] = quantize(e.t.x[at:at+blockWidth], &values)
		}
	})
}

// quantize rounds a block to E4M3 and returns its scale, the largest magnitude over 448. A block of
// zeros has the smallest scale that is not 0, so that nothing is divided by 0.
func quantize(dst []uint8, values *block) (scale float32) {
	var largest float32
	for _, v := range values {
		largest = max(largest, float32(math.Abs(float64(v))))
	}
	scale = max(largest/e4m3Max, minScale)
	for i, v := range values {
		dst[i] = e4m3(v / scale)
	}
	return scale
}

// minScale keeps the scale a normal fp32 number.
const minScale = 1e-30

// gemm runs one grouped GEMM as tiles of 128 columns.
func (e *cpuEngine) gemm(g *gemm, specialized bool) {
	e.tiles = tiles(e.tiles[:0], e.t.offsets, specialized)
	columns := g.n / blockWidth
	e.pool.run(len(e.tiles)*columns, func(worker, task int) {
		g.compute(e.scratch[worker], e.codes, e.tiles[task/columns], task%columns*blockWidth)
	})
}

func (e *cpuEngine) upGEMM() *gemm {
	w := e.cfg.Workload
	return &gemm{
		n: 2 * w.Intermediate, k: w.Hidden,
		a: e.t.x, aScale: e.t.xScale, w: e.t.w1, wScale: e.t.w1Scale, out: e.t.up,
	}
}

func (e *cpuEngine) downGEMM() *gemm {
	w := e.cfg.Workload
	return &gemm{
		n: w.Hidden, k: w.Intermediate,
		a: e.t.act, aScale: e.t.actScale, w: e.t.w2, wScale: e.t.w2Scale, out: e.t.down,
	}
}

// act computes silu(gate)*up and quantizes it block by block.
func (e *cpuEngine) act() {
	n := e.cfg.Workload.Intermediate
	e.byRows(e.cfg.Workload.Rows(), func(row int) {
		gate, up := e.t.up[row*2*n:][:n], e.t.up[row*2*n+n:][:n]
		for kb := range n / blockWidth {
			var values block
			for i := range values {
				g := float32FromBF16(gate[kb*blockWidth+i])
				silu := g / (1 + float32(math.Exp(-float64(g))))
				values[i] = silu * float32FromBF16(up[kb*blockWidth+i])
			}
			at := row*n + kb*blockWidth
			e.t.actScale[at/blockWidth] = quantize(e.t.act[at:at+blockWidth], &values)
		}
	})
}

// combine adds up each token's rows in the order of its experts, so that the sum does not depend on
// the order of the rows.
func (e *cpuEngine) combine(topk profiler.TopK) {
	w := e.cfg.Workload
	for row, source := range e.t.rowSource {
		e.rowOf[source] = int32(row)
	}
	e.byRows(w.Tokens, func(token int) {
		for column := 0; column < w.Hidden; column += blockWidth {
			var sum block
			for j := token * w.TopK; j < (token+1)*w.TopK; j++ {
				weight := topk.Weights[j]
				for i, v := range e.t.down[int(e.rowOf[j])*w.Hidden+column:][:blockWidth] {
					sum[i] += weight * float32FromBF16(v)
				}
			}
			out := e.t.output[token*w.Hidden+column:]
			for i, v := range sum {
				out[i] = bf16(v)
			}
		}
	})
}
