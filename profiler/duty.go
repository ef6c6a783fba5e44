package profiler

import (
	"fmt"
	"time"
)

// minBurst and minGap are how long the device is busy and idle at least, and one step at least. To
// finish a burst takes some tens of microseconds in which the device is idle anyway, so that many short
// gaps would add up to more than was asked for.
const (
	minBurst = 500 * time.Microsecond
	minGap   = 500 * time.Microsecond
)

// maxLate is how far the account of a duty cycle may be behind before the rest is forgotten. Timers of
// the system are late by up to a millisecond, and that is made up for; a hiccup is not, since it would
// have to be followed by a stretch without any gap.
const maxLate = 50 * time.Millisecond

// duty spaces bursts of steps so that the device is busy a share of the time, as a layer is that takes
// turns with others. The zero value leaves no gaps.
type duty struct {
	share float64   // of the time, above 0; 0 and 1 mean all of it
	since time.Time // when the account was opened; zero if it is not
	busy  time.Duration
}

func (d *duty) on() bool { return d.share > 0 && d.share < 1 }

// burst is how long one call of Run should take; without gaps it is as long as otherwise.
func (d *duty) burst(otherwise time.Duration) time.Duration {
	if !d.on() {
		return otherwise
	}
	forGap := time.Duration(float64(minGap) * d.share / (1 - d.share))
	return min(max(minBurst, forGap), batchTime)
}

// reset forgets the account, because the device did something else.
func (d *duty) reset() { d.since, d.busy = time.Time{}, 0 }

// owed returns how long to wait after a burst that kept the device busy for so long and ended now.
// What one wait was too long, or cut short, the ones after it make up for.
func (d *duty) owed(busy time.Duration, now time.Time) time.Duration {
	if d.since.IsZero() {
		d.since = now.Add(-busy)
	}
	d.busy += busy
	wait := d.since.Add(time.Duration(float64(d.busy) / d.share)).Sub(now)
	if wait < -maxLate {
		d.reset()
		return 0
	}
	return max(wait, 0)
}

// rest leaves the gap of the duty cycle after a burst of steps. A change of what is wanted cuts it
// short.
func (d *driver) rest(steps int) error {
	if !d.duty.on() || d.stepTime == 0 {
		return nil
	}
	if err := d.engine.Sync(); err != nil {
		return fmt.Errorf("finish a burst of steps: %w", err)
	}
	wait := d.duty.owed(time.Duration(steps)*d.stepTime, time.Now())
	if wait == 0 {
		return nil
	}
	if wait >= batchTime {
		// The timings would be late by as much.
		if err := d.report(); err != nil {
			return err
		}
	}
	d.rested = append(d.rested, d.launched)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-d.ctl.wake:
	}
	return nil
}

// hideRests takes our own idling out of the launch gaps of the steps that came after it.
func (d *driver) hideRests(timings []StepTiming) {
	for i := range timings {
		for len(d.rested) > 0 && d.rested[0] < timings[i].Step {
			d.rested = d.rested[1:]
		}
		if len(d.rested) > 0 && d.rested[0] == timings[i].Step {
			timings[i].LaunchGapUS = -1
		}
	}
}
