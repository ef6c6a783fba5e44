package main

import (
	"bufio"
	"fmt"
	"io"
	"sync"

	"github.com/moetop/moetop/profiler"
)

// maxWaitingSamples bounds the samples that wait for a slow reader: some seconds of them.
const maxWaitingSamples = 32

// stream writes records in a goroutine of its own, so that a reader that is slow, or does not read at
// all, never holds up the session. It then loses the oldest samples; every other record is kept.
type stream struct {
	route   func(profiler.Record) profiler.Record // sees the session's records first; may be nil
	out     *bufio.Writer
	encoder *profiler.Encoder
	failed  chan struct{} // closed when the reader is gone
	done    chan struct{}

	mu      sync.Mutex
	more    *sync.Cond
	queue   *profiler.Backlog
	dropped uint64
	closed  bool
	err     error
	step    uint64 // of the newest record
	gen     uint64
}

func newStream(out io.Writer) *stream {
	buffered := bufio.NewWriterSize(out, 64<<10)
	s := &stream{
		out: buffered, encoder: profiler.NewEncoder(buffered),
		failed: make(chan struct{}), done: make(chan struct{}), queue: profiler.NewBacklog(maxWaitingSamples),
	}
	s.more = sync.NewCond(&s.mu)
	go s.write()
	return s
}

// emit queues a record; it never waits.
func (s *stream) emit(r profiler.Record) {
	if s.route != nil {
		r = s.route(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.step, s.gen = r.Step, r.Generation
	s.add(r)
}

// add queues a record. The caller holds the lock.
func (s *stream) add(r profiler.Record) {
	if s.closed || s.err != nil {
		return
	}
	if r.Kind == profiler.KindLaunches {
		s.queue.SupersedeLaunches(r.Launches.ES)
	}
	if s.queue.Add(r) {
		s.dropped++
	}
	s.more.Signal()
}

// answer queues an answer to a control line that the session never saw, at the newest step.
func (s *stream) answer(r profiler.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Step, r.Generation = s.step, s.gen
	s.add(r)
}

// close writes what is queued and returns the first error of the writer.
func (s *stream) close() error {
	s.mu.Lock()
	s.closed = true
	s.more.Signal()
	s.mu.Unlock()
	<-s.done
	return s.err
}

func (s *stream) write() {
	defer close(s.done)
	for {
		records, open := s.take()
		if err := s.put(records); err != nil {
			s.fail(err)
			return
		}
		if !open {
			return
		}
	}
}

// take waits for records; open is false after the last.
func (s *stream) take() (records []profiler.Record, open bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.queue.Len() == 0 && !s.closed {
		s.more.Wait()
	}
	records = s.queue.Take()
	for i := range records {
		if records[i].Sample != nil {
			// A copy, since the session may go on with its own.
			sample := *records[i].Sample
			sample.Dropped = s.dropped
			records[i].Sample = &sample
		}
	}
	return records, !s.closed
}

func (s *stream) put(records []profiler.Record) error {
	for _, r := range records {
		if err := s.encoder.Encode(r); err != nil {
			return fmt.Errorf("write the stream: %w", err)
		}
	}
	if err := s.out.Flush(); err != nil {
		return fmt.Errorf("write the stream: %w", err)
	}
	return nil
}

func (s *stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.queue.Take()
	close(s.failed)
}
