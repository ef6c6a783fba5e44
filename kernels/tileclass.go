package kernels

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/moetop/moetop/profiler"
)

// maxTileClasses bounds what a library may tell of one policy.
const maxTileClasses = 64

// tilePolicies asks for the tile classes of both stages; nil if this library's kernels have none.
func (e *cudaEngine) tilePolicies() (*profiler.TilePolicies, error) {
	policies := new(profiler.TilePolicies)
	for _, policy := range []struct {
		stage       profiler.Stage
		specialized C.uint32_t
		classes     *[]profiler.TileClass
	}{
		{profiler.Up, 0, &policies.Up.Off},
		{profiler.Up, 1, &policies.Up.On},
		{profiler.Down, 0, &policies.Down.Off},
		{profiler.Down, 1, &policies.Down.On},
	} {
		classes, err := e.tileClasses(policy.stage, policy.specialized)
		if errors.Is(err, errors.ErrUnsupported) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("the tile classes of %s: %w", policy.stage, err)
		}
		*policy.classes = classes
	}
	return policies, nil
}

func (e *cudaEngine) tileClasses(stage profiler.Stage, specialized C.uint32_t) ([]profiler.TileClass, error) {
	raw := make([]abiTileClass, maxTileClasses)
	for i := range raw {
		raw[i].structSize = uint32(unsafe.Sizeof(abiTileClass{}))
	}
	var count C.int32_t
	err := e.library.call("describing the tiles", func() C.int32_t {
		return C.shim_describe_tiles(e.library.calls, e.handle, C.int32_t(stage), specialized,
			(*C.moetop_tile_class)(unsafe.Pointer(&raw[0])), C.int32_t(len(raw)), &count)
	})
	if err != nil {
		return nil, err
	}
	if count < 1 || int(count) > len(raw) {
		return nil, fmt.Errorf("the library tells %d, 1 to %d are allowed", count, len(raw))
	}
	classes := make([]profiler.TileClass, count)
	for i := range classes {
		if classes[i], err = raw[i].domain(); err != nil {
			return nil, fmt.Errorf("class %d: %w", i, err)
		}
	}
	return classes, nil
}

// domain refuses a tile without an area: its padding could not be counted.
func (c *abiTileClass) domain() (profiler.TileClass, error) {
	if c.maxRows < 0 || c.tileRows < 1 || c.rowStep < 1 || c.tileColumns < 1 {
		return profiler.TileClass{}, fmt.Errorf("a tile of %d rows in steps of %d and %d columns for at most %d rows",
			c.tileRows, c.rowStep, c.tileColumns, c.maxRows)
	}
	class := profiler.TileClass{
		Name: text(c.name[:]), Letter: text(c.letter[:]), TileRows: int(c.tileRows), TileColumns: int(c.tileColumns), RowStep: int(c.rowStep),
		Stages: positive(c.stages), Cluster: positive(c.cluster), SplitK: positive(c.splitK), Warpgroups: positive(c.warpgroups),
	}
	class.MaxRows = positive(c.maxRows)
	return class, nil
}

// positive is nil for a number that the library leaves out.
func positive(n int32) *int {
	if n <= 0 {
		return nil
	}
	return new(int(n))
}

// cpuTiles are the heights of the CPU engine's tiles, alike for both stages. The last class takes all
// that is above.
func cpuTiles(rows int) *profiler.TilePolicies {
	class := func(letter rune, maxRows, height int) profiler.TileClass {
		c := profiler.TileClass{
			Name: fmt.Sprintf("%d rows", height), Letter: string(letter), TileRows: height, TileColumns: blockWidth, RowStep: height,
		}
		if maxRows > 0 {
			c.MaxRows = &maxRows
		}
		return c
	}
	tiles := profiler.PolicyTiles{Off: []profiler.TileClass{class('G', 0, genericHeight(rows))}}
	for i, height := range tileHeights.classes {
		maxRows := height
		if i == len(tileHeights.classes)-1 {
			maxRows = 0
		}
		tiles.On = append(tiles.On, class('A'+rune(i), maxRows, height))
	}
	return &profiler.TilePolicies{Up: tiles, Down: tiles}
}
