package sweep

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
)

// lane is a worker with what is known of it. A sweep whose families take turns has one for each.
type lane struct {
	runner *Runner
	worker Worker
	known  *profiler.View // the newest one of the worker
	up     bool           // a worker of this lane has come up

	mu     sync.Mutex
	cycles []profiler.Cycle // of the running point, all of them: views may be missed
}

// measurement is the running point.
type measurement struct {
	point  Point
	begun  time.Time
	before *profiler.WorkloadRecord // of the point before
	logged time.Time                // entries of the log up to this time are older
	ready  bool
	stale  *profiler.Sample // may still be of the point before
	since  time.Time        // first sample with measured steps, by the worker's clock
	pairs  int
	state  string
	limits struct {
		pairs int
		time  time.Duration
	}
}

// begin asks the worker for the point, or starts one.
func (l *lane) begin(p Point) (*measurement, error) {
	m := &measurement{point: p, begun: time.Now(), state: "starting"}
	m.limits.pairs, m.limits.time = l.runner.Pairs, l.runner.Time
	l.takeCycles()
	if l.worker != nil && !l.reaches(p) {
		if err := l.drop(); err != nil {
			return nil, err
		}
	}
	if l.worker != nil {
		m.before = l.known.Workload
		if n := len(l.known.Log); n > 0 {
			m.logged = l.known.Log[n-1].Time
		}
		if l.worker.Send(l.commandTo(p)) == nil {
			return m, nil
		}
		// It has died in the meantime, or hangs; another may do better.
		if err := l.drop(); err != nil {
			return nil, err
		}
		m.before, m.logged = nil, time.Time{}
	}
	worker, err := l.runner.Start(p, l.tap)
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	l.worker = worker
	return m, nil
}

// commandTo takes the worker, paused or not, to a point.
func (l *lane) commandTo(p Point) profiler.Command {
	routing := p.Routing.String()
	command := profiler.Command{Tokens: &p.Tokens, Routing: &routing, Kernels: &p.Kernels}
	if preset(p.Model) {
		command.Model = &p.Model
	}
	if s := l.known.Sample; s != nil && s.State == profiler.StatePaused {
		command.Pause = new(false)
	}
	return command
}

// reaches reports whether a command takes the worker to a point. A worker can only be started with a
// model that is no preset.
func (l *lane) reaches(p Point) bool {
	return preset(p.Model) || l.known != nil && l.known.Workload != nil && l.known.Workload.Workload.Name() == p.Model
}

func preset(model string) bool {
	_, err := profiler.ParseModel(model)
	return err == nil
}

// tap keeps the cycles of A/B mode.
func (l *lane) tap(r profiler.Record) {
	if r.Sample == nil || len(r.Sample.Cycles) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cycles = append(l.cycles, r.Sample.Cycles...)
}

// takeCycles returns the cycles so far and forgets them.
func (l *lane) takeCycles() []profiler.Cycle {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.cycles
	l.cycles = nil
	return taken
}

// next waits for a view. A result says that there will be none of use.
func (l *lane) next(ctx context.Context, m *measurement, deadline <-chan time.Time) (*profiler.View, *Result, error) {
	select {
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("%v: %w", m.point, context.Cause(ctx))
	case <-deadline:
		failed := failure(m.point, fmt.Sprintf("not measured within %v", l.runner.patience()+l.runner.Time))
		return nil, &failed, l.drop()
	case view, open := <-l.worker.Views():
		if !open {
			failed := failure(m.point, "the worker's stream ended")
			return nil, &failed, l.drop()
		}
		l.known = view
		return view, nil, nil
	}
}

// look takes in what a view tells of the point; a result is that of a point that failed.
func (l *lane) look(m *measurement, view *profiler.View) (*Result, error) {
	if phase := view.Worker.Phase; phase == profiler.WorkerDied || phase == profiler.WorkerEnded {
		return l.died(m, view)
	}
	if view.Worker.Phase == profiler.WorkerSilent {
		m.state = "the worker is silent"
		return nil, nil
	}
	for _, entry := range view.Log {
		if entry.Refusal() && entry.Time.After(m.logged) {
			// A worker that found no room may be busy opening the engine before again, for nobody.
			failed := failure(m.point, entry.Text)
			return &failed, l.drop()
		}
	}
	w := view.Workload
	if w == nil || w == m.before || !m.point.runs(&w.Workload) {
		m.state = "building"
		return nil, nil
	}
	if !m.ready {
		m.ready, m.stale, l.up = true, view.Sample, true
		if err := l.runner.Up(view.Environment()); err != nil {
			return nil, err
		}
	}
	if sample := m.fresh(view); sample != nil {
		m.state, m.pairs = string(sample.State), sample.ABPairs
	}
	return nil, nil
}

// fresh is the sample of a view if it is of the point.
func (m *measurement) fresh(view *profiler.View) *profiler.Sample {
	if !m.ready || view.Sample == nil || view.Sample == m.stale {
		return nil
	}
	return view.Sample
}

// full reports whether the point has been measured for long enough.
func (m *measurement) full(view *profiler.View) bool {
	sample := m.fresh(view)
	if sample == nil || sample.State != profiler.StateRunning {
		return false
	}
	if m.since.IsZero() {
		m.since = view.Time
	}
	return sample.ABPairs >= m.limits.pairs || view.Time.Sub(m.since) >= m.limits.time
}

// result adds the log of this point to what the view shows.
func (m *measurement) result(view *profiler.View) Result {
	result := measured(m.point, view)
	// The worker counts on from point to point.
	result.Lost = view.Sample.Lost
	if m.stale != nil {
		result.Lost -= min(m.stale.Lost, result.Lost)
	}
	for _, entry := range view.Log {
		if entry.Time.After(m.logged) && !entry.Notice() {
			result.Warnings = append(result.Warnings, profiler.Warning{Code: entry.Code, Text: entry.Text})
		}
	}
	return result
}

// died records the death of a worker. That of the very first, for a reason that all others share,
// ends the sweep.
func (l *lane) died(m *measurement, view *profiler.View) (*Result, error) {
	cause := view.Worker.Cause
	if cause == "" {
		cause = "the worker ended before the point was measured"
	}
	failed := failure(m.point, cause)
	const failureCode = 1
	if f := view.Failure; f != nil && f.ExitCode > failureCode && !l.up && failed.Status != OutOfMemory {
		return nil, &StartError{Cause: cause, ExitCode: f.ExitCode}
	}
	return &failed, l.drop()
}

// runs reports whether a workload is that of the point.
func (p Point) runs(w *profiler.Workload) bool {
	return w.Name() == p.Model && w.Tokens == p.Tokens && w.Routing == p.Routing
}

// drop ends the worker, if there is one.
func (l *lane) drop() error {
	if l.worker == nil {
		return nil
	}
	worker := l.worker
	l.worker, l.known = nil, nil
	if err := worker.Close(); err != nil {
		return fmt.Errorf("end the worker: %w", err)
	}
	return nil
}

// between are the cycles whose middle lies in a span of the worker's time.
func between(cycles []profiler.Cycle, from, to time.Time) []profiler.Cycle {
	return slices.DeleteFunc(slices.Clone(cycles), func(c profiler.Cycle) bool { return c.Time.Before(from) || !c.Time.Before(to) })
}
