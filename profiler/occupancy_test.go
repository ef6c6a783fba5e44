package profiler

import "testing"

// TestOccupancy has launches whose theoretical occupancy CUDA's own calculator tells.
func TestOccupancy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		launch Launch
		want   Occupancy
	}{
		{"a full multiprocessor", Launch{Block: [3]int{256, 1, 1}, Registers: 32}, Occupancy{8, 64, "warps and registers"}},
		{"few registers", Launch{Block: [3]int{256, 1, 1}, Registers: 24}, Occupancy{8, 64, "warps"}},
		{"registers", Launch{Block: [3]int{1024, 1, 1}, Registers: 64}, Occupancy{1, 32, "registers"}},
		{"registers in units", Launch{Block: [3]int{128, 1, 1}, Registers: 255}, Occupancy{2, 8, "registers"}},
		{"small blocks", Launch{Block: [3]int{32, 1, 1}, Registers: 16}, Occupancy{32, 32, "blocks"}},
		{"a part of a warp", Launch{Block: [3]int{33, 1, 1}, Registers: 16}, Occupancy{32, 64, "warps and blocks"}},
		{"shared memory", Launch{Block: [3]int{128, 1, 1}, Registers: 32, DynamicSharedBytes: 100 << 10}, Occupancy{2, 8, "shared memory"}},
		{"what a block reserves", Launch{Block: [3]int{128, 1, 1}, Registers: 32, StaticSharedBytes: 113 << 10}, Occupancy{2, 8, "shared memory"}},
		{"and not more", Launch{Block: [3]int{128, 1, 1}, Registers: 32, StaticSharedBytes: 113<<10 + 1}, Occupancy{1, 4, "shared memory"}},
		{"a grouped GEMM", Launch{Block: [3]int{384, 1, 1}, Registers: 168, DynamicSharedBytes: 213 << 10}, Occupancy{1, 12, "registers and shared memory"}},
	} {
		if got, ok := c.launch.Occupancy(); !ok || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", c.name, got, ok, c.want)
		}
	}
	if _, ok := (Launch{Block: [3]int{1, 1, 1}}).Occupancy(); ok {
		t.Error("the CPU engine's launches have an occupancy")
	}
}
