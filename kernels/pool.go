package kernels

import (
	"sync"
	"sync/atomic"
)

// pool runs the tasks of a stage on a number of goroutines that end with the stage: starting them
// costs a few microseconds, and an engine that is closed leaves nothing behind.
type pool struct{ workers int }

// run calls f for the tasks 0..n-1, dealt out in order, and waits for all. worker is below workers
// and never has two tasks at a time.
func (p pool) run(n int, f func(worker, task int)) {
	if n <= 1 || p.workers == 1 {
		for task := range n {
			f(0, task)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for worker := range min(p.workers, n) {
		wg.Go(func() {
			for {
				task := int(next.Add(1)) - 1
				if task >= n {
					return
				}
				f(worker, task)
			}
		})
	}
	wg.Wait()
}
