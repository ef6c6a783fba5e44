package profiler

import "time"

// How joules become joules per token: between two readings that follow each other while one mask ran
// alone (or A/B mode did), the GPU's own counter grew by some joules and some steps finished. Where
// there is no counter, the mean power of the two readings times the time between them stands in.

// interleavedSpan stands in an attribution for the four masks in turn. It is no mask.
const interleavedSpan = NumMasks

// minEnergyTime is the least time that a figure has to rest on: the counter moves in steps of some
// 100 ms, and timings come late by tens.
const minEnergyTime = time.Second

// Where a figure of energy comes from.
const (
	energyFromCounter = "counter"
	energyFromPower   = "power"
)

// energyMeter adds up the energy of one workload.
type energyMeter struct {
	last     *Reading
	finished uint64 // steps when last was read
	counter  [NumMasks + 1]energySum
	power    [NumMasks + 1]energySum
}

type energySum struct {
	joules float64
	steps  uint64
	time   time.Duration
}

func (e *energySum) add(joules float64, steps uint64, passed time.Duration) {
	e.joules += joules
	e.steps += steps
	e.time += passed
}

// add takes a reading that was not seen before. finished are the steps until then; a tells what ran.
func (e *energyMeter) add(r *Reading, finished uint64, a *attribution) {
	before, since := e.last, e.finished
	e.last, e.finished = r, finished
	if before == nil || finished < since {
		return
	}
	span, ok := a.mask(before.Time, r.Time)
	if !ok {
		return
	}
	steps, passed := finished-since, r.Time.Sub(before.Time)
	// A counter that went back was reset with the driver.
	if from, to := before.EnergyJoules, r.EnergyJoules; from != nil && to != nil && *to >= *from {
		e.counter[span].add(*to-*from, steps, passed)
	}
	if from, to := before.PowerWatts, r.PowerWatts; from != nil && to != nil {
		e.power[span].add((*from+*to)/2*passed.Seconds(), steps, passed)
	}
}

// perToken returns the joules per token of the spans together; nil if too little is known.
func (e *energyMeter) perToken(tokens int, spans ...ESMask) (joules *float64, source *string) {
	for _, from := range []struct {
		name string
		sums *[NumMasks + 1]energySum
	}{{energyFromCounter, &e.counter}, {energyFromPower, &e.power}} {
		var sum energySum
		for _, span := range spans {
			one := &from.sums[span]
			sum.add(one.joules, one.steps, one.time)
		}
		if sum.time >= minEnergyTime && sum.steps > 0 && tokens > 0 {
			value := sum.joules / (float64(sum.steps) * float64(tokens))
			return &value, &from.name
		}
	}
	return nil, nil
}

// addTo fills in the energy of a workload's steps.
func (e *energyMeter) addTo(stats *NVMLStats, tokens int) {
	if stats == nil {
		return
	}
	stats.EnergyJoulesPerToken, stats.EnergySource = e.perToken(tokens, ESOff, ESUp, ESDown, ESBoth, interleavedSpan)
	for m := range ESMask(NumMasks) {
		joules, _ := e.perToken(tokens, m)
		if joules == nil {
			continue
		}
		if stats.ByES[m.String()] == nil {
			stats.ByES[m.String()] = &MaskNVML{}
		}
		stats.ByES[m.String()].EnergyJoulesPerToken = joules
	}
}
