package sweep

import (
	"context"
	"errors"
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
	// Start starts a worker with the point as its first workload. The worker passes every record of its
	// stream to tap, which is quick.
	Start func(p Point, tap func(profiler.Record)) (Worker, error)
	// Command is the argv that repeats a point, and Seed that of its weights, inputs and routings.
	Command func(p Point) []string
	Seed    uint64
	// Up is called when a point's engine has come up; an error ends the sweep.
	Up func(profiler.Environment) error
	// Finished is called with every result; an error ends the sweep.
	Finished func(Result) error
	// Progress is called again and again; it must be quick.
	Progress func(Progress)
	// A point ends with Pairs cycles, or after Time if that is earlier.
	Pairs int
	Time  time.Duration
	// Patience is DefaultPatience if 0.
	Patience time.Duration

	lanes map[string]*lane // by kernel family
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

// Run measures the points. It returns early if ctx is done or a callback fails; the points that were
// running are then lost. Points that differ in nothing but their kernel family and follow each other
// are measured in turn. The workers are closed at the end.
func (r *Runner) Run(ctx context.Context, points []Point) (err error) {
	r.lanes = make(map[string]*lane)
	defer func() { err = errors.Join(err, r.dropAll()) }()
	begun := time.Now()
	for done := 0; done < len(points); {
		group := points[done : done+groupLength(points[done:])]
		progress := Progress{Point: group[0], Index: done, Total: len(points)}
		if done > 0 {
			progress.Left = time.Since(begun) / time.Duration(done) * time.Duration(len(points)-done)
		}
		started := time.Now()
		results, err := r.measure(ctx, group, progress)
		if err != nil {
			return err
		}
		for i := range results {
			result := &results[i]
			result.DurationS = time.Since(started).Seconds()
			result.Command, result.Seed = r.Command(group[i]), r.Seed
			if err := r.Finished(*result); err != nil {
				return err
			}
			done++
			progress.Point, progress.Index = group[i], done-1
			progress.Elapsed, progress.Pairs, progress.LastResult = time.Since(started), result.Pairs, result
			progress.Left = time.Since(begun) / time.Duration(done) * time.Duration(len(points)-done)
			r.Progress(progress)
		}
	}
	return nil
}

// groupLength is how many points from the first on share its workload.
func groupLength(points []Point) int {
	n := 1
	for n < len(points) && points[n].sameWorkload(&points[0]) {
		n++
	}
	return n
}

func (p *Point) sameWorkload(o *Point) bool {
	return p.Model == o.Model && p.Tokens == o.Tokens && p.Routing == o.Routing
}

// measure measures a point, or several in turn. An error ends the sweep.
func (r *Runner) measure(ctx context.Context, group []Point, progress Progress) ([]Result, error) {
	if len(group) > 1 {
		return r.inTurn(ctx, group, progress)
	}
	result, err := r.alone(ctx, r.laneOf(group[0].Kernels), group[0], progress)
	return []Result{result}, err
}

// laneOf is the lane of a family. A point of another family goes to whatever worker there is, since two
// that are not measured in turn need not have an engine each.
func (r *Runner) laneOf(family string) *lane {
	for _, l := range r.lanes {
		return l
	}
	return r.familyLane(family)
}

func (r *Runner) familyLane(family string) *lane {
	if r.lanes[family] == nil {
		r.lanes[family] = &lane{runner: r}
	}
	return r.lanes[family]
}

// alone measures a point by itself.
func (r *Runner) alone(ctx context.Context, l *lane, p Point, progress Progress) (Result, error) {
	m, err := l.begin(p)
	if err != nil {
		return Result{}, err
	}
	deadline := time.NewTimer(r.patience() + r.Time)
	defer deadline.Stop()
	for {
		view, result, err := l.next(ctx, m, deadline.C)
		if err != nil || result != nil {
			return orEmpty(result), err
		}
		result, err = l.look(m, view)
		if err != nil || result != nil {
			return orEmpty(result), err
		}
		if m.full(view) {
			return m.result(view), nil
		}
		progress.State, progress.Pairs, progress.Elapsed = m.state, m.pairs, time.Since(m.begun)
		r.Progress(progress)
	}
}

func orEmpty(r *Result) Result {
	if r == nil {
		return Result{}
	}
	return *r
}

func (r *Runner) patience() time.Duration {
	if r.Patience == 0 {
		return DefaultPatience
	}
	return r.Patience
}

func (r *Runner) dropAll() error {
	var failed error
	for family, l := range r.lanes {
		failed = errors.Join(failed, l.drop())
		delete(r.lanes, family)
	}
	return failed
}
