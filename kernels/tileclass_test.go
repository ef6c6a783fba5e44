package kernels

import (
	"fmt"
	"os"
	"regexp"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// TestCutlassTilesAreThoseOfTheSource compares the classes with the ones that the library was compiled
// from: a bound that moves there alone would put experts into the wrong class on every screen.
func TestCutlassTilesAreThoseOfTheSource(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../csrc/gemm/cutlass/family.cu")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, m := range regexp.MustCompile(`\{+(\d+|INT_MAX), (swapped|plain)_(\d+)x(\d+)_`).FindAllStringSubmatch(string(source), -1) {
		name := m[3] + "x" + m[4]
		if m[2] == "swapped" {
			name += " swapped"
		}
		want = append(want, m[1]+" "+name)
	}
	if got := described(cutlassTiles(1).On); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("with ES %q, the source has %q", got, want)
	}
	small := regexp.MustCompile(`kGenericSmallRows = (\d+);`).FindSubmatch(source)
	kernels := regexp.MustCompile(`is_small \? (swapped|plain)_(\d+)x(\d+)_\w+\(\) : (swapped|plain)_(\d+)x(\d+)_`).FindSubmatch(source)
	if small == nil || kernels == nil || string(small[1]) != fmt.Sprint(cutlassSmallRows) {
		t.Fatalf("bound %q, kernels %q", small, kernels)
	}
	for _, c := range []struct {
		rows int
		want string
	}{
		{cutlassSmallRows, fmt.Sprintf("INT_MAX %sx%s %s", kernels[2], kernels[3], kernels[1])},
		{cutlassSmallRows + 1, fmt.Sprintf("INT_MAX %sx%s", kernels[5], kernels[6])},
	} {
		if got := described(cutlassTiles(c.rows).Off); len(got) != 1 || got[0] != c.want {
			t.Errorf("%d rows: %q, want %q", c.rows, got, c.want)
		}
	}
}

func described(classes []profiler.TileClass) []string {
	var list []string
	for _, c := range classes {
		bound := "INT_MAX"
		if c.MaxRows != nil {
			bound = fmt.Sprint(*c.MaxRows)
		}
		list = append(list, bound+" "+c.Name)
	}
	return list
}

// TestCPUTilesAreWhatRuns compares the classes with the tiles that the engine cuts.
func TestCPUTilesAreWhatRuns(t *testing.T) {
	t.Parallel()
	for rows := 1; rows <= 200; rows++ {
		offsets := []int32{0, int32(rows)}
		for _, specialized := range []bool{false, true} {
			classes := cpuTiles(rows).Off
			if specialized {
				classes = cpuTiles(rows).On
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

func TestTilesOfAnotherFamilyAreUnknown(t *testing.T) {
	t.Parallel()
	if tilesOf("native", 1) != nil || tilesOf("cutlass", 1) == nil {
		t.Error("only the cutlass family has told its tiles")
	}
}
