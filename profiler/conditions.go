package profiler

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A/B mode keeps off and on alike but for ES. What it cannot keep alike is the GPU itself: it lowers
// its clocks where a side takes more power. So each cycle carries the reading nearest to it, and each
// reading is credited to the block that ran when it was taken.
const (
	// stepsInFlight is how many steps an engine may still be running when the next one is launched.
	stepsInFlight = 4
	// nearestReading is how far from a cycle a reading may be to be told with it.
	nearestReading = time.Second
	// maxReadings, maxPendingBlocks and maxCycles bound what waits for its counterpart.
	maxReadings      = 32
	maxPendingBlocks = 512
	maxCycles        = 64
	// minMaskReadings is the least number of readings whose median says something of a mask.
	minMaskReadings = 3
	// clocksApart is the difference between the clocks of two sides that a comparison has to mention.
	clocksApart = 0.02
)

// condition is what one reading says of the GPU's pace.
type condition struct {
	time      time.Time
	clockMHz  *float64
	watts     *float64
	throttles []string
}

// conditions gathers at what clocks and power a run of A/B mode took place.
type conditions struct {
	from     uint64 // blocks that start before this step are not used
	readings []condition
	fresh    []condition // those whose block is not yet known to be over
	blocks   []block
	cycles   []Cycle
	sides    [NumMasks]sideReadings
}

// sideReadings are the readings that were taken while a mask ran.
type sideReadings struct {
	clocks, watts spread
	throttles     []string
	count         int
}

// startAt forgets the sides; only blocks that start at the step or later count.
func (c *conditions) startAt(step uint64) {
	*c = conditions{from: step, readings: c.readings}
}

// expect announces blocks in the order of their steps.
func (c *conditions) expect(blocks []block) {
	for _, b := range blocks {
		if b.first >= c.from {
			c.blocks = append(c.blocks, b)
		}
	}
	c.credit()
	if n := len(c.blocks); n > maxPendingBlocks {
		c.blocks = slices.Delete(c.blocks, 0, n-maxPendingBlocks)
	}
}

// add takes a reading that was not seen before.
func (c *conditions) add(r *Reading) {
	one := condition{time: r.Time, clockMHz: r.SMClockMHz, watts: r.PowerWatts, throttles: r.ThrottleReasons}
	c.readings = appendBounded(c.readings, one, maxReadings)
	c.fresh = appendBounded(c.fresh, one, maxReadings)
	c.credit()
}

func appendBounded[T any](all []T, one T, most int) []T {
	if len(all) == most {
		all = slices.Delete(all, 0, 1)
	}
	return append(all, one)
}

// credit gives the readings to the sides that ran when they were taken. It waits until the block after
// has begun, since only then the end of a block is known.
func (c *conditions) credit() {
	for len(c.fresh) > 0 && len(c.blocks) > 1 {
		reading := c.fresh[0]
		if !reading.time.Before(c.blocks[1].began) {
			c.blocks = slices.Delete(c.blocks, 0, 1)
			continue
		}
		if now := c.blocks[0]; now.covers(reading.time, c.blocks[1]) {
			c.sides[now.mask].add(reading)
		}
		c.fresh = slices.Delete(c.fresh, 0, 1)
	}
}

// covers reports whether nothing but the block ran at a time. The steps in flight when it was launched
// belong to the block before; and a block that was not followed at once by the next may have ended
// long before.
func (b block) covers(at time.Time, next block) bool {
	certain := b.began.Add(stepsInFlight * b.stepTime)
	return next.first == b.end() && !next.fresh && !at.Before(certain) && at.Before(next.began)
}

func (s *sideReadings) add(one condition) {
	s.count++
	s.clocks.add(one.clockMHz)
	s.watts.add(one.watts)
	s.throttles = mergeWords(s.throttles, one.throttles)
}

// mergeWords adds the words that are not yet there. Nil is unknown, empty is none.
func mergeWords(all, more []string) []string {
	if more != nil && all == nil {
		all = []string{}
	}
	for _, word := range more {
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	return all
}

// side summarizes the readings of some masks; nil if there are none.
func (c *conditions) side(masks []ESMask) *SideConditions {
	out := &SideConditions{}
	var clocks, watts []*spread
	for _, m := range masks {
		s := &c.sides[m]
		out.Readings += s.count
		clocks, watts = append(clocks, &s.clocks), append(watts, &s.watts)
		out.ThrottleReasons = mergeWords(out.ThrottleReasons, s.throttles)
	}
	if out.Readings == 0 {
		return nil
	}
	out.SMClockMHz, out.PowerWatts = meanOfMedians(clocks), meanOfMedians(watts)
	return out
}

// meanOfMedians weighs each mask alike, as the ratio does: by chance one of them may have been read
// more often than another. It is nil unless all were read.
func meanOfMedians(spreads []*spread) *float64 {
	sum := 0.0
	for _, s := range spreads {
		if s.count == 0 {
			return nil
		}
		sum += medianOfSorted(s.values)
	}
	mean := sum / float64(len(spreads))
	return &mean
}

// sidesOf is a comparison by the masks of its two sides.
type sidesOf struct {
	name    string
	off, on []ESMask
}

// addTo fills in the conditions of a ratio's sides. The words say by how much their clocks differ; they
// are empty if they do not, or if too little is known.
func (c *conditions) addTo(r *Ratio, sides sidesOf) (with *Ratio, words string) {
	if r == nil {
		return nil, ""
	}
	whole := *r
	whole.OffConditions, whole.OnConditions = c.side(sides.off), c.side(sides.on)
	for _, m := range append(slices.Clone(sides.off), sides.on...) {
		if c.sides[m].clocks.count < minMaskReadings {
			return &whole, ""
		}
	}
	off, on := *whole.OffConditions.SMClockMHz, *whole.OnConditions.SMClockMHz
	apart := math.Abs(off-on) / max(off, on)
	if !(apart > clocksApart) {
		return &whole, ""
	}
	return &whole, fmt.Sprintf("SM clocks %.1f%% apart (off %.0f MHz, on %.0f MHz)", 100*apart, off, on)
}

// keep remembers a cycle until it can be told with the reading nearest to it.
func (c *conditions) keep(v *cycleValues, end time.Time) {
	cycle := Cycle{
		Cycle: v.cycle, Step: v.first, Time: v.began.Add(end.Sub(v.began) / 2),
		UpRatio: millionths(v.upRatio()), DownRatio: millionths(v.downRatio()),
		LayerRatio: millionths(v.step[ESOff] / v.step[ESBoth]),
	}
	cycle.UpUS[0], cycle.UpUS[1] = v.upSides()
	cycle.DownUS[0], cycle.DownUS[1] = v.downSides()
	cycle.LayerUS = v.step
	for _, times := range [][]float64{cycle.UpUS[:], cycle.DownUS[:], cycle.LayerUS[:]} {
		for i, us := range times {
			times[i] = rounded(us, roundUS)
		}
	}
	c.cycles = appendBounded(c.cycles, cycle, maxCycles)
}

// millionths leaves out digits that no measurement has and every reader of the stream would pay for.
func millionths(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// take returns the cycles whose nearest reading is known, or is not going to come. With all set it
// waits for none.
func (c *conditions) take(now time.Time, all bool) []Cycle {
	newest := time.Time{}
	if n := len(c.readings); n > 0 {
		newest = c.readings[n-1].time
	}
	ready := 0
	for ready < len(c.cycles) {
		at := c.cycles[ready].Time
		if !all && newest.Before(at) && now.Sub(at) < nearestReading {
			break
		}
		c.describe(&c.cycles[ready])
		ready++
	}
	taken := append([]Cycle{}, c.cycles[:ready]...)
	c.cycles = slices.Delete(c.cycles, 0, ready)
	return taken
}

// describe fills in the reading nearest to a cycle.
func (c *conditions) describe(cycle *Cycle) {
	best, found := nearestReading, false
	for i := range c.readings {
		r := &c.readings[i]
		distance := r.time.Sub(cycle.Time).Abs()
		if distance > best {
			continue
		}
		best, found = distance, true
		cycle.SMClockMHz, cycle.PowerWatts, cycle.ThrottleReasons = r.clockMHz, r.watts, r.throttles
	}
	if found {
		ms := float64(best.Round(100*time.Microsecond)) / float64(time.Millisecond)
		cycle.ReadingDistanceMS = &ms
	}
}
