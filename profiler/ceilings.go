package profiler

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Ceilings are what a GPU reaches at best, measured on it by kernels that do one thing each. Nothing
// in them comes from a data sheet.
type Ceilings struct {
	// ReadBytesPerS is a stream of reads from DRAM, and L2ReadBytesPerS one of data that stay in the L2
	// cache.
	ReadBytesPerS   float64 `json:"read_bytes_per_s"`
	L2ReadBytesPerS float64 `json:"l2_read_bytes_per_s"`
	// WriteCost is what writes to DRAM cost beside a stream of reads, in rising order of bytes.
	WriteCost []WriteCost `json:"write_cost"`
	// FP8FlopsPerS is the tensor cores' rate on random E4M3 data in short bursts, when the SM clock was
	// SMClockMHz: under a long load the power limit lowers the clock, and the rate with it.
	FP8FlopsPerS float64 `json:"fp8_flops_per_s"`
	SMClockMHz   float64 `json:"sm_clock_mhz"`
	// KernelUS is what an empty kernel takes as one of many in a graph.
	KernelUS float64 `json:"kernel_us"`
	// SpreadPercent is the interquartile range of the repeats over their median, of the quantity where
	// it was largest.
	SpreadPercent float64   `json:"spread_percent"`
	MeasuredAt    time.Time `json:"measured_at"`
}

// WriteCost is how much longer a stream of reads takes that writes so many bytes on its way.
type WriteCost struct {
	WrittenBytes float64 `json:"written_bytes"`
	ExtraUS      float64 `json:"extra_us"`
}

// String is a line for people.
func (c *Ceilings) String() string {
	var written, cost []string
	for _, point := range c.WriteCost {
		if point.WrittenBytes > 0 {
			written = append(written, fmt.Sprintf("%.0f", point.WrittenBytes/(1<<20)))
			cost = append(cost, fmt.Sprintf("%.1f", point.ExtraUS))
		}
	}
	return fmt.Sprintf("DRAM %.0f GB/s, L2 %.0f GB/s, %s MiB of writes cost %s us, FP8 %.0f TFLOP/s at %.0f MHz, "+
		"an empty kernel %.2f us; repeats within %.1f %%",
		c.ReadBytesPerS/1e9, c.L2ReadBytesPerS/1e9, strings.Join(written, "/"), strings.Join(cost, "/"),
		c.FP8FlopsPerS/1e12, c.SMClockMHz, c.KernelUS, c.SpreadPercent)
}

// Valid says what is wrong with ceilings that a library or a file made up: limits that nothing could
// be compared with.
func (c *Ceilings) Valid() error {
	for _, figure := range []struct {
		name  string
		value float64
	}{
		{"read_bytes_per_s", c.ReadBytesPerS},
		{"l2_read_bytes_per_s", c.L2ReadBytesPerS},
		{"fp8_flops_per_s", c.FP8FlopsPerS},
		{"sm_clock_mhz", c.SMClockMHz},
		{"kernel_us", c.KernelUS},
	} {
		if !(figure.value > 0) || math.IsInf(figure.value, 1) {
			return fmt.Errorf("%s is %g, not above 0", figure.name, figure.value)
		}
	}
	if !finiteTime(c.SpreadPercent) {
		return fmt.Errorf("spread_percent is %g, not 0 or more", c.SpreadPercent)
	}
	before := WriteCost{WrittenBytes: -1}
	for _, point := range c.WriteCost {
		if !finiteTime(point.WrittenBytes) || !finiteTime(point.ExtraUS) ||
			point.WrittenBytes <= before.WrittenBytes || point.ExtraUS < before.ExtraUS {
			return fmt.Errorf("write_cost has %g µs at %g bytes after %g µs at %g: not in rising order",
				point.ExtraUS, point.WrittenBytes, before.ExtraUS, before.WrittenBytes)
		}
		before = point
	}
	return nil
}

// writeUS is what writing so many bytes beside a stream of reads costs: straight lines between the
// measured points, from nothing for nothing, and the last slope beyond them.
func (c *Ceilings) writeUS(bytes float64) float64 {
	var from, to WriteCost
	for _, point := range c.WriteCost {
		if point.WrittenBytes == 0 {
			continue
		}
		from, to = to, point
		if bytes <= point.WrittenBytes {
			break
		}
	}
	if to.WrittenBytes == 0 {
		return 0
	}
	return from.ExtraUS + (bytes-from.WrittenBytes)*(to.ExtraUS-from.ExtraUS)/(to.WrittenBytes-from.WrittenBytes)
}
