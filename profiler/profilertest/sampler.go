package profilertest

import (
	"sync"

	"github.com/moetop/moetop/profiler"
)

// Sampler is a profiler.Sampler that shows what it is told to.
type Sampler struct {
	mu       sync.Mutex
	reading  profiler.Reading
	known    bool
	problems []string
	closed   int
}

// Show makes a reading the newest one.
func (s *Sampler) Show(r profiler.Reading) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading, s.known = r, true
}

// Complain adds a problem.
func (s *Sampler) Complain(problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, problem)
}

// Closed is how often Close was called.
func (s *Sampler) Closed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Latest implements profiler.Sampler.
func (s *Sampler) Latest() (profiler.Reading, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reading, s.known
}

// Problems implements profiler.Sampler.
func (s *Sampler) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	problems := s.problems
	s.problems = nil
	return problems
}

// Close implements profiler.Sampler.
func (s *Sampler) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed++
	return nil
}
