package sweep

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/moetop/moetop/profiler"
)

// How the families of a point take turns: each has a worker with an engine of its own, and all but one
// are paused, so that clocks and temperature meet all of them alike.
const (
	// A turn lasts maxTurn cycles, or fewer where the point is to have few: a ratio of families needs
	// several turns, whose number then is minTurns.
	maxTurn  = 4
	minTurns = 12
	// lateCycles is how long after its turn a cycle may be told: it waits for a reading beside it.
	lateCycles = 1500 * time.Millisecond
)

// turn is one family's part of a group.
type turn struct {
	lane   *lane
	m      *measurement
	result *Result // set once it is known
	ran    time.Duration
	rounds [][2]time.Time // the spans in which it ran, by its worker's clock
}

// inTurn measures the families of one workload in turn.
func (r *Runner) inTurn(ctx context.Context, group []Point, progress Progress) ([]Result, error) {
	// All families that still wait when it closes have failed.
	deadline := make(chan time.Time)
	timer := time.AfterFunc(time.Duration(len(group))*(r.patience()+r.Time), func() { close(deadline) })
	defer timer.Stop()
	turns := make([]*turn, len(group))
	for i, p := range group {
		turns[i] = &turn{lane: r.familyLane(p.Kernels)}
		if err := turns[i].build(ctx, p, deadline, progress, r.Progress); err != nil {
			return nil, err
		}
		if failed := turns[i].result; failed != nil && failed.Status == OutOfMemory && r.othersLive(turns[i].lane) {
			return r.oneByOne(ctx, group, progress)
		}
	}
	for round := 0; ; round++ {
		order := slices.DeleteFunc(slices.Clone(turns), func(t *turn) bool { return t.over(r) })
		if len(order) == 0 {
			break
		}
		if round%2 == 1 {
			slices.Reverse(order)
		}
		for _, t := range order {
			progress.Pairs = fewest(turns)
			progress.State = fmt.Sprintf("%s, round %d", t.m.point.Kernels, round+1)
			if err := t.run(ctx, round == 0, deadline, progress, r.Progress); err != nil {
				return nil, err
			}
		}
	}
	return r.finish(ctx, turns)
}

// othersLive reports whether other lanes hold engines.
func (r *Runner) othersLive(l *lane) bool {
	for _, other := range r.lanes {
		if other != l && other.worker != nil {
			return true
		}
	}
	return false
}

// fewest is the number of cycles of the family that has the fewest.
func fewest(turns []*turn) int {
	least := turns[0].m.pairs
	for _, t := range turns {
		least = min(least, t.m.pairs)
	}
	return least
}

// over reports whether the family needs no more turns.
func (t *turn) over(r *Runner) bool {
	return t.result != nil || t.m.pairs >= r.Pairs || t.ran >= r.Time
}

// build brings the family's engine up and pauses it.
func (t *turn) build(ctx context.Context, p Point, deadline <-chan time.Time, progress Progress, told func(Progress)) error {
	m, err := t.lane.begin(p)
	if err != nil {
		return err
	}
	t.m = m
	asked := false
	return t.follow(ctx, deadline, func(view *profiler.View) bool {
		progress.State, progress.Elapsed = p.Kernels+", "+m.state, time.Since(m.begun)
		told(progress)
		if !m.ready {
			return false
		}
		if !asked {
			asked = true
			t.send(profiler.Command{Pause: new(true)})
		}
		sample := m.fresh(view)
		return sample != nil && sample.State == profiler.StatePaused
	})
}

// run gives the family a turn.
func (t *turn) run(ctx context.Context, first bool, deadline <-chan time.Time, progress Progress, told func(Progress)) error {
	from := t.m.pairs
	command := profiler.Command{Pause: new(false)}
	if first {
		// What ran while the others were built was disturbed by that.
		command.Reset, from = true, 0
	}
	t.send(command)
	begun := t.lane.known.Time
	running, asked := false, false
	var start, end time.Time
	err := t.follow(ctx, deadline, func(view *profiler.View) bool {
		sample := t.m.fresh(view)
		if sample == nil || !view.Time.After(begun) {
			return false
		}
		if sample.State == profiler.StateRunning && !running {
			running, start = true, view.Time
		}
		if running && !asked && (sample.ABPairs >= from+turnCycles(t.m.limits.pairs) || view.Time.Sub(start)+t.ran >= t.m.limits.time) {
			asked, end = true, view.Time
			t.send(profiler.Command{Pause: new(true)})
		}
		progress.Elapsed = time.Since(t.m.begun)
		told(progress)
		return asked && sample.State == profiler.StatePaused
	})
	t.ran += end.Sub(start)
	// The first cycle of a turn may have begun before it was seen to run.
	t.rounds = append(t.rounds, [2]time.Time{begun, end.Add(time.Second)})
	return err
}

// turnCycles is how many cycles a turn of a point with so many lasts.
func turnCycles(pairs int) int { return min(max(pairs/minTurns, 1), maxTurn) }

// send passes a command on. A worker that takes none has died, which its views tell.
func (t *turn) send(c profiler.Command) {
	if t.result == nil && t.lane.worker != nil {
		_ = t.lane.worker.Send(c)
	}
}

// follow looks at views until enough says so, or the family has failed.
func (t *turn) follow(ctx context.Context, deadline <-chan time.Time, enough func(*profiler.View) bool) error {
	for t.result == nil {
		view, result, err := t.lane.next(ctx, t.m, deadline)
		if result == nil && err == nil {
			result, err = t.lane.look(t.m, view)
		}
		if err != nil {
			return err
		}
		if t.result = result; result == nil && enough(view) {
			return nil
		}
	}
	return nil
}

// finish waits for the last cycles and compares the families with the first.
func (r *Runner) finish(ctx context.Context, turns []*turn) ([]Result, error) {
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%v: %w", turns[0].m.point, context.Cause(ctx))
	case <-time.After(lateCycles):
	}
	cycles := make([][]profiler.Cycle, len(turns))
	results := make([]Result, len(turns))
	for i, t := range turns {
		if t.result != nil {
			results[i] = *t.result
			continue
		}
		results[i] = t.m.result(t.lane.known)
		cycles[i] = t.lane.takeCycles()
	}
	for i := 1; i < len(turns); i++ {
		if results[0].Status == OK && results[i].Status == OK {
			results[i].Against = compareFamilies(results[0].Family(), perRound(cycles[0], turns[0].rounds), perRound(cycles[i], turns[i].rounds))
		}
	}
	return results, nil
}

// oneByOne measures families that do not fit beside each other. Nothing compares them then.
func (r *Runner) oneByOne(ctx context.Context, group []Point, progress Progress) ([]Result, error) {
	results := make([]Result, len(group))
	for i, p := range group {
		if err := r.dropAll(); err != nil {
			return nil, err
		}
		progress.Point = p
		result, err := r.alone(ctx, r.familyLane(p.Kernels), p, progress)
		if err != nil {
			return nil, err
		}
		if result.Status == OK {
			result.Warnings = append(result.Warnings, profiler.Warning{
				Code: "kernels", Text: "the families were measured one after the other, since they do not fit beside each other",
			})
		}
		results[i] = result
	}
	return results, r.dropAll()
}
