package front

import (
	"context"
	"fmt"

	"github.com/moetop/moetop/profiler"
)

// DiedError says that a worker did not end in good order.
type DiedError struct {
	Cause    string
	ExitCode int // that the program should end with: 1 failure, 2 usage, 3 no usable GPU
}

func (e *DiedError) Error() string { return e.Cause }

// Batch waits for the end of the run and returns its report. An interrupt ends the run early; the
// report is then marked as partial. A worker that dies leaves a partial report of what it sent before,
// or nil if that was nothing, and a *DiedError. When ctx is done the worker is left to Close.
func (f *Front) Batch(ctx context.Context, interrupt <-chan struct{}) (*profiler.Report, error) {
	interrupted := false
	for {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for the worker: %w", context.Cause(ctx))
		case <-interrupt:
			interrupt = nil
			interrupted = true
			f.Stop()
		case view, open := <-f.views:
			if !open {
				return nil, fmt.Errorf("wait for the worker: %w", ErrNoWorker)
			}
			if phase := view.Worker.Phase; phase == profiler.WorkerEnded || phase == profiler.WorkerDied {
				return outcome(view, interrupted)
			}
		}
	}
}

func outcome(view *profiler.View, interrupted bool) (*profiler.Report, error) {
	var report *profiler.Report
	switch {
	case view.Summary != nil:
		whole := *view.Summary
		whole.Partial = whole.Partial || interrupted
		// The worker was only told to stop; the interrupt was ours.
		if interrupted && whole.EndedBy == profiler.EndStopped {
			whole.EndedBy = profiler.EndInterrupted
		}
		report = &whole
	case view.Header != nil && view.Workload != nil && view.Sample != nil:
		report = view.Report(true)
	}
	if view.Worker.Phase == profiler.WorkerEnded {
		return report, nil
	}
	died := &DiedError{Cause: view.Worker.Cause, ExitCode: 1}
	if view.Failure != nil && view.Failure.ExitCode != 0 {
		died.ExitCode = view.Failure.ExitCode
	}
	return report, died
}
