package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
)

// watchdog notices a call into an engine that does not come back.
type watchdog struct {
	limit time.Duration
	hung  chan error // of capacity 1

	mu    sync.Mutex
	call  string // that is under way; empty for none
	since time.Time
}

func newWatchdog(limit time.Duration) *watchdog {
	return &watchdog{limit: limit, hung: make(chan error, 1)}
}

// start looks again and again until stop is called.
func (w *watchdog) start() (stop func()) {
	quit := make(chan struct{})
	var joined sync.WaitGroup
	joined.Go(func() {
		tick := time.NewTicker(w.limit / 10)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case now := <-tick.C:
				if err := w.look(now); err != nil {
					w.hung <- err
					return
				}
			}
		}
	})
	return func() {
		close(quit)
		joined.Wait()
	}
}

func (w *watchdog) look(now time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.call == "" || now.Sub(w.since) < w.limit {
		return nil
	}
	return fmt.Errorf("the GPU hangs: %s has not come back for %v", w.call, now.Sub(w.since).Round(time.Second))
}

// during marks a call as under way until its end.
func (w *watchdog) during(call string) (end func()) {
	w.mark(call)
	return func() { w.mark("") }
}

func (w *watchdog) mark(call string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.call, w.since = call, time.Now()
}

// watchedEngine tells its watchdog of the calls that wait for the GPU.
type watchedEngine struct {
	profiler.OperandSetter
	watch *watchdog
}

// Run implements profiler.Engine.
func (e watchedEngine) Run(n int) error {
	defer e.watch.during(fmt.Sprintf("launching %d steps", n))()
	return e.OperandSetter.Run(n)
}

// Sync implements profiler.Engine.
func (e watchedEngine) Sync() error {
	defer e.watch.during("waiting for the steps")()
	return e.OperandSetter.Sync()
}

// SetRoutings implements profiler.OperandSetter.
func (e watchedEngine) SetRoutings(ring []profiler.TopK) error {
	defer e.watch.during("setting the routings")()
	return e.OperandSetter.SetRoutings(ring)
}

// SetInput implements profiler.OperandSetter.
func (e watchedEngine) SetInput(input []uint16) error {
	defer e.watch.during("setting the input")()
	return e.OperandSetter.SetInput(input)
}

// ReadTensor implements profiler.Engine.
func (e watchedEngine) ReadTensor(t profiler.Tensor, offset uint64, dst []byte) error {
	defer e.watch.during(fmt.Sprintf("reading tensor %d", t))()
	return e.OperandSetter.ReadTensor(t, offset, dst)
}
