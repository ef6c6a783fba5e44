package nvml

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
)

const (
	// DefaultInterval is the time between two readings, and the length of a GPM window.
	DefaultInterval = 250 * time.Millisecond
	// MinInterval is the shortest window in which GPM's counters mean something.
	MinInterval = 110 * time.Millisecond
	// DefaultDeadline is how long a call may take before the readings count as stale. On a healthy
	// GPU a call takes some 100 µs, rarely 100 ms.
	DefaultDeadline = 500 * time.Millisecond

	openTimeout    = 3 * time.Second
	closeGrace     = 200 * time.Millisecond
	firstBackoff   = time.Second
	longestBackoff = 30 * time.Second
)

// Options choose what a Sampler reads.
type Options struct {
	UUID     string        // of the GPU: GPU-xxxxxxxx-...
	PID      int           // the process whose memory share is read
	Interval time.Duration // 0 is DefaultInterval; at least MinInterval
	Deadline time.Duration // of one call; 0 is DefaultDeadline
}

// Sampler reads one GPU in a goroutine of its own.
type Sampler struct {
	dev  device
	opts Options

	stop     chan struct{}
	done     chan struct{}
	opened   chan error // the outcome of the first connection, once
	stopOnce sync.Once

	mu       sync.Mutex
	reading  profiler.Reading
	have     bool
	lost     bool
	driver   string
	problems []string
	call     string    // the call that is under way, or empty
	since    time.Time // when it began
	late     bool      // that call was already reported as late
}

// Open connects to the GPU and starts to read it. It fails within three seconds if NVML cannot be
// loaded, has no such GPU, or does not answer.
func Open(opts Options) (*Sampler, error) { return open(newDriver(), opts) }

func open(dev device, opts Options) (*Sampler, error) {
	if opts.UUID == "" {
		return nil, errors.New("nvml: no GPU was named")
	}
	if opts.Interval == 0 {
		opts.Interval = DefaultInterval
	}
	if opts.Interval < MinInterval {
		return nil, fmt.Errorf("nvml: interval %v is not allowed: at least %v", opts.Interval, MinInterval)
	}
	if opts.Deadline == 0 {
		opts.Deadline = DefaultDeadline
	}
	s := &Sampler{
		dev: dev, opts: opts,
		stop: make(chan struct{}), done: make(chan struct{}), opened: make(chan error, 1),
	}
	go s.read()
	timeout := time.NewTimer(openTimeout)
	defer timeout.Stop()
	select {
	case err := <-s.opened:
		if err != nil {
			<-s.done
			return nil, fmt.Errorf("nvml: %w", err)
		}
		return s, nil
	case <-timeout.C:
		// The goroutine is left with its call; it ends when the call does.
		s.stopOnce.Do(func() { close(s.stop) })
		return nil, fmt.Errorf("nvml: %s has not answered for %v", s.underway(), openTimeout)
	}
}

func (s *Sampler) underway() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.call
}

// Latest implements profiler.Sampler. The reading is stale while a call is later than its deadline,
// while NVML is lost, and when readings fail to come.
func (s *Sampler) Latest() (profiler.Reading, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.reading
	now := time.Now()
	r.Stale = s.lost || s.overdue(now) || now.Sub(r.Time) > 2*s.opts.Interval+s.opts.Deadline
	return r, s.have
}

// overdue reports whether the call under way is late. The caller holds the lock.
func (s *Sampler) overdue(now time.Time) bool {
	return s.call != "" && now.Sub(s.since) > s.opts.Deadline
}

// Problems implements profiler.Sampler.
func (s *Sampler) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := time.Now(); s.overdue(now) && !s.late {
		s.late = true
		s.problems = append(s.problems, fmt.Sprintf("NVML: %s has not answered for %v; its figures are stale",
			s.call, now.Sub(s.since).Round(100*time.Millisecond)))
	}
	problems := s.problems
	s.problems = nil
	return problems
}

// Driver returns the driver's version, or "" if NVML does not tell.
func (s *Sampler) Driver() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.driver
}

// Close implements profiler.Sampler. It waits a moment for a call that is under way; a call that
// hangs is left behind.
func (s *Sampler) Close() error {
	s.stopOnce.Do(func() { close(s.stop) })
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-s.done:
	case <-grace.C:
	}
	return nil
}
