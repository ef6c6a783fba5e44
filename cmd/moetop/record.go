package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/recording"
)

// recordOptions are the flags of moetop record beside those of a run.
type recordOptions struct {
	run      *options
	path     string
	goOn     bool
	elapsed  time.Duration // of the records
	first    time.Time
	recorder *recording.Recorder
}

// notForRecord are flags of a run that choose what a recording is not: a screen or an output.
func notForRecord(name string) bool {
	switch name {
	case "json", "ndjson", "control", "output", "theme", "view", "save-config", "ascii", "no-mouse", "fps", "front-mode":
		return true
	}
	return false
}

func (a *app) recordCommand() *cobra.Command {
	o := &recordOptions{run: defaultOptions()}
	cmd := &cobra.Command{
		Use:   "record --output FILE",
		Short: "Run without a screen and keep the stream in a file, for moetop replay",
		Long: `record runs as moetop --ndjson does, and keeps the stream in a compressed file that moetop replay
shows on the screen or prints. It ends with --duration, --steps or ctrl-c. A kill loses at most the
last second; --append goes on with the file.`,
		Example: "  moetop record --output run.moetop --ab --duration 1m",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.run.complete(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			return a.runRecord(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&o.path, "output", "o", "", "`FILE` to record to; it must not exist yet")
	addBool(flags, &o.goOn, "append", "go on with FILE if it exists")
	run := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.run.register(run)
	run.VisitAll(func(f *pflag.Flag) {
		if !notForRecord(f.Name) {
			flags.AddFlag(f)
		}
	})
	return cmd
}

// open begins the recording. Whatever is wrong with the file is told before anything runs.
func (o *recordOptions) open() (*recording.Writer, error) {
	if o.path == "" {
		return nil, usage(errors.New("--output: a file to record to is needed"))
	}
	open := recording.Create
	if o.goOn {
		open = recording.Append
	}
	w, err := open(o.path)
	if errors.Is(err, os.ErrExist) {
		return nil, usage(fmt.Errorf("--output: %s exists: a new name is allowed, or --append to go on with it", o.path))
	}
	if err != nil {
		return nil, usage(fmt.Errorf("--output: %w", err))
	}
	return w, nil
}

func (a *app) runRecord(ctx context.Context, o *recordOptions) error {
	w, err := o.open()
	if err != nil {
		return err
	}
	o.recorder = recording.NewRecorder(w)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := watchInterrupts()
	defer signals.stop()
	finished := make(chan struct{})
	go func() {
		// A recording that cannot go on is no reason to keep the GPU.
		select {
		case <-o.recorder.Failed():
			cancel()
		case <-finished:
		}
	}()
	_, _ = fmt.Fprintf(a.stderr, "%s: recording to %s; ctrl-c ends it\n", a.program, o.path)
	report, err := a.batch(ctx, o.run, "interactive", signals, o.tap)
	close(finished)
	if failed := o.recorder.Close(); failed != nil {
		return failed
	}
	if report != nil {
		a.tellWarnings(report)
	}
	status := o.recorder.Status()
	_, _ = fmt.Fprintf(a.stderr, "%s: %s: %d records of %v, %.1f kB\n",
		a.program, o.path, status.Records, o.elapsed.Round(100*time.Millisecond), float64(status.Bytes)/1000)
	if status.Lost > 0 {
		_, _ = fmt.Fprintf(a.stderr, "%s: %s: %d samples were lost to a slow disk\n", a.program, o.path, status.Lost)
	}
	return signals.outcome(err)
}

// tap runs on the front's goroutine, which has ended when elapsed is read.
func (o *recordOptions) tap(r profiler.Record) {
	if o.first.IsZero() {
		o.first = r.Time
	}
	o.elapsed = max(o.elapsed, r.Time.Sub(o.first))
	o.recorder.Add(r)
}
