package kernels

// tileHeights are the row counts that the CPU engine's GEMM tiles can have. A tile decodes its block
// of weights once for all its rows and computes every row, padding included: tall tiles save
// decoding, short ones save padding. All are multiples of microRows.
var tileHeights = struct {
	// few and many are the generic policy's one height for all experts, by the step's rows.
	few, many int
	manyRows  int
	// classes are the heights that expert specialization chooses from: the lowest that holds an
	// expert's rows, or the highest, several times.
	classes [8]int
}{
	few: 32, many: 64, manyRows: 2048,
	classes: [8]int{4, 8, 12, 16, 24, 32, 48, 64},
}

const maxTileHeight = 64

// tile is a unit of GEMM work: a range of rows of one expert, computed as height rows.
type tile struct {
	expert int
	row    int // first row, in expert order
	rows   int // that exist, at most height
	height int
}

// tiles appends the tiles of all experts' rows. offsets are the first rows of the experts, and the
// end.
func tiles(dst []tile, offsets []int32, specialized bool) []tile {
	for expert := range len(offsets) - 1 {
		first, end := int(offsets[expert]), int(offsets[expert+1])
		height := genericHeight(int(offsets[len(offsets)-1]))
		if specialized {
			height = expertHeight(end - first)
		}
		for row := first; row < end; row += height {
			dst = append(dst, tile{expert: expert, row: row, rows: min(height, end-row), height: height})
		}
	}
	return dst
}

func genericHeight(rows int) int {
	if rows <= tileHeights.manyRows {
		return tileHeights.few
	}
	return tileHeights.many
}

func expertHeight(rows int) int {
	for _, height := range tileHeights.classes {
		if rows <= height {
			return height
		}
	}
	return maxTileHeight
}

// gemm names the operands of one grouped GEMM: out[rows,n] = a[rows,k] x w[expert][n,k].
type gemm struct {
	n, k   int
	a      []uint8   // e4m3 [R,k]
	aScale []float32 // [R,k/128]
	w      []uint8   // e4m3 [E,n,k]
	wScale []float32 // [E,n/128,k/128]
	out    []uint16  // bf16 [R,n]
}
