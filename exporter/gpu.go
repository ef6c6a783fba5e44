package exporter

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/moetop/moetop/profiler"
)

// gpuMetrics are the readings of the GPU's own instruments.
type gpuMetrics struct {
	sm, occupancy, tensor, dram, active    *prometheus.Desc
	memoryUsed, memoryFree, memoryReserved *prometheus.Desc
	memoryTotal, memoryProcess             *prometheus.Desc
	smClock, memoryClock                   *prometheus.Desc
	power, powerLimit, energy, temperature *prometheus.Desc
	throttled, throttleReason              *prometheus.Desc
}

func newGPUMetrics(c *catalog) gpuMetrics {
	return gpuMetrics{
		sm:             c.add("moetop_gpu_sm_utilization_ratio", "Share of SMs with a warp resident."),
		occupancy:      c.add("moetop_gpu_sm_occupancy_ratio", "Warps resident, of those that the SMs can hold."),
		tensor:         c.add("moetop_gpu_tensor_utilization_ratio", "Share of time in which the tensor cores worked."),
		dram:           c.add("moetop_gpu_dram_bandwidth_utilization_ratio", "Share of the DRAM bandwidth that was used."),
		active:         c.add("moetop_gpu_kernel_active_ratio", "Share of time in which any kernel ran: NVML's GPU utilization, which is not that of the SMs."),
		memoryUsed:     c.add("moetop_gpu_memory_used_bytes", "Memory in use, by all processes."),
		memoryFree:     c.add("moetop_gpu_memory_free_bytes", "Memory that is free."),
		memoryReserved: c.add("moetop_gpu_memory_reserved_bytes", "Memory that the driver keeps to itself."),
		memoryTotal:    c.add("moetop_gpu_memory_total_bytes", "Memory in all."),
		memoryProcess:  c.add("moetop_gpu_memory_process_bytes", "Memory that the worker uses."),
		smClock:        c.add("moetop_gpu_sm_clock_hertz", "Clock of the SMs."),
		memoryClock:    c.add("moetop_gpu_memory_clock_hertz", "Clock of the memory."),
		power:          c.add("moetop_gpu_power_watts", "Power drawn."),
		powerLimit:     c.add("moetop_gpu_power_limit_watts", "Power that may be drawn."),
		energy:         c.add("moetop_gpu_energy_joules_total", "Energy used since the driver was loaded."),
		temperature:    c.add("moetop_gpu_temperature_celsius", "Temperature of the GPU."),
		throttled:      c.add("moetop_gpu_throttled", "Whether anything holds the clocks down."),
		throttleReason: c.add("moetop_gpu_throttle_reason", "What holds the clocks down: 1 now, 0 earlier with this workload.", "reason"),
	}
}

// collect sends the newest reading, unless it is of another time.
func (m *gpuMetrics) collect(out output, s *profiler.Sample) {
	r := s.NVML
	if r == nil || r.Stale {
		return
	}
	out.percent(m.sm, r.SMUtilizationPercent)
	out.percent(m.occupancy, r.SMOccupancyPercent)
	out.percent(m.tensor, r.TensorPercent)
	out.percent(m.dram, r.DRAMPercent)
	out.percent(m.active, r.KernelActivePercent)
	out.bytes(m.memoryUsed, r.MemoryUsedBytes)
	out.bytes(m.memoryFree, r.MemoryFreeBytes)
	out.bytes(m.memoryReserved, r.MemoryReservedBytes)
	out.bytes(m.memoryTotal, r.MemoryTotalBytes)
	out.bytes(m.memoryProcess, r.MemoryProcessBytes)
	out.megahertz(m.smClock, r.SMClockMHz)
	out.megahertz(m.memoryClock, r.MemoryClockMHz)
	out.optional(m.power, r.PowerWatts)
	out.optional(m.powerLimit, r.PowerLimitWatts)
	if r.EnergyJoules != nil {
		out.counter(m.energy, *r.EnergyJoules)
	}
	out.optional(m.temperature, r.TemperatureCelsius)
	m.collectThrottling(out, s)
}

// collectThrottling sends nothing where the reasons cannot be read.
func (m *gpuMetrics) collectThrottling(out output, s *profiler.Sample) {
	now := s.NVML.ThrottleReasons
	if now == nil {
		return
	}
	out.flag(m.throttled, len(now) > 0)
	known := slices.Clone(now)
	if s.NVMLStats != nil {
		known = append(known, s.NVMLStats.ThrottleReasons...)
	}
	slices.Sort(known)
	for _, reason := range slices.Compact(known) {
		out.flag(m.throttleReason, slices.Contains(now, reason), reason)
	}
}
