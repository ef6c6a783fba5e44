package kernels

import (
	"fmt"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// TestTileClassesAreTheLibrarys compares the classes with what the library was asked for, stage by
// stage.
func TestTileClassesAreTheLibrarys(t *testing.T) {
	tiles := openFakeEngine(t, fakeConfig(t)).Info().Tiles
	if tiles == nil {
		t.Fatal("the classes are not known")
	}
	for name, c := range map[string]struct {
		got  []profiler.TileClass
		want string
	}{
		"up off":  {tiles.Up.Off, "G: any, 128x128 fake 128x128"},
		"up on":   {tiles.Up.On, "S: 16, 16x256 fake 16x256; M: 64, 64x256 fake 64x256; L: any, 128x128 fake 128x128"},
		"down on": {tiles.Down.On, "S: 16, 16x256 fake 16x256; M: 64, 64x256 fake 64x256; L: any, 128x128 fake 128x128"},
	} {
		if got := described(c.got); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	first := tiles.Up.On[0]
	if first.Stages == nil || *first.Stages != 4 || *first.Cluster != 2 || *first.SplitK != 1 || *first.Warpgroups != 2 {
		t.Errorf("the first class is %+v", first)
	}
}

func described(classes []profiler.TileClass) string {
	var list []string
	for _, c := range classes {
		bound := "any"
		if c.MaxRows != nil {
			bound = fmt.Sprint(*c.MaxRows)
		}
		list = append(list, fmt.Sprintf("%s: %s, %dx%d %s", c.Letter, bound, c.TileRows, c.TileColumns, c.Name))
	}
	return strings.Join(list, "; ")
}

// A library without classes can still be measured; one that tells nonsense cannot.
func TestTileClassesOfOtherLibraries(t *testing.T) {
	t.Setenv("MOETOP_FAKE_FAULT", "no-tiles")
	if tiles := openFakeEngine(t, fakeConfig(t)).Info().Tiles; tiles != nil {
		t.Errorf("the library has none, got %+v", tiles)
	}
	t.Setenv("MOETOP_FAKE_FAULT", "bad-tiles")
	_, err := OpenCUDA(openFake(t), 0, fakeConfig(t))
	if err == nil || !strings.Contains(err.Error(), "a tile of 0 rows") {
		t.Errorf("a tile without rows: %v", err)
	}
}

// TestCPUTilesAreWhatRuns compares the classes with the tiles that the engine cuts.
func TestCPUTilesAreWhatRuns(t *testing.T) {
	t.Parallel()
	for rows := 1; rows <= 200; rows++ {
		offsets := []int32{0, int32(rows)}
		for _, specialized := range []bool{false, true} {
			classes := cpuTiles(rows).Up.Off
			if specialized {
				classes = cpuTiles(rows).Down.On
			}
			for _, c := range classes {
				if c.MaxRows != nil && rows > *c.MaxRows {
					continue
				}
				if cut := tiles(nil, offsets, specialized); cut[0].height != c.TileRows {
					t.Errorf("%d rows, ES %v: class %s, tiles of %d rows", rows, specialized, c.Name, cut[0].height)
				}
				break
			}
		}
	}
}
