package profiler

import "time"

// Sampler reads the GPU's own instruments. Latest never waits: a sampler reads in goroutines of its
// own, with a deadline for each call.
type Sampler interface {
	// Latest returns the newest reading; ok is false until there is one.
	Latest() (r Reading, ok bool)
	// Problems returns what could not be read, and why, since the last call; for the log.
	Problems() []string
	Close() error
}

// Reading is one look at a GPU. A nil pointer is "cannot be known here": null in JSON, n/a on
// screen, never 0.
type Reading struct {
	Time time.Time `json:"time"`
	// Stale is set when the last reads did not answer in time and older values are shown.
	Stale bool `json:"stale"`

	// The GPM metrics hold for the window that ends at WindowEnd. SM utilization is the share of
	// SMs with a warp resident, unlike KernelActive, which is NVML's "GPU utilization": the share of
	// time in which any kernel ran.
	WindowStart          time.Time `json:"window_start,omitzero"`
	WindowEnd            time.Time `json:"window_end,omitzero"`
	SMUtilizationPercent *float64  `json:"sm_utilization_percent"`
	SMOccupancyPercent   *float64  `json:"sm_occupancy_percent"`
	TensorPercent        *float64  `json:"tensor_percent"`
	DRAMPercent          *float64  `json:"dram_bandwidth_percent"`
	KernelActivePercent  *float64  `json:"kernel_active_percent"`

	MemoryUsedBytes     *uint64 `json:"memory_used_bytes"`
	MemoryFreeBytes     *uint64 `json:"memory_free_bytes"`
	MemoryReservedBytes *uint64 `json:"memory_reserved_bytes"`
	MemoryTotalBytes    *uint64 `json:"memory_total_bytes"`
	MemoryProcessBytes  *uint64 `json:"memory_process_bytes"`

	SMClockMHz         *float64 `json:"sm_clock_mhz"`
	MemoryClockMHz     *float64 `json:"memory_clock_mhz"`
	PowerWatts         *float64 `json:"power_watts"`
	PowerLimitWatts    *float64 `json:"power_limit_watts"`
	EnergyJoules       *float64 `json:"energy_joules"` // since the driver was loaded
	TemperatureCelsius *float64 `json:"temperature_celsius"`
	// ThrottleReasons is nil if unknown, empty if the clocks are free.
	ThrottleReasons []string `json:"throttle_reasons"`
}

// NoSampler is a Sampler that knows nothing, for machines without NVML, and says why once.
type NoSampler struct {
	reason string
	said   bool
}

// NewNoSampler returns a NoSampler with the reason that it reports; an empty reason reports nothing.
func NewNoSampler(reason string) *NoSampler { return &NoSampler{reason: reason} }

// Latest implements Sampler.
func (*NoSampler) Latest() (Reading, bool) { return Reading{}, false }

// Problems implements Sampler.
func (s *NoSampler) Problems() []string {
	if s.said || s.reason == "" {
		return nil
	}
	s.said = true
	return []string{s.reason}
}

// Close implements Sampler.
func (*NoSampler) Close() error { return nil }
