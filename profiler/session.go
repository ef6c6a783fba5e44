package profiler

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"
)

// SessionConfig is what a session is made from.
type SessionConfig struct {
	Workload Workload
	ES       ESMask
	AB       bool
	// AA makes A/B mode a test of itself: all blocks run the mask of ES, so that every winner is a
	// false one.
	AA bool
	// Until ends the session once the verdict of A/B mode has settled. Duration is then how long that
	// may take. UntilWidth is how narrow an interval has to be to count as an answer without a winner;
	// 0 is DefaultUntilWidth.
	Until      bool
	UntilWidth float64
	// DutyPercent is the share of the time that the device is kept busy; 0 is 100.
	DutyPercent float64
	// Schedule switches ES at times counted from the first measured step, in rising order. It cannot
	// be combined with AB.
	Schedule []ScheduleEntry
	// Interval is the time between samples, at least MinInterval, until a command asks for another one.
	Interval time.Duration
	Warmup   int // steps of each new engine that are not kept
	// Duration and Steps end the session; 0 is no limit. Both count from the first measured step.
	Duration time.Duration
	Steps    int
	// StageTimes makes the samples carry the starts and stages of their raw steps.
	StageTimes bool
	// RingLength is the number of routings that the steps go round, MinRing to MaxRing.
	RingLength int

	Open         OpenEngine
	EngineReason string // why "auto" did not take CUDA, else empty
	// Families are the kernel families that Open takes, and Kernels one of them or auto. An engine with
	// kernels of its own has no families.
	Families []string
	Kernels  string // these three as in EngineConfig
	Timer    string
	ESLaunch string
	Blocks   bool // put the blocks of each distribution into the report

	// OpenSampler is called once, when the first engine is known; dev is nil on the CPU. It may take
	// its time, or hang: the session does not wait for it. It may be nil.
	OpenSampler func(dev *Device) Sampler

	Header *Header
	// Commands may be nil; closing it ends the commands, not the session.
	Commands <-chan Command
	// Emit takes the records, in order, from one goroutine. It must be quick.
	Emit func(Record)

	// CPUTime is the CPU time that the process has used; nil asks the system.
	CPUTime func() time.Duration
	// StallLimit ends a session on a GPU that has not finished a step for so long; 0 is KillAfter.
	StallLimit time.Duration
	// StopGrace is how long an engine or a sampler may take to end; 0 is DefaultStopGrace.
	StopGrace time.Duration
}

// ScheduleEntry switches ES at a time.
type ScheduleEntry struct {
	At   time.Duration
	Mask ESMask
}

// Limits of a session.
const (
	MinInterval      = 10 * time.Millisecond
	MinRing          = 8
	MaxRing          = 64
	DefaultStopGrace = 5 * time.Second
)

// Validate returns an ArgumentError for the first field that is not allowed.
func (c *SessionConfig) Validate() error {
	if err := c.Workload.Validate(); err != nil {
		return err
	}
	refuse := func(field string, value any, allowed string) error {
		return &ArgumentError{Field: field, Value: fmt.Sprint(value), Allowed: allowed}
	}
	switch {
	case c.ES >= NumMasks:
		return refuse("es", c.ES, "off, up, down or both")
	case c.Interval < MinInterval:
		return refuse("interval", c.Interval, fmt.Sprintf("at least %v", MinInterval))
	case c.Warmup < 0:
		return refuse("warmup", c.Warmup, "a number of steps, 0 or more")
	case c.Duration < 0:
		return refuse("duration", c.Duration, "a duration, or 0 for no limit")
	case c.Steps < 0:
		return refuse("steps", c.Steps, "a number of steps, or 0 for no limit")
	case c.RingLength < MinRing || c.RingLength > MaxRing:
		return refuse("ring length", c.RingLength, fmt.Sprintf("%d to %d routings", MinRing, MaxRing))
	case c.UntilWidth < 0 || c.UntilWidth > 1 || math.IsNaN(c.UntilWidth):
		return refuse("until-width", c.UntilWidth, "a share from 0 to 1")
	case !(c.DutyPercent >= 0 && c.DutyPercent <= 100):
		return refuse("duty", c.DutyPercent, "a share of the time above 0 and up to 100 percent")
	case c.AB && len(c.Schedule) > 0:
		return refuse("es-schedule", "a schedule together with ab", "one of the two: A/B mode switches by itself")
	}
	last := time.Duration(0)
	for _, entry := range c.Schedule {
		if entry.At < last || entry.Mask >= NumMasks {
			return refuse("es-schedule", fmt.Sprintf("%v=%v", entry.At, entry.Mask),
				"times from 0s on in rising order, each with off, up, down or both")
		}
		last = entry.At
	}
	return nil
}

// ExitCode is the process exit code that fits an error of a session: 0 for nil, 2 for an
// ArgumentError, 3 for a NoGPUError, else 1.
func ExitCode(err error) int {
	var argument *ArgumentError
	var noGPU *NoGPUError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &argument):
		return 2
	case errors.As(err, &noGPU):
		return 3
	default:
		return 1
	}
}

// RunSession runs an engine and emits the records of a whole stream: header first, summary or
// failure last. It returns nil after a summary. A session that ctx ends before its limits has a
// partial summary. The error after a failure is the cause; an engine that does not end within
// StopGrace is left behind, with a partial summary and an error, and the process should exit.
func RunSession(ctx context.Context, cfg SessionConfig) (err error) {
	s, err := newSession(cfg)
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic in the session: %v\n%s", cause, debug.Stack())
			s.failQuietly(err)
		}
	}()
	s.emit(Record{Kind: KindHeader, Header: s.cfg.Header})
	if err != nil {
		s.fail(err)
		return err
	}
	s.start()
	defer s.close()
	if err := s.loop(ctx); err != nil {
		s.fail(err)
		return err
	}
	return s.finish()
}

// start begins the engine's thread with the first workload.
func (s *session) start() {
	s.orderBuild(target{workload: s.cfg.Workload, kernels: s.cfg.Kernels, families: s.cfg.Families}, nil)
	d := &driver{
		open: s.cfg.Open, families: s.cfg.Families, ring: s.cfg.RingLength, warmup: s.cfg.Warmup, limit: s.cfg.Steps,
		ctl: s.ctl, events: s.events, free: s.free, gone: s.gone,
		duty: duty{share: s.cfg.DutyPercent / 100},
	}
	s.driverDone = make(chan struct{})
	go func() {
		defer close(s.driverDone)
		d.run()
	}()
}

// loop merges what happens until the session is over. It returns an error if that was a failure.
func (s *session) loop(ctx context.Context) error {
	s.cadence = newCadence(s.cfg.Interval)
	defer s.cadence.ticker.Stop()
	commands, cancelled := s.cfg.Commands, ctx.Done()
	for !s.quit {
		select {
		case e := <-s.events:
			if err := s.handle(&e); err != nil {
				return err
			}
		case <-s.cadence.ticker.C:
			if err := s.tick(time.Now()); err != nil {
				return err
			}
		case command, ok := <-commands:
			if !ok {
				commands = nil
				break
			}
			s.command(command)
		case opened := <-s.sampler.opened:
			s.sampler.use(opened)
		case <-s.timer.C:
			s.onTimer(time.Now())
		case <-cancelled:
			cancelled = nil
			s.partial = !s.limitReached
			s.stop(EndInterrupted)
		case <-s.grace:
			s.partial, s.stuck = true, true
			return nil
		}
	}
	return nil
}

// stop asks the engine's thread to end. What was launched is still counted.
func (s *session) stop(why EndCause) {
	if s.stopping {
		return
	}
	s.stopping, s.endedBy = true, why
	s.attribution.end(time.Now())
	s.ctl.change(func() { s.ctl.stop = true })
	s.grace = time.After(s.cfg.StopGrace)
}

// onTimer does what is due: the end, or the next switch of the schedule.
func (s *session) onTimer(now time.Time) {
	if s.stopping || s.measuringSince.IsZero() {
		return
	}
	elapsed := now.Sub(s.measuringSince)
	for len(s.schedule) > 0 && s.schedule[0].At <= elapsed {
		s.setES(s.schedule[0].Mask)
		s.schedule = s.schedule[1:]
	}
	if s.cfg.Duration > 0 && elapsed >= s.cfg.Duration {
		s.limitReached = true
		if s.cfg.Until {
			s.stop(EndMaxDuration)
		} else {
			s.stop(EndDuration)
		}
		return
	}
	s.armTimer(elapsed)
}

// armTimer sets the timer to what comes next.
func (s *session) armTimer(elapsed time.Duration) {
	next := time.Duration(-1)
	if s.cfg.Duration > 0 {
		next = s.cfg.Duration - elapsed
	}
	if len(s.schedule) > 0 && (next < 0 || s.schedule[0].At-elapsed < next) {
		next = s.schedule[0].At - elapsed
	}
	if next >= 0 {
		s.timer.Reset(next)
	}
}

// end refuses the commands that still wait.
func (s *session) end() {
	s.ended = true
	for _, order := range s.orders {
		s.refuseOrder(order, errors.New("the session is over"))
	}
	s.orders = nil
}

// finish emits the last sample and the summary.
func (s *session) finish() error {
	s.end()
	if s.stuck {
		s.warn("engine", fmt.Sprintf("the engine did not stop within %v and was left behind", s.cfg.StopGrace))
	}
	last := s.sample()
	report := BuildReport(s.cfg.Header, s.workload, last, s.warnings, s.partial)
	s.recorder.addDetails(report, s.cfg.Blocks)
	s.emit(Record{Kind: KindSummary, Summary: report})
	if s.stuck {
		return fmt.Errorf("the engine did not stop within %v", s.cfg.StopGrace)
	}
	return nil
}

// failQuietly is fail after a panic: what emits may be what panicked, and then nothing can be told.
func (s *session) failQuietly(err error) {
	defer func() { _ = recover() }()
	s.fail(err)
}

// fail emits what is known, and then the failure.
func (s *session) fail(err error) {
	s.end()
	if s.workload != nil {
		s.sample()
	}
	s.emit(Record{Kind: KindFailure, Failure: &Failure{ExitCode: ExitCode(err), Text: err.Error()}})
}
