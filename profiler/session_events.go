package profiler

import "time"

// handle takes an event of the engine's thread.
func (s *session) handle(e *event) error {
	now := time.Now()
	if e.progress != "" {
		s.progress, s.trial, s.lastProgress = e.progress, e.trial, now
	}
	if e.built != nil {
		s.built(e.built, now)
	}
	s.tellLaunches(e)
	s.cycles.expect(e.blocks)
	s.conditions.expect(e.blocks)
	if e.resumed != nil {
		s.resumed = e.resumed
	}
	for i := range e.timings {
		s.step(&e.timings[i], now)
	}
	if cap(e.timings) > 0 {
		select {
		case s.free <- e.timings[:0]:
		default:
		}
	}
	if e.finished > s.finished {
		s.finished, s.lastProgress = e.finished, now
		s.startMeasuring(now)
	}
	s.lost, s.stepTime = e.lost, e.stepTime
	s.applyReset(s.finished)
	s.attribute(now)
	s.observe()
	if e.done {
		s.limitReached = true
		s.stop(EndSteps)
	}
	s.quit = e.quit
	return e.err
}

// startMeasuring starts the clock with the first steps after the first warm-up.
func (s *session) startMeasuring(now time.Time) {
	if !s.measuringSince.IsZero() || s.finished <= s.base+uint64(s.cfg.Warmup) {
		return
	}
	s.measuringSince, s.cpuSince = now, s.cfg.CPUTime()
	s.armTimer(0)
}

// step takes one timing. Steps come in order.
func (s *session) step(t *StepTiming, now time.Time) {
	if !usable(t) {
		s.unusable++
		return
	}
	s.applyReset(t.Step)
	s.applyMode(t)
	if s.haveMask && t.Mask != s.mask && !s.inAB {
		s.toggled(t)
	}
	s.mask, s.haveMask = t.Mask, true
	s.recent.add(t.Step, t)
	if t.Step < s.base+uint64(s.cfg.Warmup) {
		return
	}
	launchGap := s.resumed == nil || t.Step != *s.resumed
	s.recorder.record(t, now, launchGap)
	if !s.inAB {
		return
	}
	if values, ok := s.cycles.add(t.Step, t); ok && s.endedBy != EndSettled {
		s.compared.add(&values)
		s.conditions.keep(&values, now)
	}
}

// applyReset forgets all statistics once the steps of the time before are through.
func (s *session) applyReset(next uint64) {
	if s.resetAt == nil || next < *s.resetAt {
		return
	}
	s.resetAt = nil
	s.recorder.forget()
	s.recorder.startGeneration()
	s.telemetry.startWorkload(time.Now())
	s.energy = energyMeter{}
	if s.inAB {
		s.startCycles(next)
	}
}

// applyMode enters or leaves A/B mode when the step is the first on the other side.
func (s *session) applyMode(t *StepTiming) {
	if s.enterAB != nil && t.Step >= *s.enterAB {
		s.enterAB = nil
		s.inAB = true
		s.recorder.startGeneration()
		s.startCycles(t.Step)
	}
	if s.leaveFrom != nil && t.Step >= *s.leaveFrom && t.Mask == s.wantES {
		s.leaveFrom = nil
		s.inAB, s.compared = false, nil
		if s.haveMask && t.Mask != s.mask {
			// The toggle starts the generation.
			return
		}
		s.recorder.startGeneration()
	}
}

// startCycles begins to compare from the step on.
func (s *session) startCycles(step uint64) {
	s.cycles.startAt(step)
	s.compared = &comparisons{width: s.cfg.UntilWidth}
	s.conditions.startAt(step)
	s.clocksSaid = map[string]bool{}
}

// toggled starts a generation with the first step that ran with another mask.
func (s *session) toggled(t *StepTiming) {
	s.recorder.startGeneration()
	s.emit(Record{
		Kind: KindToggle, Step: t.Step,
		Toggle: &Toggle{From: s.mask, To: t.Mask, RequestedStep: min(s.requested, t.Step)},
	})
}

// attribute opens a span once nothing but the wanted mask runs.
func (s *session) attribute(now time.Time) {
	if s.paused || s.building() || s.stopping || !s.haveMask || s.finished <= s.spanFrom {
		return
	}
	switch {
	case s.wantAB && s.inAB:
		s.attribution.begin(interleavedSpan, now)
	case !s.wantAB && !s.inAB && s.mask == s.wantES:
		s.attribution.begin(s.mask, now)
	}
}

// built takes the outcome of a build order: a new workload, or a refusal.
func (s *session) built(b *built, now time.Time) {
	order := s.takeOrder(b.id)
	s.lastProgress, s.trial = now, false
	if b.err != nil {
		s.refuseOrder(order, b.err)
		s.nextBuild()
		return
	}
	if order != nil {
		s.running = order.target
	}
	s.base, s.finished = b.base, b.base
	s.mask, s.haveMask = s.wantES, false
	s.inAB, s.enterAB, s.leaveFrom, s.resetAt = s.wantAB, nil, nil, nil
	s.recent.newEngine()
	s.recorder.forget()
	s.recorder.startGeneration()
	s.cycles, s.compared = cycleBuilder{}, nil
	s.conditions = conditions{}
	if s.inAB {
		s.startCycles(b.base)
	}
	s.attribution.end(now)
	s.spanFrom = b.base
	s.telemetry.startWorkload(now)
	s.energy = energyMeter{}
	s.workload = s.workloadRecord(b)
	s.emit(Record{Kind: KindWorkload, Workload: s.workload})
	if b.info.TimerReason != "" {
		s.warn("timer", b.info.TimerReason)
	}
	if b.info.CeilingsProblem != "" {
		s.warn("ceilings", b.info.CeilingsProblem)
	}
	s.sampler.ask(b.info.Device)
	s.carryOutOrder(order)
	s.nextBuild()
}

// workloadRecord describes an engine.
func (s *session) workloadRecord(b *built) *WorkloadRecord {
	return &WorkloadRecord{
		Workload: b.cfg.Workload, Engine: b.info.Engine, EngineReason: s.cfg.EngineReason,
		Provider: b.info.Provider, Kernels: b.info.Kernels, Timer: b.info.Timer, TimerReason: b.info.TimerReason,
		ESLaunch: b.info.ESLaunch, DutyPercent: s.cfg.DutyPercent, L2: "hot", GPU: b.info.Device, Memory: b.info.Memory,
		Ceilings:   b.info.Ceilings,
		ExpertRows: b.rows, RingLength: len(b.cfg.Routings),
		KernelChoice: b.choice,
		Load:         b.load.load, TileClasses: b.load.tiles, Work: b.load.work,
	}
}
