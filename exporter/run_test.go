package exporter

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

// fakeSource is a front whose worker does what the test says.
type fakeSource struct {
	views    chan *profiler.View
	restarts []time.Time
	restart  func(attempt int) // nil does nothing
}

func (s *fakeSource) Views() <-chan *profiler.View { return s.views }

func (s *fakeSource) Restart() error {
	s.restarts = append(s.restarts, time.Now())
	if s.restart != nil {
		s.restart(len(s.restarts))
	}
	return nil
}

func died(cause string) *profiler.View {
	return &profiler.View{Worker: profiler.WorkerState{Phase: profiler.WorkerDied, Cause: cause}}
}

// TestRestarts lets workers die at once, and later one that has lived for long.
func TestRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log []string
		e, err := New("test", func(line string) { log = append(log, line) })
		if err != nil {
			t.Fatal(err)
		}
		source := &fakeSource{views: make(chan *profiler.View, 1)}
		const quickDeaths, longLife = 8, 10 * time.Minute
		source.restart = func(attempt int) {
			switch {
			case attempt < quickDeaths:
				source.views <- died("segmentation fault")
			case attempt == quickDeaths:
				source.views <- fullView(time.Now())
				time.AfterFunc(longLife, func() { source.views <- &profiler.View{Worker: profiler.WorkerState{Phase: profiler.WorkerEnded}} })
			default:
				source.views <- fullView(time.Now())
			}
		}
		began := time.Now()
		source.views <- died("segmentation fault")
		done := make(chan error)
		go func() { done <- e.Run(ctx, source) }()
		time.Sleep(time.Hour)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		var pauses []time.Duration
		last := began
		for _, at := range source.restarts {
			pauses = append(pauses, at.Sub(last))
			last = at
		}
		want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, longLife/time.Second + 1}
		if len(pauses) != len(want) {
			t.Fatalf("pauses %v", pauses)
		}
		for i := range want {
			if pauses[i] != want[i]*time.Second {
				t.Errorf("pause %d: %v, want %v s", i, pauses[i], int(want[i]))
			}
		}
		if got := gather(t, e)["moetop_worker_restarts_total"].Metric[0].GetCounter().GetValue(); got != float64(len(want)) {
			t.Errorf("%v restarts are counted", got)
		}
		all := strings.Join(log, "\n")
		if !strings.Contains(all, "segmentation fault") || !strings.Contains(all, "ended by others") || len(log) != len(want) {
			t.Errorf("log %q", all)
		}
	})
}

func TestPermanentFailures(t *testing.T) {
	t.Parallel()
	failed := func(code int, workload bool) *profiler.View {
		v := died("it says why")
		v.Failure = &profiler.Failure{ExitCode: code, Text: "it says why"}
		if workload {
			v.Workload = &profiler.WorkloadRecord{}
		}
		return v
	}
	tests := map[string]struct {
		view *profiler.View
		code int // 0: it is tried again
	}{
		"usage":               {failed(codeUsage, false), codeUsage},
		"no GPU":              {failed(codeNoGPU, false), codeNoGPU},
		"a GPU that was lost": {failed(codeNoGPU, true), 0},
		"failure":             {failed(1, false), 0},
		"crash":               {died("crash"), 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
				defer cancel()
				source := &fakeSource{views: make(chan *profiler.View, 1)}
				source.views <- test.view
				err := newExporter(t).Run(ctx, source)
				permanent, ok := errors.AsType[*PermanentError](err)
				if ok != (test.code != 0) || ok && (permanent.ExitCode != test.code || permanent.Error() != "it says why") {
					t.Errorf("error %v", err)
				}
				if tried := len(source.restarts) > 0; tried == ok {
					t.Errorf("tried again: %v", tried)
				}
			})
		})
	}
}

func TestClosedFront(t *testing.T) {
	t.Parallel()
	views := make(chan *profiler.View)
	close(views)
	if err := newExporter(t).Run(t.Context(), &fakeSource{views: views}); !errors.Is(err, errClosed) {
		t.Errorf("error %v", err)
	}
}
