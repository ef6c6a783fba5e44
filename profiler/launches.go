package profiler

import (
	"fmt"
	"time"
)

// LaunchesRecord holds the kernel launches of one step with a mask. It comes for all masks when an
// engine is ready, and then about once a second for the mask that runs, with its newest mean times;
// in A/B mode for one mask after the other.
type LaunchesRecord struct {
	ES       ESMask   `json:"es"`
	Launches []Launch `json:"launches"` // in order of execution
}

// launchesEvery is the time between two looks at the launches' mean times. Asking takes the engine's
// thread some tens of microseconds.
const launchesEvery = time.Second

// describeAll tells the launches of a new engine with all masks.
func (d *driver) describeAll() {
	d.describedAt = time.Now()
	var e event
	for mask := range ESMask(NumMasks) {
		record, problem := d.describe(mask)
		if problem != "" {
			d.send(event{launchProblem: problem})
			return
		}
		e.launches = append(e.launches, record)
	}
	d.send(e)
}

// describeRunning asks for the newest times, if that is due.
func (d *driver) describeRunning() (records []LaunchesRecord, problem string) {
	if d.engine == nil || time.Since(d.describedAt) < launchesEvery {
		return nil, ""
	}
	d.describedAt = time.Now()
	mask, ab := d.ctl.wanted()
	if ab {
		mask = (d.described + 1) % NumMasks
	}
	d.described = mask
	record, problem := d.describe(mask)
	if problem != "" {
		return nil, problem
	}
	return []LaunchesRecord{record}, ""
}

// describe asks for the launches of a mask. A library that cannot tell them can still be measured, so
// that is a problem to tell and no error.
func (d *driver) describe(mask ESMask) (record LaunchesRecord, problem string) {
	launches, err := d.engine.Launches(mask)
	if err != nil {
		return record, fmt.Sprintf("the launches with es %s: %v", mask, err)
	}
	return LaunchesRecord{ES: mask, Launches: append([]Launch{}, launches...)}, ""
}

// wanted is the mask that was asked for last, and whether A/B mode goes through all of them.
func (c *control) wanted() (mask ESMask, ab bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mask, c.ab
}

// tellLaunches emits what the engine's thread found out about launches.
func (s *session) tellLaunches(e *event) {
	if e.launchProblem != "" {
		s.warn("launches", e.launchProblem)
	}
	for i := range e.launches {
		s.emit(Record{Kind: KindLaunches, Launches: &e.launches[i]})
	}
}
