package profiler

import (
	"math"
	"slices"
	"time"
)

// attribution knows during which spans one ES mask ran alone, so that a reading of the GPU's own
// instruments is credited to a mask only if its whole window lies in such a span.
type attribution struct {
	open  *span
	spans []span // closed, oldest first
}

type span struct {
	mask     ESMask
	from, to time.Time
}

// maxSpans is how many closed spans are kept: a window is at most a few seconds old.
const maxSpans = 16

// begin says that from now on every step runs with the mask.
func (a *attribution) begin(mask ESMask, now time.Time) {
	if a.open == nil {
		a.open = &span{mask: mask, from: now}
	}
}

// end says that from now on steps may run with another mask, or not at all.
func (a *attribution) end(now time.Time) {
	if a.open == nil {
		return
	}
	a.open.to = now
	a.spans = append(a.spans, *a.open)
	if len(a.spans) > maxSpans {
		a.spans = slices.Delete(a.spans, 0, 1)
	}
	a.open = nil
}

// mask returns the mask that the whole window ran with, or interleavedSpan.
func (a *attribution) mask(start, end time.Time) (ESMask, bool) {
	if start.IsZero() || end.IsZero() {
		return 0, false
	}
	if a.open != nil && !start.Before(a.open.from) {
		return a.open.mask, true
	}
	for _, s := range a.spans {
		if !start.Before(s.from) && !end.After(s.to) {
			return s.mask, true
		}
	}
	return 0, false
}

// spread is the distribution of one figure, kept sorted.
type spread struct {
	values   []float64
	count    int
	min, max float64
}

// maxSpread bounds the memory of a spread: a few hours at four readings a second. Beyond it every
// second value goes, which keeps the quantiles.
const maxSpread = 1 << 15

func (s *spread) add(v *float64) {
	if v == nil {
		return
	}
	if s.count == 0 {
		s.min, s.max = *v, *v
	}
	s.count++
	s.min, s.max = min(s.min, *v), max(s.max, *v)
	if len(s.values) == maxSpread {
		for i := range maxSpread / 2 {
			s.values[i] = s.values[2*i]
		}
		s.values = s.values[:maxSpread/2]
	}
	at, _ := slices.BinarySearch(s.values, *v)
	s.values = slices.Insert(s.values, at, *v)
}

// bounds returns nil if nothing was read.
func (s *spread) bounds() *Range {
	if s.count == 0 {
		return nil
	}
	return &Range{Median: medianOfSorted(s.values), Min: s.min, Max: s.max, Count: s.count}
}

// gpmSpread are the metrics that hold for a window.
type gpmSpread struct{ sm, occupancy, tensor, dram spread }

// maskSpread are the figures of one mask. Clock and power hold for a moment.
type maskSpread struct {
	gpmSpread
	clock, power spread
}

func (g *gpmSpread) add(r *Reading) {
	g.sm.add(r.SMUtilizationPercent)
	g.occupancy.add(r.SMOccupancyPercent)
	g.tensor.add(r.TensorPercent)
	g.dram.add(r.DRAMPercent)
}

// telemetry gathers the readings of one workload.
type telemetry struct {
	since     time.Time // readings of an earlier time belong to another workload
	lastTime  time.Time
	lastEnd   time.Time
	newest    *Reading
	newestES  *ESMask
	all       gpmSpread
	byMask    [NumMasks]*maskSpread
	active    spread
	power     spread
	clock     spread
	heat      spread
	throttles []string
}

// startWorkload forgets what was gathered; the newest reading stays on show.
func (t *telemetry) startWorkload(now time.Time) {
	*t = telemetry{since: now, lastTime: t.lastTime, lastEnd: t.lastEnd, newest: t.newest}
}

// add takes the newest reading, which may be one that was seen before.
func (t *telemetry) add(r Reading, a *attribution) {
	r.dropNonFinite()
	r.round()
	t.newest, t.newestES = &r, nil
	if mask, ok := a.mask(r.WindowStart, r.WindowEnd); ok && mask < NumMasks {
		t.newestES = &mask
	}
	if r.Stale {
		return
	}
	if r.Time.After(t.lastTime) && !r.Time.Before(t.since) {
		t.lastTime = r.Time
		t.active.add(r.KernelActivePercent)
		t.power.add(r.PowerWatts)
		t.clock.add(r.SMClockMHz)
		t.heat.add(r.TemperatureCelsius)
		t.throttles = mergeWords(t.throttles, r.ThrottleReasons)
		if mask, ok := a.mask(r.Time, r.Time); ok && mask < NumMasks {
			of := t.of(mask)
			of.clock.add(r.SMClockMHz)
			of.power.add(r.PowerWatts)
		}
	}
	if r.WindowEnd.After(t.lastEnd) && !r.WindowStart.Before(t.since) {
		t.lastEnd = r.WindowEnd
		t.all.add(&r)
		if t.newestES != nil {
			t.of(*t.newestES).add(&r)
		}
	}
}

// of returns what is gathered of a mask.
func (t *telemetry) of(mask ESMask) *maskSpread {
	if t.byMask[mask] == nil {
		t.byMask[mask] = &maskSpread{}
	}
	return t.byMask[mask]
}

// stats returns nil while nothing was read.
func (t *telemetry) stats() *NVMLStats {
	if t.newest == nil {
		return nil
	}
	stats := &NVMLStats{
		SMUtilizationPercent: t.all.sm.bounds(),
		SMOccupancyPercent:   t.all.occupancy.bounds(),
		TensorPercent:        t.all.tensor.bounds(),
		DRAMPercent:          t.all.dram.bounds(),
		KernelActivePercent:  t.active.bounds(),
		PowerWatts:           t.power.bounds(),
		SMClockMHz:           t.clock.bounds(),
		TemperatureCelsius:   t.heat.bounds(),
		MemoryUsedBytes:      t.newest.MemoryUsedBytes,
		MemoryFreeBytes:      t.newest.MemoryFreeBytes,
		MemoryReservedBytes:  t.newest.MemoryReservedBytes,
		MemoryTotalBytes:     t.newest.MemoryTotalBytes,
		MemoryProcessBytes:   t.newest.MemoryProcessBytes,
		ThrottleReasons:      slices.Clone(t.throttles),
		ByES:                 map[string]*MaskNVML{},
	}
	for m, of := range t.byMask {
		if of != nil {
			stats.ByES[ESMask(m).String()] = &MaskNVML{
				SMUtilizationPercent: of.sm.bounds(),
				SMOccupancyPercent:   of.occupancy.bounds(),
				TensorPercent:        of.tensor.bounds(),
				DRAMPercent:          of.dram.bounds(),
				SMClockMHz:           of.clock.bounds(),
				PowerWatts:           of.power.bounds(),
			}
		}
	}
	return stats
}

// dropNonFinite makes "not a number" what it means: unknown.
func (r *Reading) dropNonFinite() {
	for _, v := range []**float64{
		&r.SMUtilizationPercent, &r.SMOccupancyPercent, &r.TensorPercent, &r.DRAMPercent, &r.KernelActivePercent,
		&r.SMClockMHz, &r.MemoryClockMHz, &r.PowerWatts, &r.PowerLimitWatts, &r.EnergyJoules, &r.TemperatureCelsius,
	} {
		if *v != nil && (math.IsNaN(**v) || math.IsInf(**v, 0)) {
			*v = nil
		}
	}
}
