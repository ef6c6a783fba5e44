package kernels

// The micro kernel computes microRows x microColumns dot products at once: enough independent sums to
// hide the latency of an addition, few enough to stay in registers.
const (
	microRows    = 4
	microColumns = 2
)

// block is one row's stretch of a scale block, as float32.
type block = [blockWidth]float32

// gemmScratch is one worker's memory: the decoded operands of one step along k, and the sums.
type gemmScratch struct {
	a   [maxTileHeight]block
	w   [blockWidth]block
	sum [maxTileHeight]block
}

// compute makes the columns [column, column+128) of a tile. Products are summed in fp32 in order
// of k within a scale block, then scaled and added to the sum over blocks: the same order whatever
// the tile's height, so that every policy gives the same bits.
func (g *gemm) compute(s *gemmScratch, codes *e4m3Table, t tile, column int) {
	for row := range t.height {
		s.sum[row] = block{}
	}
	numBlocks := g.k / blockWidth
	wScale := g.wScale[(t.expert*(g.n/blockWidth)+column/blockWidth)*numBlocks:]
	for kb := range numBlocks {
		for column128 := range s.w {
			at := (t.expert*g.n+column+column128)*g.k + kb*blockWidth
			decode(&s.w[column128], g.w[at:at+blockWidth], codes)
		}
		for row := range t.height {
			if row >= t.rows {
				s.a[row] = block{}
				continue
			}
			at := (t.row+row)*g.k + kb*blockWidth
			decode(&s.a[row], g.a[at:at+blockWidth], codes)
		}
		for row := 0; row < t.height; row += microRows {
			var scale [microRows]float32
			for i := range scale {
				if row+i < t.rows {
					scale[i] = g.aScale[(t.row+row+i)*numBlocks+kb] * wScale[kb]
				}
			}
			a, sum := s.a[row:row+microRows], s.sum[row:row+microRows]
			for c := 0; c < blockWidth; c += microColumns {
				micro(sum, a, &s.w[c], &s.w[c+1], c, &scale)
			}
		}
	}
	for row := range t.rows {
		out := g.out[(t.row+row)*g.n+column:]
		for c, v := range s.sum[row] {
			out[c] = bf16(v)
		}
	}
}

// decode and micro touch one worker's scratch and what no stage writes while they run. Leaving them to
// the race detector would make it ten times slower and tell nothing that compute does not.
//
//go:norace
func decode(dst *block, src []uint8, codes *e4m3Table) {
	for i, code := range src[:blockWidth] {
		dst[i] = codes[code]
	}
}

// micro adds the scaled dot products of four rows with two columns.
//
//go:norace
func micro(sum, a []block, w0, w1 *block, column int, scale *[microRows]float32) {
	a0, a1, a2, a3 := &a[0], &a[1], &a[2], &a[3]
	var p00, p01, p10, p11, p20, p21, p30, p31 float32
	for k := range blockWidth {
		x, y := w0[k], w1[k]
		v := a0[k]
		p00 += v * x
		p01 += v * y
		v = a1[k]
		p10 += v * x
		p11 += v * y
		v = a2[k]
		p20 += v * x
		p21 += v * y
		v = a3[k]
		p30 += v * x
		p31 += v * y
	}
	add := func(row int, left, right float32) {
		sum[row][column] += left * scale[row]
		sum[row][column+1] += right * scale[row]
	}
	add(0, p00, p01)
	add(1, p10, p11)
	add(2, p20, p21)
	add(3, p30, p31)
}
