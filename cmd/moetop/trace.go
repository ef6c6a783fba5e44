package main

import (
	"fmt"
	"os"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/trace"
)

// traceFile is the file of --trace, or nothing.
type traceFile struct{ recorder *trace.Recorder }

func openTrace(path string) (traceFile, error) {
	if path == "" {
		return traceFile{}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return traceFile{}, usage(fmt.Errorf("--trace: %w", err))
	}
	return traceFile{trace.NewRecorder(file)}, nil
}

// tap hands records to the trace, and to next if there is one.
func (t traceFile) tap(next func(profiler.Record)) func(profiler.Record) {
	if t.recorder == nil {
		return next
	}
	return func(r profiler.Record) {
		t.recorder.Add(r)
		if next != nil {
			next(r)
		}
	}
}

// close ends the trace, once nothing taps any more.
func (t traceFile) close() error {
	if t.recorder == nil {
		return nil
	}
	if err := t.recorder.Close(); err != nil {
		return fmt.Errorf("--trace: %w", err)
	}
	return nil
}
