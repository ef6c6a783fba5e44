package recording

import (
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
)

const (
	// flushTime keeps the promise that a kill loses at most the last second.
	flushTime = 500 * time.Millisecond
	// maxWaiting bounds the samples that wait for a slow disk.
	maxWaiting = 256
)

// Recorder writes a recording in a goroutine of its own, so that a disk that is slow or full never
// holds up whoever has the records. It may be used by several goroutines.
type Recorder struct {
	w    *Writer
	done chan struct{}
	wake chan struct{} // capacity 1
	fail chan struct{} // closed with the first error

	mu     sync.Mutex
	queue  *profiler.Backlog
	closed bool
	status Status
}

// Status is how a recording fares.
type Status struct {
	Records int   // written
	Lost    int   // samples that a slow disk has lost
	Bytes   int64 // of the file
	Err     error // the first one; nothing is written after it
}

// NewRecorder takes the writer over, and closes it at the end.
func NewRecorder(w *Writer) *Recorder {
	r := &Recorder{
		w: w, done: make(chan struct{}), wake: make(chan struct{}, 1), fail: make(chan struct{}),
		queue: profiler.NewBacklog(maxWaiting), status: Status{Bytes: w.Size()},
	}
	go r.run()
	return r
}

// Add queues a record and never waits.
func (r *Recorder) Add(record profiler.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.status.Err != nil {
		return
	}
	if r.queue.Add(record) {
		r.status.Lost++
	}
	r.ring()
}

func (r *Recorder) ring() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Status returns how the recording fares.
func (r *Recorder) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}

// Failed is closed with the first error: nothing is recorded any more.
func (r *Recorder) Failed() <-chan struct{} { return r.fail }

// Close writes what is queued, ends the recording in good order and returns its first error. Calling
// it again changes nothing.
func (r *Recorder) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.ring()
	<-r.done
	return r.Status().Err
}

func (r *Recorder) run() {
	defer close(r.done)
	flush := time.NewTicker(flushTime)
	defer flush.Stop()
	dirty := false
	for {
		var err error
		select {
		case <-r.wake:
			records, open := r.take()
			for i := 0; i < len(records) && err == nil; i++ {
				err = r.w.Add(records[i])
			}
			dirty = dirty || len(records) > 0
			if !open {
				r.note(len(records), r.w.Close())
				return
			}
			r.note(len(records), err)
		case <-flush.C:
			if !dirty {
				continue
			}
			dirty = false
			r.note(0, r.w.Flush())
		}
	}
}

func (r *Recorder) take() (records []profiler.Record, open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	records = r.queue.Take()
	return records, !r.closed
}

func (r *Recorder) note(records int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.Err == nil && err != nil {
		r.status.Err = err
		close(r.fail)
	}
	if r.status.Err == nil {
		r.status.Records += records
	} else {
		r.queue.Take() // Nothing is written any more.
	}
	r.status.Bytes = r.w.Size()
}
