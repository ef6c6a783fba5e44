package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/front"
	"github.com/moetop/moetop/ui"
)

// earlyFailure is how long the screen waits for a worker that fails at once: such a failure is an
// error message and an exit code, not a screen.
const earlyFailure = time.Second

// runInteractive shows the screen.
func (a *app) runInteractive(ctx context.Context, o *options) error {
	if err := a.requireTerminal(); err != nil {
		return err
	}
	if err := o.checkSaveConfig(); err != nil {
		return usage(err)
	}
	log, err := openDebugLog(o.debug)
	if err != nil {
		return err
	}
	defer log.close()
	traced, err := openTrace(o.trace)
	if err != nil {
		return err
	}
	described, err := o.described()
	if err != nil {
		return errors.Join(err, traced.close())
	}
	files := saver{".", time.Now}
	recorder := &screenRecorder{saver: files}
	f, err := a.startFront(ctx, o, "interactive", log.writer(), traced.tap(recorder.tap(nil)))
	if err != nil {
		return errors.Join(err, traced.close())
	}
	patience := earlyFailure
	if o.remote.away() {
		_, _ = fmt.Fprintf(a.stderr, "%s: connecting to %s\n", a.program, o.remote.place())
		patience = connectTime
	}
	if err := awaitStart(ctx, f, patience); err != nil {
		return errors.Join(err, f.Close(), traced.close())
	}
	sweeps := newLiveSweep(a, o, f, files)
	var remembered error
	err = a.showScreen(ctx, f, ui.Options{
		Input: a.stdin, Output: a.stdout, FPS: o.fps, ASCII: o.ascii, NoMouse: o.noMouse, Theme: o.theme,
		Models: modelChoices(), DebugLog: log.writer(), Environ: a.environ,
		Save: files.save, Command: shownCommand, Sweeps: sweeps, Recorder: recorder, View: o.view, Settings: o.liveSettings,
		FullRate: o.trace != "", Described: described, CPUTime: profiler.ProcessCPUTime,
		Ended: func(left ui.Left) { remembered = a.remember(o, left) },
	})
	err = errors.Join(err, remembered)
	for _, words := range sweeps.close() {
		a.tell("%s", words)
	}
	err = errors.Join(err, f.Close(), traced.close())
	// The recording has the session's last words, too.
	words, recordErr := recorder.close()
	if words != "" {
		a.tell("%s", words)
	}
	return screenEnd(errors.Join(err, recordErr))
}

// screenEnd makes a signal that ended the screen the exit code.
func screenEnd(err error) error {
	if ended, ok := errors.AsType[*ui.SignalError](err); ok {
		if number, ok := ended.Signal.(syscall.Signal); ok {
			return &codeError{code: exitSignal + int(number)}
		}
	}
	return err
}

// requireTerminal refuses what a screen cannot be drawn on.
func (a *app) requireTerminal() error {
	const instead = "use --json for a report or --ndjson for a stream"
	for _, end := range []struct {
		name   string
		stream any
	}{{"stdin", a.stdin}, {"stdout", a.stdout}} {
		if file, ok := end.stream.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
			return usage(fmt.Errorf("the interactive session needs a terminal, and %s is none: %s", end.name, instead))
		}
	}
	if slices.Contains(a.environ, "TERM=dumb") {
		return usage(fmt.Errorf("the interactive session needs a terminal that can place text, and TERM is dumb: %s", instead))
	}
	return nil
}

// awaitStart returns an error if the worker dies before it has an engine. One that is further away
// takes longer to say its first word.
func awaitStart(ctx context.Context, f *front.Front, patience time.Duration) error {
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	heard := false
	for {
		select {
		case view, open := <-f.Views():
			if !open {
				return front.ErrNoWorker
			}
			if view.Worker.Phase == profiler.WorkerDied {
				died := &front.DiedError{Cause: view.Worker.Cause, ExitCode: exitFailure}
				if view.Failure != nil {
					died.ExitCode = view.Failure.ExitCode
				}
				return died
			}
			if view.Workload != nil {
				return nil
			}
			if view.Header != nil && !heard {
				heard = true
				timeout.Reset(earlyFailure)
			}
		case <-timeout.C:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// modelChoices are the presets, whole and in the shards that they are served in.
func modelChoices() []ui.ModelChoice {
	var choices []ui.ModelChoice
	for _, preset := range profiler.Presets() {
		for _, shard := range []string{"", "-tp4", "-tp8", "-ep8"} {
			// A shape that does not divide is no choice.
			w, err := profiler.ParseModel(preset.Name + shard)
			if err != nil || shard != "" && preset.Name == profiler.TinyModel {
				continue
			}
			choices = append(choices, ui.ModelChoice{Name: w.Name(), Title: strings.TrimSpace(w.Title())})
		}
	}
	return choices
}
