package profiler

import "time"

// sample emits the state of the session. It is the heartbeat too, so it comes in every state.
func (s *session) sample() Record {
	now := time.Now()
	s.readTelemetry()
	sample := &Sample{
		State:     s.state(),
		ES:        s.mask,
		PendingES: s.pendingES(),
		AB:        s.wantAB,
		StalledMS: s.stalled(now).Milliseconds(),
		Stages:    []StageStats{},
		Recent:    s.recent.take(),
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
	} else {
		sample.Verdict = Verdict{Text: "no verdict yet: the engine is being built"}
	}
	s.addRates(sample, now)
	sample.round()
	return s.emit(Record{Kind: KindSample, Time: now, Sample: sample})
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
	if c == nil {
		sample.Verdict = judge(s.workload.Engine, nil)
		return
	}
	c.evaluate()
	sample.Verdict = judge(s.workload.Engine, c)
	sample.ABPairs = c.pairs
	sample.Stages[Up].Ratio = c.up.ratio
	sample.Stages[Down].Ratio = c.down.ratio
	sample.Steps.OnOffRatio = c.layer[ESUp].ratio
	sample.Steps.OffOnRatio = c.layer[ESDown].ratio
	sample.Steps.OnOnRatio = c.layer[ESBoth].ratio
}

// addRates fills in what is counted from sample to sample.
func (s *session) addRates(sample *Sample, now time.Time) {
	here := mark{time: now, finished: s.finished, cpu: s.cfg.CPUTime()}
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
