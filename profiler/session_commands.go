package profiler

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// command carries out one control line, or refuses the whole of it.
func (s *session) command(c Command) {
	if s.stopping {
		s.answer(c.ID, s.finished, errors.New("the session is ending"))
		return
	}
	if c.Cancel {
		if err := s.cancelBuild(&c); err != nil {
			s.answer(c.ID, s.finished, err)
			return
		}
	}
	if !c.builds() {
		s.answer(c.ID, s.carryOut(&c), nil)
		return
	}
	wanted, err := s.newestTarget().with(&c)
	if err != nil {
		s.answer(c.ID, s.finished, err)
		return
	}
	if len(s.orders) == 2 {
		// The build that waits takes the command along: only the newest wish is worth building.
		waiting := s.orders[1]
		waiting.target = wanted
		waiting.commands = append(waiting.commands, c)
		return
	}
	s.orderBuild(wanted, []Command{c})
}

// answer acknowledges a command, or refuses it if err is not nil.
func (s *session) answer(id string, step uint64, err error) {
	s.emit(Record{Kind: KindAck, Step: step, Ack: NewAck(id, err)})
}

// NewAck answers a control line: with err nil it was taken, else refused, naming the field where the
// error does.
func NewAck(id string, err error) *Ack {
	if err == nil {
		return &Ack{ID: id, OK: true}
	}
	ack := &Ack{ID: id, Error: err.Error()}
	var argument *ArgumentError
	var memory *MemoryError
	switch {
	case errors.As(err, &argument):
		ack.Field = argument.Field
	case errors.As(err, &memory):
		ack.Field = "tokens"
	}
	return ack
}

// carryOut does what needs no other engine, and returns the step from which on it holds.
func (s *session) carryOut(c *Command) (step uint64) {
	now := time.Now()
	step = s.ctl.launched.Load()
	s.lastSample.resting = false // What has changed is told with the next tick.
	if c.Pause != nil {
		s.setPaused(*c.Pause, now)
	}
	if c.AB != nil {
		if *c.AB {
			step = s.setAB(now)
		} else if s.wantAB {
			step = s.setES(s.wantES)
		}
	}
	if c.ES != nil {
		mask := s.wantES
		if c.ES.Up != nil {
			mask = mask.With(Up, *c.ES.Up)
		}
		if c.ES.Down != nil {
			mask = mask.With(Down, *c.ES.Down)
		}
		step = s.setES(mask)
	}
	if c.Reset {
		from := s.ctl.launched.Load()
		s.resetAt = &from
		s.applyReset(s.finished)
	}
	if c.Interval != nil {
		s.cadence.ask(time.Duration(*c.Interval))
		s.sample() // Whoever asks for another rate has begun to look, or has just looked away.
	}
	if c.Stop {
		s.stop(EndStopped)
	}
	return step
}

func (s *session) setPaused(paused bool, now time.Time) {
	if paused == s.paused {
		return
	}
	s.paused = paused
	s.lastProgress = now
	s.attribution.end(now)
	s.spanFrom = s.ctl.launched.Load()
	s.ctl.change(func() { s.ctl.paused = paused })
}

// setES leaves A/B mode and sets the mask of the very next launch. It returns the number of steps
// launched before.
func (s *session) setES(mask ESMask) uint64 {
	if mask != s.wantES || s.wantAB {
		s.attribution.end(time.Now())
	}
	launched := s.ctl.setES(mask)
	s.wantES, s.requested, s.spanFrom = mask, launched, launched
	s.enterAB = nil
	if s.inAB {
		s.leaveFrom = &launched
	}
	s.wantAB = false
	return launched
}

// setAB enters A/B mode. It returns the number of steps launched before.
func (s *session) setAB(now time.Time) uint64 {
	if s.wantAB {
		return s.ctl.launched.Load()
	}
	s.attribution.end(now)
	launched := s.ctl.setAB()
	s.wantAB, s.leaveFrom = true, nil
	if !s.inAB {
		s.enterAB = &launched
	}
	return launched
}

// newestTarget is what the newest order asks for, or what runs.
func (s *session) newestTarget() target {
	if n := len(s.orders); n > 0 {
		return s.orders[n-1].target
	}
	return s.running
}

// orderBuild queues a build; it begins at once if no other is under way.
func (s *session) orderBuild(wanted target, commands []Command) {
	s.orderID++
	s.orders = append(s.orders, &pendingBuild{id: s.orderID, target: wanted, commands: commands})
	if len(s.orders) == 1 {
		s.beginBuild()
	}
}

// beginBuild hands the first order to the engine's thread.
func (s *session) beginBuild() {
	first := s.orders[0]
	s.attribution.end(time.Now())
	s.progress = "waiting for the steps in flight"
	order := &buildOrder{id: first.id, cfg: EngineConfig{
		Workload: first.target.workload, Kernels: first.target.kernels,
		Timer: s.cfg.Timer, ESLaunch: s.cfg.ESLaunch,
	}, asked: len(first.commands) == 0 || slices.ContainsFunc(first.commands, func(c Command) bool { return c.Kernels != nil })}
	first.order = order
	s.ctl.change(func() { s.ctl.build = order })
}

// cancelBuild gives up what is being built, and what waits behind it. The engine's thread cannot be
// stopped while it opens an engine: it closes the new one again and goes on with the one before.
func (s *session) cancelBuild(c *Command) error {
	refused := &ArgumentError{Field: "cancel", Value: "true"}
	switch {
	case c.builds():
		refused.Allowed = "without another workload in its line"
		return refused
	case !s.building() || s.workload == nil:
		refused.Allowed = "while a workload is being built in place of another"
		return refused
	}
	if len(s.orders) == 2 {
		waiting := s.orders[1]
		s.orders = s.orders[:1]
		s.refuseOrder(waiting, errCancelled)
	}
	s.orders[0].order.cancelled.Store(true)
	s.progress = givenUp + "closing what was begun"
	return nil
}

// givenUp begins what is told of a build that was cancelled.
const givenUp = "cancelled: "

// GivenUp reports whether the build that the sample tells of was cancelled, and is only being cleared away.
func (s *Sample) GivenUp() bool { return strings.HasPrefix(s.Progress, givenUp) }

// takeOrder removes the order that was under way, if it is the one with the id.
func (s *session) takeOrder(id uint64) *pendingBuild {
	if len(s.orders) == 0 || s.orders[0].id != id {
		return nil
	}
	order := s.orders[0]
	s.orders = s.orders[1:]
	return order
}

// nextBuild begins the order that waited, if there is one. What it asks for is worked out again,
// because the order before it may have failed.
func (s *session) nextBuild() {
	if len(s.orders) == 0 || s.orders[0].order != nil || s.stopping {
		return
	}
	waiting := s.orders[0]
	wanted := s.running
	for i := range waiting.commands {
		next, err := wanted.with(&waiting.commands[i])
		if err != nil {
			s.orders = nil
			s.refuseOrder(waiting, err)
			return
		}
		wanted = next
	}
	waiting.target = wanted
	s.beginBuild()
}

// refuseOrder refuses the commands that waited for a build.
func (s *session) refuseOrder(order *pendingBuild, err error) {
	if order == nil {
		return
	}
	for _, c := range order.commands {
		s.answer(c.ID, s.finished, err)
	}
	if len(order.commands) > 0 {
		s.warn("workload", fmt.Sprintf("%s was not built, the one before goes on: %v", order.target.workload.Title(), err))
	}
}

// carryOutOrder does what else the commands of a build asked for, and acknowledges them.
func (s *session) carryOutOrder(order *pendingBuild) {
	if order == nil {
		return
	}
	for i := range order.commands {
		c := &order.commands[i]
		s.answer(c.ID, s.carryOut(c), nil)
	}
}

// builds reports whether the command needs another engine.
func (c *Command) builds() bool {
	return c.Model != nil || c.Tokens != nil || c.Routing != nil || c.Kernels != nil
}

// kernelsAllowed names the families, where they are known before the engine is asked.
func (t target) kernelsAllowed() string {
	if len(t.families) == 0 {
		return "the name of a kernel family"
	}
	return "one of " + strings.Join(append(slices.Clone(t.families), AutoKernels), ", ")
}

// with returns what a command makes of a target, or an ArgumentError.
func (t target) with(c *Command) (target, error) {
	if c.Model != nil {
		shape, err := ParseModel(*c.Model)
		if err != nil {
			return t, err
		}
		shape.Tokens, shape.Routing, shape.Seed = t.workload.Tokens, t.workload.Routing, t.workload.Seed
		t.workload = shape
	}
	if c.Tokens != nil {
		t.workload.Tokens = *c.Tokens
	}
	if c.Routing != nil {
		routing, err := ParseRouting(*c.Routing)
		if err != nil {
			return t, err
		}
		t.workload.Routing = routing
	}
	if c.Kernels != nil {
		if *c.Kernels == "" || len(t.families) > 0 && *c.Kernels != AutoKernels && !slices.Contains(t.families, *c.Kernels) {
			return t, &ArgumentError{Field: "kernels", Value: strconv.Quote(*c.Kernels), Allowed: t.kernelsAllowed()}
		}
		t.kernels = *c.Kernels
	}
	if err := t.workload.Validate(); err != nil {
		return t, err
	}
	return t, nil
}
