package ui

import (
	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/chart"
	"github.com/moetop/moetop/ui/internal/grid"
)

// memoryPart is one part of the GPU's memory.
type memoryPart struct {
	name  string
	bytes uint64
	rune  rune
	style grid.Style
}

// memoryParts divides the GPU's memory: what the engine says it holds, what else is in use, what the
// driver keeps, and the rest. ok is false if NVML cannot tell.
func (p gpuPanel) memoryParts() (parts []memoryPart, ok bool) {
	r := p.reading()
	if r == nil || r.MemoryUsedBytes == nil || r.MemoryTotalBytes == nil {
		return nil, false
	}
	var ours profiler.Memory
	if p.workload != nil {
		ours = p.workload.Memory
	}
	used, total := *r.MemoryUsedBytes, *r.MemoryTotalBytes
	reserved := uint64(0)
	if r.MemoryReservedBytes != nil {
		reserved = *r.MemoryReservedBytes
	}
	mine := ours.WeightsBytes + ours.ActivationsBytes + ours.WorkspaceBytes
	free := less(total, used+reserved)
	if r.MemoryFreeBytes != nil {
		free = *r.MemoryFreeBytes
	}
	g := p.glyphs
	return []memoryPart{
		{"weights", ours.WeightsBytes, g.weights, styleWeights},
		{"activ.", ours.ActivationsBytes, g.activations, styleActivations},
		{"works.", ours.WorkspaceBytes, g.workspace, styleWorkspace},
		{"other", less(used, mine), g.other, styleOther},
		{"resv.", reserved, g.reserved, styleReserved},
		{"free", free, g.free, styleTrack},
	}, true
}

// less is a-b, or 0 where the engine counts more than NVML saw: the two are not read at one moment.
func less(a, b uint64) uint64 {
	if a < b {
		return 0
	}
	return a - b
}

// memoryText is used of total.
func memoryText(r *profiler.Reading) string {
	if r.MemoryUsedBytes == nil || r.MemoryTotalBytes == nil {
		return unknown
	}
	return gibText(*r.MemoryUsedBytes) + "/" + gibText(*r.MemoryTotalBytes) + "G"
}

// drawMemory draws the bar and its legend and returns the line after them. A legend with room shows
// all parts, a short one takes ours together.
func (p gpuPanel) drawMemory(area grid.Area, y int, room bool) int {
	legend := 2
	if room {
		legend = 3
	}
	area.Print(0, y, "memory", styleMuted)
	parts, ok := p.memoryParts()
	if !ok {
		area.PrintRight(area.Width(), y, unknown, styleMuted)
		return y + 1 + legend
	}
	text := memoryText(p.reading())
	start := area.PrintRight(area.Width(), y, text, styleText)
	segments := make([]chart.Segment, len(parts))
	for i, part := range parts {
		segments[i] = chart.Segment{Value: float64(part.bytes), Rune: part.rune, Style: part.style}
	}
	chart.Stack(area, gaugeLabel, y, start-1-gaugeLabel, segments)
	if !room {
		ours := parts[0]
		ours.name = "ours"
		for _, part := range parts[1:3] {
			ours.bytes += part.bytes
		}
		parts = append([]memoryPart{ours}, parts[3:]...)
	}
	for i, part := range parts {
		x := i % 2 * (area.Width() / 2)
		line := y + 1 + i/2
		area.Set(x, line, part.rune, part.style)
		x = area.Print(x+2, line, part.name+" ", styleMuted)
		area.Print(x, line, gibText(part.bytes), styleText)
	}
	return y + 1 + legend
}

// oursText is the engine's own memory in a line.
func oursText(m profiler.Memory) string {
	return "memory ours " + bytesText(m.WeightsBytes+m.ActivationsBytes+m.WorkspaceBytes)
}

// bytesText formats bytes with the unit that fits.
func bytesText(bytes uint64) string {
	const mib = 1 << 20
	if bytes >= gib/10 {
		return gibText(bytes) + " GiB"
	}
	v := float64(bytes) / mib
	return formatFixed(v, 1) + " MiB"
}
