package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/front"
	"github.com/moetop/moetop/profiler/sweep"
)

// sweepRun is one run of moetop sweep.
type sweepRun struct {
	app *app
	o   *sweepOptions
	// tell says something to people, progress where the sweep stands, and launch starts a worker.
	tell     func(format string, args ...any)
	progress func(sweep.Progress)
	launch   func(args []string, tap func(profiler.Record)) (*front.Front, error)

	journal *sweep.Journal // nil where points cannot be kept on disk
	header  *sweep.Header  // nil until a worker has come up
	begun   bool           // the header of this run is in the journal
	results map[sweep.Point]sweep.Result
	// measured counts the points that this run has added.
	measured int
}

// openSweep opens the journal, and goes on with the plan in it.
func (a *app) openSweep(o *sweepOptions) (*sweepRun, error) {
	run := &sweepRun{app: a, o: o, tell: a.tell, launch: a.launchSweep, results: map[sweep.Point]sweep.Result{}}
	path := o.resume
	if path == "" {
		var err error
		if path, err = statePath(a.environ, time.Now()); err != nil {
			run.tell("finished points are not kept on disk, unless --resume names a file: %v", err)
			return run, nil
		}
	}
	journal, err := sweep.OpenJournal(path)
	switch {
	case err != nil && o.resume != "":
		return nil, usage(fmt.Errorf("--resume: %w", err))
	case err != nil:
		run.tell("finished points are not kept on disk, unless --resume names a file: %v", err)
		return run, nil
	}
	run.journal, run.results = journal, maps.Clone(journal.Results)
	if journal.Header != nil {
		err := errors.Join(o.adopt(&journal.Header.Plan), o.adoptEngine(journal.Header.Command))
		if err = errors.Join(err, checkDescribed(o.plan.Described)); err != nil {
			return nil, errors.Join(err, journal.Close())
		}
		h := *journal.Header
		h.Plan, h.Command = o.plan, o.command(a.program)
		run.header = &h
	}
	return run, nil
}

// tell says something to people, in one line.
func (a *app) tell(format string, args ...any) {
	_, _ = fmt.Fprintf(a.stderr, a.program+": "+format+"\n", args...)
}

// measure measures the points that are missing or have failed before.
func (s *sweepRun) measure(ctx context.Context) error {
	if err := s.completePlan(ctx); err != nil {
		return err
	}
	missing := s.missing()
	if total := len(s.o.plan.Points()); len(missing) < total {
		s.tell("%d of %d points are in %s already", total-len(missing), total, s.o.resume)
	}
	runner := &sweep.Runner{
		Start: func(p sweep.Point, tap func(profiler.Record)) (sweep.Worker, error) {
			return s.start(s.pointArgs(p), tap)
		},
		Up: s.up, Finished: s.finished, Progress: s.progress,
		Command: s.pointCommand, Seed: s.o.plan.Seed, Pairs: s.o.plan.Pairs, Time: s.o.pointTime(),
	}
	err := runner.Run(ctx, missing)
	if start, ok := errors.AsType[*sweep.StartError](err); ok {
		return &codeError{start.ExitCode, err}
	}
	return err
}

// completePlan asks a worker for what the flags leave to it.
func (s *sweepRun) completePlan(ctx context.Context) error {
	plan := &s.o.plan
	if slices.Equal(plan.Kernels, []string{profiler.AutoKernels}) {
		w, err := s.ask(ctx)
		if err != nil {
			return err
		}
		if plan.Kernels = w.KernelFamilies; len(plan.Kernels) == 0 {
			// The CPU engine has kernels of its own, by whatever name they are asked for.
			plan.Kernels = []string{profiler.DeployedKernels}
		}
		if len(plan.Models) == 0 {
			plan.Models = []string{w.Workload.Name()}
		}
	}
	if len(plan.Models) > 0 {
		return nil
	}
	if s.o.engine.engine == kernels.CPU {
		plan.Models = []string{profiler.TinyModel}
		return nil
	}
	w, err := s.ask(ctx)
	if err == nil {
		plan.Models = []string{w.Workload.Name()}
	}
	return err
}

// missing are the points that have to be measured. The families of a workload take turns, so that
// where one of them is missing all are.
func (s *sweepRun) missing() []sweep.Point {
	families := len(s.o.plan.Kernels)
	var missing []sweep.Point
	for group := range slices.Chunk(s.o.plan.Schedule(), families) {
		if slices.ContainsFunc(group, func(p sweep.Point) bool {
			r, done := s.results[p]
			return !done || r.Status == sweep.Failed
		}) {
			missing = append(missing, group...)
		}
	}
	return missing
}

// turnInterval is that between the samples of workers that take turns: each turn waits for some.
const turnInterval = "50ms"

// start starts a worker in A/B mode.
func (s *sweepRun) start(workload []string, tap func(profiler.Record)) (*front.Front, error) {
	args := []string{"--ndjson", "--control=-", "--front-mode=json", "--ab", "--seed=" + strconv.FormatUint(s.o.plan.Seed, 10)}
	if len(s.o.plan.Kernels) > 1 {
		args = append(args, "--interval="+turnInterval)
	}
	return s.launch(append(append(args, s.o.engineFlags...), workload...), tap)
}

// launchSweep starts this program again as the worker of a sweep.
func (a *app) launchSweep(args []string, tap func(profiler.Record)) (*front.Front, error) {
	// The front is closed by the runner: it has to outlive an interrupt, to end its worker in good order.
	return a.launch(context.Background(), remoteOptions{}, front.Config{Args: args, Tap: tap})
}

func (s *sweepRun) pointArgs(p sweep.Point) []string {
	model := []string{"--model=" + p.Model}
	if d := s.o.plan.Described; d != nil && d.Workload.Name() == p.Model {
		model = d.Flags()
	}
	return append(model,
		"--tokens="+strconv.Itoa(p.Tokens), "--routing="+p.Routing.String(), "--kernels="+p.Kernels)
}

// pointCommand is the argv that repeats a point by itself.
func (s *sweepRun) pointCommand(p sweep.Point) []string {
	argv := append([]string{s.app.program, "--json", "--ab"}, s.pointArgs(p)...)
	argv = append(argv, s.o.engineFlags...)
	if s.header != nil && !s.o.given["engine"] {
		argv = append(argv, "--engine="+s.header.Engine)
	}
	return append(argv, "--duration="+s.o.pointTime().String(), "--seed="+strconv.FormatUint(s.o.plan.Seed, 10))
}

// ask asks a worker what it runs by default and what its library has, since only a worker knows whether
// there is a GPU.
func (s *sweepRun) ask(ctx context.Context) (*profiler.WorkloadRecord, error) {
	worker, err := s.start([]string{"--tokens=1"}, nil)
	if err != nil {
		return nil, err
	}
	w, err := firstWorkload(ctx, worker)
	return w, errors.Join(err, worker.Close())
}

func firstWorkload(ctx context.Context, worker *front.Front) (*profiler.WorkloadRecord, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case view, open := <-worker.Views():
			switch {
			case !open:
				return nil, front.ErrNoWorker
			case view.Workload != nil:
				return view.Workload, nil
			case view.Worker.Phase == profiler.WorkerDied || view.Worker.Phase == profiler.WorkerEnded:
				died := &front.DiedError{Cause: view.Worker.Cause, ExitCode: exitFailure}
				if view.Failure != nil {
					died.ExitCode = view.Failure.ExitCode
				}
				return nil, died
			}
		}
	}
}

// up takes the environment of a worker that has come up. It has to be that of the other points.
func (s *sweepRun) up(e profiler.Environment) error {
	if s.header == nil {
		s.header = &sweep.Header{
			SchemaVersion: profiler.SchemaVersion, Environment: e, Time: time.Now(),
			Command: s.o.command(s.app.program), Plan: s.o.plan,
		}
		if e.EngineReason != "" {
			s.tell("sweeping on the CPU reference engine: %s", e.EngineReason)
		}
	}
	if difference := sweep.Differences(&e, &s.header.Environment); difference != "" {
		return usage(fmt.Errorf("the points that are there cannot be compared with new ones: %s", difference))
	}
	if s.begun || s.journal == nil {
		return nil
	}
	s.begun = true
	if earlier := s.journal.Header; earlier == nil || !reflect.DeepEqual(earlier.Plan, s.o.plan) {
		if err := s.journal.Begin(*s.header); err != nil {
			return err
		}
	}
	// Points for which no worker came up could not be written before the header.
	for point, r := range s.results {
		if _, there := s.journal.Results[point]; !there {
			if err := s.journal.Add(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// finished keeps a point, on disk first.
func (s *sweepRun) finished(r sweep.Result) error {
	s.results[r.Point] = r
	s.measured++
	if s.journal == nil || !s.begun {
		return nil
	}
	return s.journal.Add(r)
}
