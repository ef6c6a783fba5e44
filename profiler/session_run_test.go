package profiler_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/profilertest"
)

// run is a session under test. err may be read once it has ended.
type run struct {
	mu       sync.Mutex // guards records
	lab      *profilertest.Lab
	commands chan profiler.Command
	cancel   context.CancelFunc
	records  []profiler.Record
	err      error
	ended    chan struct{}
}

func config(lab *profilertest.Lab) profiler.SessionConfig {
	w := profiler.CustomWorkload(8, 2, 128, 128)
	w.Tokens, w.Seed = 16, 7
	w.Routing = profiler.Routing{Kind: profiler.Uniform}
	return profiler.SessionConfig{
		Workload: w, Interval: 100 * time.Millisecond, RingLength: profiler.MinRing, Open: lab.Open,
		Kernels: "reference", Timer: "auto",
		Header: &profiler.Header{SchemaVersion: profiler.SchemaVersion, Command: []string{"moetop"}},
	}
}

// start runs a session in a goroutine of the current synctest bubble.
func start(t *testing.T, lab *profilertest.Lab, change func(*profiler.SessionConfig)) *run {
	t.Helper()
	r := &run{lab: lab, commands: make(chan profiler.Command, 16), ended: make(chan struct{})}
	cfg := config(lab)
	cfg.Commands = r.commands
	cfg.Emit = func(rec profiler.Record) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.records = append(r.records, rec)
	}
	if change != nil {
		change(&cfg)
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.cancel = cancel
	go func() {
		defer close(r.ended)
		r.err = profiler.RunSession(ctx, cfg)
	}()
	t.Cleanup(cancel)
	return r
}

// wait lets the session run for a time of the bubble's clock.
func (r *run) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (r *run) send(c profiler.Command) {
	r.commands <- c
	synctest.Wait()
}

// finish ends the session and returns its last record.
func (r *run) finish(t *testing.T) profiler.Record {
	t.Helper()
	r.cancel()
	<-r.ended
	return r.last(t)
}

func (r *run) last(t *testing.T) profiler.Record {
	t.Helper()
	if len(r.records) < 2 || r.records[0].Kind != profiler.KindHeader {
		t.Fatalf("stream of %d records does not begin with a header", len(r.records))
	}
	return r.records[len(r.records)-1]
}

func (r *run) kind(kind profiler.RecordKind) []profiler.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []profiler.Record
	for _, rec := range r.records {
		if rec.Kind == kind {
			found = append(found, rec)
		}
	}
	return found
}

func (r *run) sample(t *testing.T) *profiler.Sample {
	t.Helper()
	samples := r.kind(profiler.KindSample)
	if len(samples) == 0 {
		t.Fatal("no sample")
	}
	return samples[len(samples)-1].Sample
}

func (r *run) ack(t *testing.T, id string) profiler.Record {
	t.Helper()
	for _, rec := range r.kind(profiler.KindAck) {
		if rec.Ack.ID == id {
			return rec
		}
	}
	t.Fatalf("command %q was not answered", id)
	return profiler.Record{}
}

func es(id string, up, down bool) profiler.Command {
	return profiler.Command{ID: id, ES: &profiler.ESCommand{Up: &up, Down: &down}}
}
