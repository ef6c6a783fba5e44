package profiler

import "strings"

// A streaming multiprocessor of compute capability 9.0, the only one that the kernels are built for:
// CUDA C++ Programming Guide, technical specifications per compute capability. Registers are given to
// warps in units of 256, out of the quarter of them that the warp's scheduler has; of shared memory each
// block takes 1 KiB more than it asks for.
const (
	WarpsAnSM      = 64
	warpSize       = 32
	blocksAnSM     = 32
	schedulersAnSM = 4
	registersAnSM  = 65536
	registerUnit   = 256
	sharedAnSM     = 228 << 10
	sharedUnit     = 128
	sharedReserved = 1 << 10
)

// Occupancy is how much of a launch a streaming multiprocessor holds at a time.
type Occupancy struct {
	Blocks, Warps int
	Limit         string // what leaves no room for another block, in words
}

// Occupancy computes the most that one multiprocessor holds, from what the launch asks for; ok is false
// where that is not known, as for the CPU engine. It is the theoretical occupancy of other tools, an upper
// bound of what NVML measures over time.
func (l Launch) Occupancy() (o Occupancy, ok bool) {
	threads := l.Block[0] * l.Block[1] * l.Block[2]
	if threads <= 0 || l.Registers <= 0 {
		return Occupancy{}, false
	}
	warps := (threads + warpSize - 1) / warpSize
	warpRegisters := roundUp(l.Registers*warpSize, registerUnit)
	shared := roundUp(l.StaticSharedBytes+l.DynamicSharedBytes+sharedReserved, sharedUnit)
	limits := []struct {
		name   string
		blocks int
	}{
		{"warps", WarpsAnSM / warps},
		{"registers", registersAnSM / schedulersAnSM / warpRegisters * schedulersAnSM / warps},
		{"shared memory", sharedAnSM / shared},
		{"blocks", blocksAnSM},
	}
	o.Blocks = limits[0].blocks
	for _, limit := range limits {
		o.Blocks = min(o.Blocks, limit.blocks)
	}
	var names []string
	for _, limit := range limits {
		if limit.blocks == o.Blocks {
			names = append(names, limit.name)
		}
	}
	o.Warps, o.Limit = o.Blocks*warps, strings.Join(names, " and ")
	return o, true
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }
