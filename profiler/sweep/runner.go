package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moetop/moetop/profiler"
)

// Worker is the process that owns the engine; *front.Front is one. It has to run in A/B mode.
type Worker interface {
	Views() <-chan *profiler.View
	Send(cmd profiler.Command) error
	Close() error
}

// DefaultPatience is how long a point may take besides its measurement: weights are made, graphs are
// captured, a slow engine warms up.
const DefaultPatience = 10 * time.Minute

// Runner measures points one after the other. A point that cannot be measured is a result, too.
type Runner struct {
	// Start starts a worker with the point as its first workload.
	Start func(p Point) (Worker, error)
	// Command is the argv that repeats a point, and Seed that of its weights, inputs and routings.
	Command func(p Point) []string
	Seed    uint64
	// Up is called when a point's engine has come up; an error ends the sweep.
	Up func(Environment) error
	// Finished is called with every result; an error ends the sweep.
	Finished func(Result) error
	// Progress is called again and again; it must be quick.
	Progress func(Progress)
	// A point ends with Pairs cycles, or after Time if that is earlier.
	Pairs int
	Time  time.Duration
	// Patience is DefaultPatience if 0.
	Patience time.Duration

	worker Worker
	known  *profiler.View // the newest one of the worker
	up     bool           // a worker has come up
}

// Progress is where a sweep stands.
type Progress struct {
	Point      Point
	Index      int // of the point, from 0
	Total      int
	State      string // what the point does
	Pairs      int
	Elapsed    time.Duration // of the point
	Left       time.Duration // of the sweep; 0 while unknown
	LastResult *Result       // set once, when the point has finished
}

// StartError says that the first worker could not do anything: none of the others would do better.
type StartError struct {
	Cause    string
	ExitCode int // as in profiler.Failure
}

func (e *StartError) Error() string { return e.Cause }

// Run measures the points. It returns early if ctx is done or a callback fails; the point that was
// running is then lost. The worker is closed at the end.
func (r *Runner) Run(ctx context.Context, points []Point) (err error) {
	defer func() { err = errors.Join(err, r.drop()) }()
	begun := time.Now()
	for i, point := range points {
		progress := Progress{Point: point, Index: i, Total: len(points)}
		if i > 0 {
			progress.Left = time.Since(begun) / time.Duration(i) * time.Duration(len(points)-i)
		}
		started := time.Now()
		result, err := r.point(ctx, progress)
		if err != nil {
			return err
		}
		result.DurationS = time.Since(started).Seconds()
		result.Command, result.Seed = r.Command(point), r.Seed
		if err := r.Finished(result); err != nil {
			return err
		}
		progress.Elapsed, progress.Pairs, progress.LastResult = time.Since(started), result.Pairs, &result
		progress.Left = time.Since(begun) / time.Duration(i+1) * time.Duration(len(points)-i-1)
		r.Progress(progress)
	}
	return nil
}

// point measures one point. An error ends the sweep.
func (r *Runner) point(ctx context.Context, progress Progress) (Result, error) {
	m, err := r.begin(progress.Point)
	if err != nil {
		return Result{}, err
	}
	patience := r.Patience
	if patience == 0 {
		patience = DefaultPatience
	}
	deadline := time.NewTimer(patience + r.Time)
	defer deadline.Stop()
	for {
		select {
		case <-ctx.Done():
			return Result{}, fmt.Errorf("%v: %w", progress.Point, context.Cause(ctx))
		case <-deadline.C:
			return failure(m.point, fmt.Sprintf("not measured within %v", patience+r.Time)), r.drop()
		case view, open := <-r.worker.Views():
			if !open {
				return failure(m.point, "the worker's stream ended"), r.drop()
			}
			r.known = view
			result, done, err := r.look(m, view)
			if err != nil || done {
				return result, err
			}
			progress.State, progress.Pairs, progress.Elapsed = m.state, m.pairs, time.Since(m.begun)
			r.Progress(progress)
		}
	}
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
}

// begin asks the worker for the point, or starts one.
func (r *Runner) begin(p Point) (*measurement, error) {
	m := &measurement{point: p, begun: time.Now(), state: "starting"}
	if r.worker != nil {
		m.before = r.known.Workload
		if n := len(r.known.Log); n > 0 {
			m.logged = r.known.Log[n-1].Time
		}
		routing := p.Routing.String()
		err := r.worker.Send(profiler.Command{Model: &p.Model, Tokens: &p.Tokens, Routing: &routing, Kernels: &p.Kernels})
		if err == nil {
			return m, nil
		}
		// It has died in the meantime, or hangs; another may do better.
		if err := r.drop(); err != nil {
			return nil, err
		}
		m.before, m.logged = nil, time.Time{}
	}
	worker, err := r.Start(p)
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	r.worker = worker
	return m, nil
}

// look decides from a view whether the point is done.
func (r *Runner) look(m *measurement, view *profiler.View) (result Result, done bool, err error) {
	if phase := view.Worker.Phase; phase == profiler.WorkerDied || phase == profiler.WorkerEnded {
		return r.died(m, view)
	}
	if view.Worker.Phase == profiler.WorkerSilent {
		m.state = "the worker is silent"
		return Result{}, false, nil
	}
	for _, entry := range view.Log {
		if entry.Refusal() && entry.Time.After(m.logged) {
			// A worker that found no room may be busy opening the engine before again, for nobody.
			return failure(m.point, entry.Text), true, r.drop()
		}
	}
	w := view.Workload
	if w == nil || w == m.before || !m.point.runs(&w.Workload) {
		m.state = "building"
		return Result{}, false, nil
	}
	if !m.ready {
		m.ready, m.stale, r.up = true, view.Sample, true
		if err := r.Up(environment(view)); err != nil {
			return Result{}, false, err
		}
	}
	sample := view.Sample
	if sample == nil || sample == m.stale {
		return Result{}, false, nil
	}
	m.state, m.pairs = string(sample.State), sample.ABPairs
	if sample.State != profiler.StateRunning {
		return Result{}, false, nil
	}
	if m.since.IsZero() {
		m.since = view.Time
	}
	if sample.ABPairs < r.Pairs && view.Time.Sub(m.since) < r.Time {
		return Result{}, false, nil
	}
	return m.result(view), true, nil
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
func (r *Runner) died(m *measurement, view *profiler.View) (Result, bool, error) {
	cause := view.Worker.Cause
	if cause == "" {
		cause = "the worker ended before the point was measured"
	}
	failed := failure(m.point, cause)
	const failureCode = 1
	if f := view.Failure; f != nil && f.ExitCode > failureCode && !r.up && failed.Status != OutOfMemory {
		return Result{}, false, &StartError{Cause: cause, ExitCode: f.ExitCode}
	}
	return failed, true, r.drop()
}

// runs reports whether a workload is that of the point.
func (p Point) runs(w *profiler.Workload) bool {
	return w.Name() == p.Model && w.Tokens == p.Tokens && w.Routing == p.Routing
}

// drop ends the worker, if there is one.
func (r *Runner) drop() error {
	if r.worker == nil {
		return nil
	}
	worker := r.worker
	r.worker, r.known = nil, nil
	if err := worker.Close(); err != nil {
		return fmt.Errorf("end the worker: %w", err)
	}
	return nil
}
