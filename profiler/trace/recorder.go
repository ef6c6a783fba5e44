package trace

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/moetop/moetop/profiler"
)

// waiting bounds the records that wait for a slow disk.
const waiting = 1024

// Recorder writes a trace in a goroutine of its own, so that whoever has the records never waits. Add
// is called from one goroutine.
type Recorder struct {
	records chan profiler.Record
	done    chan struct{}
	once    sync.Once
	lost    int
	err     error // once done is closed
}

// NewRecorder takes the file over, and closes it at the end.
func NewRecorder(file io.WriteCloser) *Recorder {
	r := &Recorder{records: make(chan profiler.Record, waiting), done: make(chan struct{})}
	go r.run(file)
	return r
}

// Add queues a record, and loses it if the disk is far behind.
func (r *Recorder) Add(record profiler.Record) {
	select {
	case r.records <- record:
	default:
		r.lost++
	}
}

// Close writes what is queued and ends the trace. It is called when Add is no more.
func (r *Recorder) Close() error {
	r.once.Do(func() { close(r.records) })
	<-r.done
	if r.err == nil && r.lost > 0 {
		return fmt.Errorf("write the trace: %d records were lost to a slow disk", r.lost)
	}
	return r.err
}

func (r *Recorder) run(file io.WriteCloser) {
	defer close(r.done)
	w := NewWriter(file)
	for record := range r.records {
		// A failed writer keeps its error and takes no more.
		_ = w.Add(record)
	}
	r.err = errors.Join(w.Close(), file.Close())
}
