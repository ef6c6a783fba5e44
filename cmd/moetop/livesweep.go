package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/front"
	"github.com/moetop/moetop/profiler/sweep"
	"github.com/moetop/moetop/ui"
)

// liveSweep measures sweeps for the screen, as moetop sweep does: the same runner, journal and
// document. The session's worker is gone while one runs, and comes back with what it ran.
type liveSweep struct {
	app     *app
	session *options
	front   *front.Front
	saver   saver
	updates chan *ui.SweepUpdate

	mu      sync.Mutex
	cancel  context.CancelFunc // nil while none runs
	ended   chan struct{}      // closed when the one that ran last has ended
	path    string             // of the journal
	plan    sweep.Plan         // that it was begun with
	back    []string           // what the session comes back with
	first   []profiler.Command // what it is told then
	newest  ui.SweepUpdate
	saved   *sweep.Document // newest one that is in a file of the user's
	leftSay []string        // what is to be said when the screen is gone
}

func newLiveSweep(a *app, session *options, f *front.Front, s saver) *liveSweep {
	return &liveSweep{app: a, session: session, front: f, saver: s, updates: make(chan *ui.SweepUpdate, 1)}
}

// Updates implements ui.Sweeper.
func (l *liveSweep) Updates() <-chan *ui.SweepUpdate { return l.updates }

// Begin implements ui.Sweeper.
func (l *liveSweep) Begin(view *profiler.View, plan sweep.Plan) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		return errors.New("a sweep runs already")
	}
	if l.ended != nil {
		<-l.ended // It has published its end, and is only about to return.
	}
	if err := l.newJournal(&plan); err != nil {
		return err
	}
	run, err := l.app.openSweep(l.options(plan))
	if err != nil {
		return err
	}
	run.launch = func(args []string, tap func(profiler.Record)) (*front.Front, error) {
		// As in moetop sweep, the runner ends the worker, in good order.
		return l.app.launch(context.Background(), l.session.remote, front.Config{Args: args, Tap: tap})
	}
	run.tell = func(string, ...any) {} // The map shows what moetop sweep says in words.
	if view != nil && view.Workload != nil {
		// Else the session is only just coming back, with what it is to come back with again.
		if l.back, err = l.session.resumeArgs(view); err != nil {
			return errors.Join(err, run.journal.Close())
		}
		l.first = nil
		if view.Sample != nil && view.Sample.State == profiler.StatePaused {
			l.first = []profiler.Command{{Pause: new(true)}}
		}
	}
	back, first := l.back, l.first
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel, l.ended, l.plan = cancel, make(chan struct{}), plan
	l.newest = ui.SweepUpdate{State: ui.SweepMakingRoom, Plan: plan, Document: run.document(), Begun: time.Now()}
	l.publish()
	go l.work(ctx, run, back, first, l.ended)
	return nil
}

// newJournal goes on with the journal of the sweep before, if its points can stand beside those of the
// plan, and else begins another one.
func (l *liveSweep) newJournal(plan *sweep.Plan) error {
	same := func(a, b *sweep.Plan) bool {
		return slices.Equal(a.Models, b.Models) && slices.Equal(a.Kernels, b.Kernels) && slices.Equal(a.Routings, b.Routings) &&
			a.Seed == b.Seed && a.Pairs == b.Pairs && a.TimeS == b.TimeS
	}
	if l.path != "" && same(&l.plan, plan) {
		return nil
	}
	l.leave()
	path, err := statePath(l.app.environ, time.Now())
	if err != nil {
		return fmt.Errorf("finished points cannot be kept: %w", err)
	}
	l.path = path
	return nil
}

// options are those of moetop sweep for the plan, with the engine of the session.
func (l *liveSweep) options(plan sweep.Plan) *sweepOptions {
	o := &sweepOptions{
		engine: l.session.engine, resume: l.path, plan: plan, json: true, given: map[string]bool{},
		seed: plan.Seed, pairs: plan.Pairs,
	}
	// The plan is the screen's, whatever the journal was begun with.
	for _, name := range []string{"model", "tokens", "routing", "kernels", "pairs", "time"} {
		o.given[name] = true
	}
	ofEngine := engineFlagSet(new(engineOptions))
	for _, name := range l.session.order {
		if ofEngine.Lookup(name) != nil && name != "kernels" {
			o.given[name] = true
			o.engineFlags = append(o.engineFlags, l.session.flag(name))
		}
	}
	return o
}

// work measures, and brings the session back whatever happens.
func (l *liveSweep) work(ctx context.Context, run *sweepRun, back []string, first []profiler.Command, ended chan struct{}) {
	defer close(ended)
	run.progress = func(p sweep.Progress) {
		l.update(func(u *ui.SweepUpdate) {
			u.State, u.Progress = ui.SweepRunning, p
			if p.LastResult != nil || u.Document == nil {
				u.Document = run.document()
			}
		})
	}
	err := l.measure(ctx, run)
	err = errors.Join(err, run.journal.Close(), l.front.RestartWith(back, first...))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel()
	l.cancel = nil
	l.newest.Document = run.document()
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		l.newest.State = ui.SweepStopped
	case err != nil:
		l.newest.State, l.newest.Problem = ui.SweepFailed, err.Error()
	case l.newest.Document != nil && !l.newest.Document.Partial:
		l.newest.State = ui.SweepDone
	default:
		l.newest.State = ui.SweepStopped
	}
	l.publish()
}

// measure makes room and measures. A panic is an error, as it is one of the screen's: nothing else
// would give the terminal back.
func (l *liveSweep) measure(ctx context.Context, run *sweepRun) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	if err := l.front.Rest(ctx); err != nil {
		return err
	}
	return run.measure(ctx)
}

// document is what a sweep would print now; nil before anything is known.
func (s *sweepRun) document() *sweep.Document {
	if s.header == nil {
		return nil
	}
	h := *s.header
	h.Plan, h.Command = s.o.plan, s.o.command(s.app.program)
	return sweep.NewDocument(h, s.results, time.Now())
}

// Cancel implements ui.Sweeper.
func (l *liveSweep) Cancel() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
	}
}

// Save implements ui.Sweeper.
func (l *liveSweep) Save(update *ui.SweepUpdate) (string, error) {
	path, err := l.saver.write("moetop-sweep", update.Document)
	if err != nil {
		return "", err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saved = update.Document
	return path, nil
}

// close ends the sweep that runs, and returns what people have to know about points that no file of
// theirs has.
func (l *liveSweep) close() []string {
	l.Cancel()
	l.mu.Lock()
	ended := l.ended
	l.mu.Unlock()
	if ended != nil {
		<-ended
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.leave()
	return l.leftSay
}

// leave gives the journal up: one whose points were saved, or that has none, goes.
func (l *liveSweep) leave() {
	if l.path == "" {
		return
	}
	d := l.newest.Document
	switch {
	case d == nil || len(d.Points) == 0 || l.saved != nil && reflect.DeepEqual(l.saved.Points, d.Points):
		// A file that is left behind does no harm.
		_ = os.Remove(l.path)
	default:
		lost, them := fmt.Sprintf("%d points of a sweep were", len(d.Points)), "them"
		if len(d.Points) == 1 {
			lost, them = "a point of a sweep was", "it"
		}
		l.leftSay = append(l.leftSay, fmt.Sprintf("%s not saved: moetop sweep --resume %s prints %s, or goes on", lost, shellQuote(l.path), them))
	}
	l.path, l.newest, l.saved = "", ui.SweepUpdate{}, nil
}

func (l *liveSweep) update(change func(*ui.SweepUpdate)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.newest)
	l.publish()
}

// publish hands the newest state out in place of one that nobody has taken yet.
func (l *liveSweep) publish() {
	newest := l.newest
	select {
	case <-l.updates:
	default:
	}
	l.updates <- &newest
}
