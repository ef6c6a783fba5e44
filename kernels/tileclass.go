package kernels

import (
	"fmt"

	"github.com/moetop/moetop/profiler"
)

// cutlassSmallRows is up to how many rows of all experts together the cutlass family's generic policy
// takes its small tile. It and the bounds below are those of csrc/gemm/cutlass/family.cu, which a
// test compares.
const cutlassSmallRows = 2048

// tileClass makes a class; rows and columns are those of the tile as the batch sees it. A swapped
// kernel computes the transposed product, so that the columns come first in its name.
func tileClass(letter string, maxRows int, swapped bool, columns, rows int) profiler.TileClass {
	class := profiler.TileClass{
		Name: fmt.Sprintf("%dx%d", rows, columns), Letter: letter, TileRows: rows, TileColumns: columns,
	}
	if swapped {
		class.Name = fmt.Sprintf("%dx%d swapped", columns, rows)
	}
	if maxRows > 0 {
		class.MaxRows = &maxRows
	}
	return class
}

// cutlassTiles are the classes of the cutlass family.
func cutlassTiles(rows int) *profiler.TilePolicies {
	policies := &profiler.TilePolicies{
		Off: []profiler.TileClass{tileClass("G", 0, false, 128, 128)},
		On: []profiler.TileClass{
			tileClass("S", 32, true, 256, 32),
			tileClass("M", 64, true, 256, 64),
			tileClass("L", 0, false, 128, 128),
		},
	}
	if rows <= cutlassSmallRows {
		policies.Off = []profiler.TileClass{tileClass("G", 0, true, 128, 32)}
	}
	return policies
}

// tilesOf are the classes of a library's kernels; nil for a family whose tiles nobody has told.
func tilesOf(family string, rows int) *profiler.TilePolicies {
	if family != kernelNames[0] {
		return nil
	}
	return cutlassTiles(rows)
}

// cpuTiles are the heights of the CPU engine's tiles. The last class takes all that is above.
func cpuTiles(rows int) *profiler.TilePolicies {
	class := func(letter rune, maxRows, height int) profiler.TileClass {
		c := tileClass(string(letter), maxRows, false, blockWidth, height)
		c.Name = fmt.Sprintf("%d rows", height)
		return c
	}
	policies := &profiler.TilePolicies{Off: []profiler.TileClass{class('G', 0, genericHeight(rows))}}
	for i, height := range tileHeights.classes {
		maxRows := height
		if i == len(tileHeights.classes)-1 {
			maxRows = 0
		}
		policies.On = append(policies.On, class('A'+rune(i), maxRows, height))
	}
	return policies
}
