package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/recording"
	"github.com/moetop/moetop/ui"
)

// screenRecorder records the stream of the screen's session while it is on, as moetop record does.
type screenRecorder struct {
	saver saver

	mu       sync.Mutex
	recorder *recording.Recorder // nil while it is off
	path     string
	first    time.Time // of its records
	newest   time.Time // of the stream
	// A recording that begins in the middle of a session begins with what its samples build on.
	header, workload *profiler.Record
	launches         [profiler.NumMasks]*profiler.Record
}

// tap sees every record of the stream, and hands it to next if there is one.
func (s *screenRecorder) tap(next func(profiler.Record)) func(profiler.Record) {
	return func(r profiler.Record) {
		s.take(r)
		if next != nil {
			next(r)
		}
	}
}

func (s *screenRecorder) take(r profiler.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = r.Time
	switch r.Kind {
	case profiler.KindHeader:
		s.header, s.workload, s.launches = &r, nil, [profiler.NumMasks]*profiler.Record{}
	case profiler.KindWorkload:
		s.workload, s.launches = &r, [profiler.NumMasks]*profiler.Record{}
	case profiler.KindLaunches:
		s.launches[r.Launches.ES] = &r
	case profiler.KindSample, profiler.KindToggle, profiler.KindAck, profiler.KindWarning, profiler.KindFailure, profiler.KindSummary:
	}
	if s.recorder != nil {
		s.recorder.Add(r)
	}
}

// Start implements ui.Recorder.
func (s *screenRecorder) Start() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recorder != nil {
		return "", fmt.Errorf("a recording to %s runs already", s.path)
	}
	if s.header == nil {
		return "", errors.New("nothing is streamed yet that could be recorded")
	}
	var w *recording.Writer
	path, err := s.saver.inNew("moetop", ".moetop", func(path string) (err error) {
		w, err = recording.Create(path)
		return err
	})
	if err != nil {
		return "", err
	}
	s.recorder, s.path, s.first = recording.NewRecorder(w), path, s.newest
	for _, r := range append([]*profiler.Record{s.header, s.workload}, s.launches[:]...) {
		if r != nil {
			// It holds now, too; a replay must not wait from then to now.
			again := *r
			again.Time = s.newest
			s.recorder.Add(again)
		}
	}
	return path, nil
}

// Stop implements ui.Recorder.
func (s *screenRecorder) Stop() (ui.Recording, error) {
	s.mu.Lock()
	recorder, path, elapsed := s.recorder, s.path, s.newest.Sub(s.first)
	s.recorder = nil
	s.mu.Unlock()
	if recorder == nil {
		return ui.Recording{}, errors.New("nothing is recorded")
	}
	err := recorder.Close()
	status := recorder.Status()
	if err != nil {
		err = fmt.Errorf("the recording %s is cut short: %w", path, err)
	}
	return ui.Recording{Path: path, Elapsed: elapsed, Bytes: status.Bytes, Lost: status.Lost}, err
}

// Status implements ui.Recorder.
func (s *screenRecorder) Status() (ui.Recording, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.recorder == nil {
		return ui.Recording{}, false
	}
	status := s.recorder.Status()
	return ui.Recording{
		Path: s.path, Elapsed: s.newest.Sub(s.first), Bytes: status.Bytes, Lost: status.Lost, Err: status.Err,
	}, true
}

// close ends a recording that still runs, and says where it is.
func (s *screenRecorder) close() (words string, err error) {
	if _, on := s.Status(); !on {
		return "", nil
	}
	r, err := s.Stop()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("recorded %v to %s", r.Elapsed.Round(100*time.Millisecond), r.Path), nil
}
