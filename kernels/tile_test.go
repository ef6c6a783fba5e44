package kernels

import (
	"testing"

	"github.com/moetop/moetop/profiler"
)

func TestTileHeightsFitTheMicroKernel(t *testing.T) {
	t.Parallel()
	heights := append([]int{tileHeights.few, tileHeights.many}, tileHeights.classes[:]...)
	for _, h := range heights {
		if h%microRows != 0 || h < microRows || h > maxTileHeight {
			t.Errorf("height %d is not a multiple of %d up to %d", h, microRows, maxTileHeight)
		}
	}
	last := 0
	for _, h := range tileHeights.classes {
		if h <= last {
			t.Errorf("classes do not ascend at %d", h)
		}
		last = h
	}
}

func TestTiles(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name        string
		rows        []int32 // of each expert
		specialized bool
		heights     []int
	}{
		{"generic, few rows", []int32{1, 0, 33}, false, []int{32, 32, 32}},
		{"generic, many rows", []int32{1, 2048}, false, append([]int{64}, repeat(64, 32)...)},
		{"specialized", []int32{1, 0, 5, 12, 13, 33, 64}, true, []int{4, 8, 12, 16, 48, 64}},
		{"specialized, tall expert", []int32{130}, true, []int{64, 64, 64}},
		{"no rows", []int32{0, 0}, true, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			offsets := []int32{0}
			for _, r := range tt.rows {
				offsets = append(offsets, offsets[len(offsets)-1]+r)
			}
			got := tiles(nil, offsets, tt.specialized)
			if len(got) != len(tt.heights) {
				t.Fatalf("%d tiles, want %d", len(got), len(tt.heights))
			}
			next := 0
			for i, tl := range got {
				if tl.height != tt.heights[i] || tl.rows < 1 || tl.rows > tl.height {
					t.Errorf("tile %d: %+v, want height %d", i, tl, tt.heights[i])
				}
				if tl.row != next || tl.row < int(offsets[tl.expert]) || tl.row+tl.rows > int(offsets[tl.expert+1]) {
					t.Errorf("tile %d: %+v, want row %d within its expert", i, tl, next)
				}
				next = tl.row + tl.rows
			}
			if next != int(offsets[len(offsets)-1]) {
				t.Errorf("tiles end at row %d of %d", next, offsets[len(offsets)-1])
			}
		})
	}
}

// The toggle has a true effect on the preset that the CPU engine is for: a good part of the rows that
// the generic policy computes is padding, and specialization leaves most of that out.
func TestSpecializationSavesPadding(t *testing.T) {
	t.Parallel()
	w, err := profiler.ParseModel(profiler.TinyModel)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []profiler.Routing{{Kind: profiler.Uniform}, {Kind: profiler.Zipf, Exponent: 1}} {
		w.Routing = r
		computed := map[bool]int{}
		for _, topk := range profiler.NewRoutings(w, 8) {
			offsets := make([]int32, w.Experts+1)
			countRows(offsets, topk.IDs)
			for _, specialized := range []bool{false, true} {
				for _, tl := range tiles(nil, offsets, specialized) {
					computed[specialized] += tl.height
				}
			}
		}
		if generic, es := computed[false], computed[true]; 4*es > 3*generic || es < 8*w.Rows() {
			t.Errorf("%v: %d rows with ES off, %d on, of which %d exist", r, generic, es, 8*w.Rows())
		}
	}
}

func repeat(v, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = v
	}
	return out
}
