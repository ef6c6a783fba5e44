package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/moetop/moetop/profiler"
)

// runHeadless prints one report.
func (a *app) runHeadless(ctx context.Context, o *options) error {
	signals := watchInterrupts()
	defer signals.stop()
	steered := &steering{fold: profiler.NewFold()}
	var tap func(profiler.Record)
	if o.control != "" {
		tap = steered.note
	}
	report, err := a.batch(ctx, o, "json", signals, tap)
	if report != nil {
		if steered.elsewhere(o) {
			report.Command = repeatCommand(steered.fold.View())
		}
		a.tellWarnings(report)
		if writeErr := a.writeJSON(o.output, report); writeErr != nil {
			return writeErr
		}
	}
	return signals.outcome(err)
}

// batch runs a worker to its end and hands its records to tap. The first interrupt ends the run in
// good order, the second at once.
func (a *app) batch(
	ctx context.Context, o *options, mode string, signals *interrupts, tap func(profiler.Record),
) (*profiler.Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log, err := openDebugLog(o.debug)
	if err != nil {
		return nil, err
	}
	defer log.close()
	if o.remote.away() {
		tap = a.tellVersion(o.remote.place(), tap)
	}
	traced, err := openTrace(o.trace)
	if err != nil {
		return nil, err
	}
	f, err := a.startFront(ctx, o, mode, log.writer(), traced.tap(tap))
	if err != nil {
		return nil, errors.Join(err, traced.close())
	}
	stop := context.AfterFunc(ctx, func() { _ = f.Close() })
	defer stop()
	finished := make(chan struct{})
	defer close(finished)
	go func() {
		select {
		case <-signals.second:
			cancel()
		case <-finished:
		}
	}()
	report, err := f.Batch(ctx, signals.first)
	return report, errors.Join(err, f.Close(), traced.close())
}

// tellWarnings says on stderr what a reader of the figures has to know.
func (a *app) tellWarnings(report *profiler.Report) {
	if report.EngineReason != "" {
		_, _ = fmt.Fprintf(a.stderr, "%s: running on the CPU reference engine: %s\n", a.program, report.EngineReason)
	}
	if why := report.KernelsReason; why != "" {
		_, _ = fmt.Fprintf(a.stderr, "%s: kernels: %s\n", a.program, why)
	}
	for _, w := range report.Warnings {
		_, _ = fmt.Fprintf(a.stderr, "%s: %s: %s\n", a.program, w.Code, w.Text)
	}
}

// debugLog is the file of --debug-log, or nothing.
type debugLog struct{ file *os.File }

func openDebugLog(path string) (debugLog, error) {
	if path == "" {
		return debugLog{}, nil
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return debugLog{}, usage(fmt.Errorf("--debug-log: %w", err))
	}
	return debugLog{file}, nil
}

// writer is nil without a file, and not an interface around nil.
func (l debugLog) writer() io.Writer {
	if l.file == nil {
		return nil
	}
	return l.file
}

func (l debugLog) close() {
	if l.file != nil {
		_ = l.file.Close()
	}
}
