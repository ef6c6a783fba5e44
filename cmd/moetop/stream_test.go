package main

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

// gate is a reader's end that takes nothing until it is opened.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	data bytes.Buffer
	err  error
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return 0, g.err
	}
	return g.data.Write(p)
}

func decode(t *testing.T, r io.Reader) []profiler.Record {
	t.Helper()
	var records []profiler.Record
	d := profiler.NewDecoder(r)
	for {
		record, err := d.Next()
		if errors.Is(err, io.EOF) {
			return records
		}
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
}

func TestSlowReaderLosesSamplesOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		s := newStream(g)
		const rounds = 1000
		for step := range uint64(rounds) {
			s.emit(profiler.Record{Kind: profiler.KindSample, Time: time.Now(), Step: step, Sample: &profiler.Sample{}})
			s.emit(profiler.Record{Kind: profiler.KindWarning, Time: time.Now(), Step: step, Warning: &profiler.Warning{Code: "test"}})
		}
		close(g.open)
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		warnings, samples, last, dropped := 0, 0, uint64(0), uint64(0)
		for _, r := range decode(t, &g.data) {
			if r.Step < last {
				t.Fatalf("step %d after %d", r.Step, last)
			}
			last = r.Step
			if r.Kind == profiler.KindSample {
				samples++
				dropped = r.Sample.Dropped
			} else {
				warnings++
			}
		}
		// One batch may have been taken before the reader got stuck.
		if warnings != rounds || samples < maxWaitingSamples || samples > 2*maxWaitingSamples+1 {
			t.Errorf("%d warnings, %d samples", warnings, samples)
		}
		if samples+int(dropped) != rounds {
			t.Errorf("%d of %d samples came, and %d are said to be lost", samples, rounds, dropped)
		}
	})
}

func TestStreamTellsOfALostReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{}), err: io.ErrClosedPipe}
		close(g.open)
		s := newStream(g)
		s.emit(profiler.Record{Kind: profiler.KindWarning, Warning: &profiler.Warning{}})
		<-s.failed
		s.emit(profiler.Record{Kind: profiler.KindWarning, Warning: &profiler.Warning{}})
		if err := s.close(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnswersCarryTheNewestStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		close(g.open)
		s := newStream(g)
		s.emit(profiler.Record{Kind: profiler.KindSample, Step: 41, Generation: 3, Sample: &profiler.Sample{}})
		s.answer(refusal("", &profiler.ArgumentError{Field: "tokens", Value: "0", Allowed: "more"}))
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		records := decode(t, &g.data)
		if a := records[1]; a.Step != 41 || a.Generation != 3 || a.Ack.Field != "tokens" || a.Ack.OK {
			t.Errorf("answer %+v %+v", a, a.Ack)
		}
	})
}

// TestReaderThatStopsLosesNoMeasurement stops reading a real run, and then reads what there is.
func TestReaderThatStopsLosesNoMeasurement(t *testing.T) {
	t.Parallel()
	p := startBinary(t, nil, small("--ndjson", "--interval", "20ms", "--control", "-", "--warmup", "0", "--duration", "2500ms")...)
	time.Sleep(4 * time.Second) // The run is over: its end waits for the reader.
	var newest profiler.Record
	var end *profiler.Report
	samples := 0
	for _, r := range decode(t, p.stdout) {
		switch {
		case r.Sample != nil:
			newest = r
			samples++
		case r.Summary != nil:
			end = r.Summary
		}
	}
	if p.wait(t) != exitDone || end == nil || newest.Sample == nil {
		t.Fatalf("no whole stream: %s", p.stderr)
	}
	if newest.Sample.Dropped == 0 || samples < maxWaitingSamples {
		t.Errorf("%d samples came, %d are said to be lost", samples, newest.Sample.Dropped)
	}
	if end.Partial || end.Lost != 0 || end.Step.OffOff == nil || end.Step.OffOff.Count != int64(end.Steps) {
		t.Errorf("the report lacks steps: %d, %d lost, %+v", end.Steps, end.Lost, end.Step.OffOff)
	}
}
