package profiler

import (
	"fmt"
	"slices"
	"time"
)

// session is the state of RunSession. Only its goroutine touches it.
type session struct {
	cfg    SessionConfig
	ctl    *control
	events chan event
	free   chan []StepTiming
	gone   chan struct{}
	// driverDone is closed when the engine's thread has ended.
	driverDone chan struct{}

	// What is wanted.
	wantES   ESMask // in manual mode
	wantAB   bool
	paused   bool
	stopping bool
	orders   []*pendingBuild // the first is being built, the second waits
	orderID  uint64
	schedule []ScheduleEntry

	// What is.
	workload  *WorkloadRecord
	running   target // what the engine was built from
	progress  string
	trial     bool   // the progress is that of steps
	base      uint64 // first step of this engine
	finished  uint64
	mask      ESMask // of the newest finished step
	haveMask  bool
	stepTime  time.Duration
	lost      uint64
	unusable  uint64
	requested uint64 // steps launched when ES was last asked for
	spanFrom  uint64 // steps launched when the engine was last told something
	inAB      bool   // the current generation is interleaved

	// Boundaries that the steps have not reached yet.
	enterAB   *uint64 // from this step on the generation is interleaved
	leaveFrom *uint64 // from this step on, with the wanted mask, it is not
	resetAt   *uint64 // from this step on statistics start anew
	resumed   *uint64 // this step's launch gap says nothing

	recorder    recorder
	recent      *recentSteps
	cycles      cycleBuilder
	compared    *comparisons
	conditions  conditions
	energy      energyMeter
	observed    time.Time // of the newest reading that was looked at
	clocksSaid  map[string]bool
	attribution attribution
	telemetry   telemetry
	sampler     samplerHolder
	cadence     cadence

	measuringSince time.Time
	cpuSince       time.Duration
	lastSample     mark
	lastProgress   time.Time
	timer          *time.Timer
	grace          <-chan time.Time
	warnings       []Warning
	warned         map[Warning]bool
	limitReached   bool
	endedBy        EndCause
	partial        bool
	stuck          bool
	quit           bool
	ended          bool
}

// mark is where the sample before stood.
type mark struct {
	time     time.Time
	finished uint64
	cpu      time.Duration
	// resting says that the run was paused, and that no step had finished since the sample before.
	resting bool
}

// target is a workload with its kernels.
type target struct {
	workload Workload
	kernels  string
	families []string // that the engine offers; none if it has kernels of its own
}

// pendingBuild is a build order with the commands that wait for it.
type pendingBuild struct {
	id       uint64
	target   target
	commands []Command
	order    *buildOrder // nil while it waits
}

// maxWarnings bounds the warnings that a report carries.
const maxWarnings = 100

func newSession(cfg SessionConfig) (*session, error) {
	err := cfg.Validate()
	if cfg.CPUTime == nil {
		cfg.CPUTime = ProcessCPUTime
	}
	if cfg.StallLimit == 0 {
		cfg.StallLimit = KillAfter
	}
	if cfg.DutyPercent == 0 {
		cfg.DutyPercent = 100
	}
	if cfg.StopGrace == 0 {
		cfg.StopGrace = DefaultStopGrace
	}
	if cfg.Header == nil {
		cfg.Header = &Header{SchemaVersion: SchemaVersion, Command: []string{}}
	}
	now := time.Now()
	s := &session{
		cfg: cfg, events: make(chan event, 64), free: make(chan []StepTiming, 64), gone: make(chan struct{}),
		wantES: cfg.ES, wantAB: cfg.AB, schedule: slices.Clone(cfg.Schedule), recent: newRecentSteps(),
		lastSample: mark{time: now, cpu: cfg.CPUTime()}, lastProgress: now, warned: map[Warning]bool{},
		timer: time.NewTimer(time.Hour), mask: cfg.ES,
	}
	s.recent.stages = cfg.StageTimes
	s.timer.Stop()
	for len(s.schedule) > 0 && s.schedule[0].At == 0 {
		s.wantES, s.mask = s.schedule[0].Mask, s.schedule[0].Mask
		s.schedule = s.schedule[1:]
	}
	s.ctl = newControl(s.wantES, s.wantAB, cfg.AA)
	s.sampler = newSamplerHolder(cfg.OpenSampler)
	return s, err
}

// close ends the engine's thread, unless it is known to hang, and the sampler.
func (s *session) close() {
	s.timer.Stop()
	s.ctl.change(func() { s.ctl.stop = true })
	close(s.gone)
	if !s.stuck {
		grace := time.NewTimer(s.cfg.StopGrace)
		defer grace.Stop()
		select {
		case <-s.driverDone:
		case <-grace.C:
		}
	}
	s.sampler.close(s.cfg.StopGrace)
}

// emit stamps a record with where the session stands.
func (s *session) emit(r Record) Record {
	if r.Time.IsZero() {
		r.Time = time.Now()
	}
	if r.Kind != KindToggle && r.Kind != KindAck {
		r.Step = s.finished
	}
	r.Generation = s.recorder.generation
	s.cfg.Emit(r)
	return r
}

// warn emits a warning, once.
func (s *session) warn(code, text string) {
	warning := Warning{Code: code, Text: text}
	if s.warned[warning] || len(s.warned) >= maxWarnings {
		return
	}
	s.warned[warning] = true
	s.warnings = append(s.warnings, warning)
	s.emit(Record{Kind: KindWarning, Warning: &warning})
}

// building reports whether an engine is being built.
func (s *session) building() bool { return len(s.orders) > 0 }

// state names what the session does.
func (s *session) state() State {
	switch {
	case s.ended:
		return StateEnded
	case s.building() || s.workload == nil:
		return StateBuilding
	case s.paused:
		return StatePaused
	case s.finished < s.base+uint64(s.cfg.Warmup):
		return StateWarmup
	default:
		return StateRunning
	}
}

// stalled is how long no step has finished although some should. A few steps' time is not worth
// telling.
func (s *session) stalled(now time.Time) time.Duration {
	if state := s.state(); s.stopping || (state != StateWarmup && state != StateRunning) {
		return 0
	}
	period := time.Duration(float64(s.stepTime) * 100 / s.cfg.DutyPercent)
	if quiet := now.Sub(s.lastProgress); quiet > max(time.Second, 4*period) {
		return quiet
	}
	return 0
}

// checkStall gives a GPU up that hangs. The CPU engine cannot hang, and its steps may take minutes.
func (s *session) checkStall(now time.Time) error {
	if quiet := now.Sub(s.lastProgress); s.trial && quiet >= s.cfg.StallLimit {
		s.stuck = true
		return fmt.Errorf("%s: nothing has finished for %v: the GPU hangs or was lost", s.progress, quiet.Round(time.Second))
	}
	if s.workload == nil || s.workload.Engine == "cpu" {
		return nil
	}
	if quiet := s.stalled(now); quiet >= s.cfg.StallLimit {
		s.stuck = true
		return fmt.Errorf("the engine has not finished a step for %v after step %d: the GPU hangs or was lost",
			quiet.Round(time.Second), s.finished)
	}
	return nil
}
