package profiler

import (
	"fmt"
	"time"
)

// sample emits the state of the session. It is the heartbeat too, so it comes in every state.
func (s *session) sample() Record {
	now := time.Now()
	s.readTelemetry()
	sample := &Sample{
		State:     s.state(),
		ES:        s.mask,
		PendingES: s.pendingES(),
		AB:        s.wantAB,
		AA:        s.wantAB && s.cfg.AA,
		EndedBy:   s.endedBy,
		StalledMS: s.stalled(now).Milliseconds(),
		Stages:    []StageStats{},
		Recent:    s.recent.take(),
		Cycles:    s.conditions.take(now, s.ended),
		NVML:      s.telemetry.newest,
		NVMLMask:  s.telemetry.newestES,
		NVMLStats: s.telemetry.stats(),
		Lost:      s.lost + s.unusable,
	}
	if s.building() {
		sample.Progress = s.progress
	}
	if s.workload != nil {
		sample.Stages, sample.Steps = s.recorder.stages(), s.recorder.stepStats()
		s.addRatios(sample)
		sample.addAttainable(s.workload.Work)
		s.energy.addTo(sample.NVMLStats, s.workload.Workload.Tokens)
	} else {
		sample.Verdict = Verdict{Text: "no verdict yet: the engine is being built"}
	}
	s.addRates(sample, now)
	sample.round()
	record := s.emit(Record{Kind: KindSample, Time: now, Sample: sample})
	if s.cfg.Until && sample.Verdict.Settled && !s.stopping {
		// The evidence holds at whatever time one looks, so that it is complete now; cycles that are
		// still under way are not added to it.
		s.limitReached = true
		s.stop(EndSettled)
	}
	return record
}

// pendingES is the mask that was asked for, until its first step has run.
func (s *session) pendingES() *ESMask {
	if s.wantAB || s.mask == s.wantES {
		return nil
	}
	wanted := s.wantES
	return &wanted
}

// addRatios fills in what A/B mode has compared so far, and the verdict.
func (s *session) addRatios(sample *Sample) {
	c := s.compared
	if !s.wantAB || !s.inAB {
		c = nil
	}
	if c != nil {
		c.evaluate()
	}
	sample.Verdict = s.verdict(c)
	if c == nil {
		return
	}
	sample.ABPairs = c.pairs
	for _, one := range []struct {
		of   *comparison
		into **Ratio
		by   sidesOf
	}{
		{&c.up, &sample.Stages[Up].Ratio, sidesOf{Up.String(), []ESMask{ESOff, ESDown}, []ESMask{ESUp, ESBoth}}},
		{&c.down, &sample.Stages[Down].Ratio, sidesOf{Down.String(), []ESMask{ESOff, ESUp}, []ESMask{ESDown, ESBoth}}},
		{&c.layer[ESUp], &sample.Steps.OnOffRatio, layerSides(ESUp)},
		{&c.layer[ESDown], &sample.Steps.OffOnRatio, layerSides(ESDown)},
		{&c.layer[ESBoth], &sample.Steps.OnOnRatio, layerSides(ESBoth)},
	} {
		ratio, words := s.conditions.addTo(one.of.ratio, one.by)
		*one.into = ratio
		if words != "" {
			sample.Verdict.Text += fmt.Sprintf("; %s: %s", one.by.name, words)
			s.warnOfClocks(one.by.name, words)
		}
	}
}

func layerSides(m ESMask) sidesOf {
	return sidesOf{"layer " + m.Tuple(), []ESMask{ESOff}, []ESMask{m}}
}

// warnOfClocks warns once of each comparison, since the figures change with each sample.
func (s *session) warnOfClocks(name, words string) {
	if s.clocksSaid[name] {
		return
	}
	s.clocksSaid[name] = true
	s.warn("clocks", fmt.Sprintf("the sides of %s ran at %s: the ratio compares clocks, too", name, words))
}

// verdict says what the comparisons, or their absence, mean.
func (s *session) verdict(c *comparisons) Verdict {
	var v Verdict
	if s.cfg.AA {
		v = judgeSame(s.wantES, c)
	} else {
		v = judge(s.workload.Engine, s.workload.Kernels, c)
	}
	if s.endedBy == EndMaxDuration && !v.Settled {
		v = v.giveUp(c, s.cfg.Duration)
	}
	return v
}

// addRates fills in what is counted from sample to sample.
func (s *session) addRates(sample *Sample, now time.Time) {
	here := mark{time: now, finished: s.finished, cpu: s.cfg.CPUTime()}
	here.resting = sample.State == StatePaused && here.finished == s.lastSample.finished
	if elapsed := now.Sub(s.lastSample.time).Seconds(); elapsed > 0 {
		sample.StepsPerSecond = float64(here.finished-s.lastSample.finished) / elapsed
		sample.CPUPercent = 100 * (here.cpu - s.lastSample.cpu).Seconds() / elapsed
	}
	if !s.measuringSince.IsZero() {
		sample.ElapsedS = now.Sub(s.measuringSince).Seconds()
		sample.CPUSeconds = (here.cpu - s.cpuSince).Seconds()
	}
	s.lastSample = here
}

// observe looks whether the sampler has a new reading, as often as there are timings: a sample may
// come too late to tell what ran then.
func (s *session) observe() {
	if s.sampler.current == nil {
		return
	}
	r, ok := s.sampler.current.Latest()
	if !ok || r.Stale || !r.Time.After(s.observed) {
		return
	}
	s.observed = r.Time
	r.dropNonFinite()
	s.conditions.add(&r)
	s.energy.add(&r, s.finished, &s.attribution)
}

// readTelemetry takes the sampler's newest reading and its complaints.
func (s *session) readTelemetry() {
	if problem := s.sampler.problem; problem != "" {
		s.warn("nvml", problem)
	}
	if s.sampler.current == nil {
		return
	}
	if reading, ok := s.sampler.current.Latest(); ok {
		s.telemetry.add(reading, &s.attribution)
	}
	for _, problem := range s.sampler.current.Problems() {
		s.warn("nvml", problem)
	}
}
