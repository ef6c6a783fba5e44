package saved

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// Track is how a stream went on over time.
type Track struct {
	Start   time.Time
	Moments []Moment // oldest first
	Marks   []profiler.Mark
}

// Moment is one sample of a stream, without what the report repeats. A nil pointer is unknown.
type Moment struct {
	Time                 time.Time
	StepUS               *float64 // median of the sample's steps
	SMUtilizationPercent *float64
	SMClockMHz           *float64
	PowerWatts           *float64
	ThrottleReasons      []string
	ES                   profiler.ESMask
	AB                   bool // all masks ran in turn
}

var errSweepBehind = errors.New("it begins a sweep behind a stream: files joined to one have to be of one kind")

// readStreams reads a stream, or several that were joined. Each begins with a header. Of one that
// has no summary, since its end was cut off, the newest sample makes the report.
func readStreams(in io.Reader) ([]Run, error) {
	decoder := profiler.NewDecoder(in)
	decoder.Refuse(sweep.Kind, errSweepBehind)
	var runs []Run
	var current *follower
	finish := func() error {
		if current == nil {
			return nil
		}
		run, err := current.run()
		runs = append(runs, run)
		return err
	}
	for {
		record, err := decoder.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, profiler.ErrTruncated) && current != nil:
			return runs, finish()
		case err != nil:
			return nil, err
		}
		if record.Kind == profiler.KindHeader {
			if err := finish(); err != nil {
				return nil, err
			}
			current = &follower{fold: profiler.NewFold()}
		}
		if current == nil {
			return nil, fmt.Errorf("a %s record comes first: a stream begins with its header", record.Kind)
		}
		current.apply(record)
	}
}

// follower gathers one stream.
type follower struct {
	fold  *profiler.Fold
	track Track
	last  time.Time
}

func (f *follower) apply(r profiler.Record) {
	f.fold.Apply(r)
	if f.track.Start.IsZero() {
		f.track.Start = r.Time
	}
	switch r.Kind {
	case profiler.KindSample:
		f.track.Moments = append(f.track.Moments, moment(r.Time, r.Sample, f.last))
		if reading := r.Sample.NVML; reading != nil {
			f.last = reading.Time
		}
		f.collectMarks(r.Time)
	case profiler.KindToggle, profiler.KindWorkload:
		f.collectMarks(r.Time)
	case profiler.KindHeader, profiler.KindLaunches, profiler.KindAck, profiler.KindWarning, profiler.KindFailure, profiler.KindSummary:
	}
}

// collectMarks takes the marks that the record of that time has made. The fold forgets old ones.
func (f *follower) collectMarks(at time.Time) {
	for _, mark := range f.fold.View().Marks {
		if mark.Time.Equal(at) && !slices.Contains(f.track.Marks, mark) {
			f.track.Marks = append(f.track.Marks, mark)
		}
	}
}

// moment thins a sample. A reading that is stale, or that an earlier sample had, is not shown again.
func moment(at time.Time, s *profiler.Sample, last time.Time) Moment {
	m := Moment{Time: at, ES: s.ES, AB: s.AB}
	if steps := slices.Sorted(slices.Values(s.Recent.StepUS)); len(steps) > 0 {
		median := (steps[(len(steps)-1)/2] + steps[len(steps)/2]) / 2
		m.StepUS = &median
	}
	if r := s.NVML; r != nil && !r.Stale && r.Time.After(last) {
		m.SMUtilizationPercent, m.SMClockMHz, m.PowerWatts = r.SMUtilizationPercent, r.SMClockMHz, r.PowerWatts
		m.ThrottleReasons = r.ThrottleReasons
	}
	return m
}

func (f *follower) run() (Run, error) {
	view := f.fold.View()
	report := view.Summary
	switch {
	case report != nil:
	case view.Failure != nil && view.Sample == nil:
		return Run{}, fmt.Errorf("the stream is of a run that failed: %s", view.Failure.Text)
	case view.Workload == nil || view.Sample == nil:
		return Run{}, errors.New("the stream ends before anything was measured")
	default:
		report = view.Report(true)
	}
	run := reportRun(Stream, report)
	run.Track = &f.track
	return run, nil
}
