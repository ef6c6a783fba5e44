package profiler

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// How families are tried. Rounds go through them forward and backward in turn, so that a GPU that gets
// warmer or slower burdens all alike.
const (
	trialWarmup = 25 * time.Millisecond // of each family, before the first round
	trialBurst  = 4 * time.Millisecond  // of a family with a mask in a round, in whole turns of the ring
	minRounds   = 12
	maxRounds   = 40
	// trialTime ends a trial whose steps are long.
	trialTime = 3 * time.Second
	// inTurnMargin is by how much a family has to be faster that was not measured beside the others.
	inTurnMargin = 0.02
)

// trial is a family on trial.
type trial struct {
	family string
	engine Engine
	built  time.Duration
	inTurn bool // not measured beside the others
	steps  uint64
	lost   uint64
	times  [NumMasks][]float64 // a round each, in microseconds a step
	err    error
}

// trialMasks are those that the session runs.
func (d *driver) trialMasks() []ESMask {
	mask, ab := d.ctl.wanted()
	if !ab {
		return []ESMask{mask}
	}
	return []ESMask{ESOff, ESUp, ESDown, ESBoth}
}

// runTrials measures the families. One that fails has an error then, and the others go on.
func (d *driver) runTrials(trials []*trial) {
	masks := d.trialMasks()
	d.trialProgress("warming up")
	for _, one := range trials {
		for begun := time.Now(); one.err == nil && time.Since(begun) < trialWarmup; {
			for _, mask := range masks {
				one.burst(mask, d.ring)
			}
		}
		for mask := range one.times {
			one.times[mask] = nil
		}
	}
	begun := time.Now()
	for round := range maxRounds {
		d.trialProgress(fmt.Sprintf("round %d", round+1))
		order := slices.Clone(trials)
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, one := range order {
			for _, mask := range masks {
				one.burst(mask, d.ring)
			}
		}
		if round+1 >= minRounds && decided(trials) || time.Since(begun) > trialTime || d.ctl.stopping() {
			return
		}
	}
}

// trialProgress says what the trial does. A session gives up a trial that says nothing for too long.
func (d *driver) trialProgress(text string) {
	d.send(event{progress: "comparing the kernel families: " + text, trial: true})
}

// decided reports whether more rounds would not change which family is the fastest.
func decided(trials []*trial) bool {
	if len(trials) < 2 || trials[0].err != nil {
		return true
	}
	for _, other := range trials[1:] {
		if other.err == nil {
			if r := trials[0].ratioTo(other); r == nil || !r.Significant() {
				return false
			}
		}
	}
	return true
}

// burst runs whole turns of the ring with a mask and keeps the time of a step.
func (t *trial) burst(mask ESMask, ring int) {
	if t.err != nil {
		return
	}
	turns := 1
	if known := t.times[mask]; len(known) > 0 {
		turn := time.Duration(known[0] * float64(ring) * float64(time.Microsecond))
		turns = max(1, int(trialBurst/max(turn, time.Microsecond)))
	}
	n := turns * ring
	t.engine.SetES(mask)
	begun := time.Now()
	if t.err = t.engine.Run(n); t.err == nil {
		t.err = t.engine.Sync()
	}
	wall := time.Since(begun)
	if t.err != nil {
		return
	}
	t.steps += uint64(n)
	step, err := t.stepTime(n)
	if t.err = err; err != nil {
		return
	}
	if step == 0 {
		// Without a timer the clock of the host has to do.
		step = float64(wall) / float64(time.Microsecond) / float64(n)
	}
	t.times[mask] = append(t.times[mask], step)
}

// stepTime reads the timings of the newest n steps, which may come a moment after them; 0 if they do
// not come.
func (t *trial) stepTime(n int) (us float64, err error) {
	var steps []float64
	for range drainTries {
		timings, lost, err := t.engine.Timings(nil)
		if err != nil {
			return 0, fmt.Errorf("read the timings: %w", err)
		}
		for i := range timings {
			if usable(&timings[i]) {
				steps = append(steps, timings[i].StepUS)
			}
		}
		missing := n - len(steps) - int(lost-t.lost)
		if missing <= 0 || t.engine.Info().Timer == "none" {
			t.lost = lost
			break
		}
		time.Sleep(drainPause)
	}
	return midmean(steps), nil
}

// best is the mask that the family is judged by, with its time; NaN if it has none.
func (t *trial) best() (mask ESMask, us float64) {
	us = math.NaN()
	for m := range ESMask(NumMasks) {
		if len(t.times[m]) == 0 {
			continue
		}
		median := medianOfSorted(slices.Sorted(slices.Values(t.times[m])))
		if !(median >= us) {
			mask, us = m, median
		}
	}
	return mask, us
}

func (t *trial) time() FamilyTime {
	mask, us := t.best()
	return FamilyTime{Kernels: t.family, ES: mask, MedianUS: rounded(us, roundUS), Rounds: len(t.times[mask])}
}

// ratioTo is the other's time over this one's, round by round; nil while that has no interval.
func (t *trial) ratioTo(other *trial) *Ratio {
	if t.inTurn || other.inTurn {
		return nil
	}
	mine, _ := t.best()
	theirs, _ := other.best()
	var c comparison
	for i := range min(len(t.times[mine]), len(other.times[theirs])) {
		c.add(other.times[theirs][i], t.times[mine][i])
	}
	c.evaluate()
	return c.ratio.rounded()
}

// fastest is the first family, unless another is faster beyond doubt, and what to say of it.
func fastest(trials []*trial) (best *trial, text string) {
	best = trials[0]
	for _, other := range trials[1:] {
		_, mine := best.best()
		_, theirs := other.best()
		ratio := other.ratioTo(best)
		if ratio != nil && ratio.Low > 1 || ratio == nil && other.inTurn && theirs < mine*(1-inTurnMargin) {
			best = other
		}
	}
	for _, other := range trials {
		if other == best {
			continue
		}
		mine, them := best.time(), other.time()
		times := fmt.Sprintf("%.1f against %.1f µs a step with enable_es=%s", mine.MedianUS, them.MedianUS, mine.ES.Tuple())
		if mine.ES != them.ES {
			times += " and " + them.ES.Tuple()
		}
		switch ratio := best.ratioTo(other); {
		case ratio != nil && ratio.Low > 1:
			text += fmt.Sprintf("%s is %s as fast as %s: %s, %d interleaved rounds", best.family, ratioText(ratio), other.family, times, mine.Rounds)
		case ratio != nil:
			text += fmt.Sprintf("%s: %s is not faster beyond doubt (%s): %s", best.family, other.family, ratioText(ratio), times)
		default:
			text += fmt.Sprintf("%s: %s", best.family, times)
		}
	}
	if text == "" {
		text = best.family + ": no other family runs here"
	}
	return best, text
}

// fresh is the engine without the steps that it ran on trial.
func (t *trial) fresh() Engine { return triedEngine{t.engine, t.steps, t.lost} }

// triedEngine counts its steps from the end of its trial.
type triedEngine struct {
	Engine
	steps, lost uint64
}

// SetES implements Engine.
func (e triedEngine) SetES(mask ESMask) uint64 { return e.Engine.SetES(mask) - e.steps }

// Timings implements Engine. One that is late belongs to the trial and was counted as lost there.
func (e triedEngine) Timings(dst []StepTiming) ([]StepTiming, uint64, error) {
	before := len(dst)
	timings, lost, err := e.Engine.Timings(dst)
	kept := timings[:before]
	for _, t := range timings[before:] {
		if t.Step >= e.steps {
			t.Step -= e.steps
			kept = append(kept, t)
		}
	}
	return kept, lost - min(e.lost, lost), err
}
