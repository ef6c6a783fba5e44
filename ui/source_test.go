package ui

import (
	"sync"

	"github.com/moetop/moetop/profiler"
)

// fakeSource delivers what a test puts into it and keeps the commands that it is sent.
type fakeSource struct {
	views     chan *profiler.View
	commands  chan profiler.Command
	mu        sync.Mutex
	sendErr   error
	onRestart func() error
	restarts  int
}

func newFakeSource() *fakeSource {
	return &fakeSource{views: make(chan *profiler.View, 1), commands: make(chan profiler.Command, 100)}
}

func (s *fakeSource) Views() <-chan *profiler.View { return s.views }

func (s *fakeSource) Send(cmd profiler.Command) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sendErr != nil {
		return s.sendErr
	}
	s.commands <- cmd
	return nil
}

func (s *fakeSource) Restart() error {
	s.mu.Lock()
	s.restarts++
	run := s.onRestart
	s.mu.Unlock()
	if run != nil {
		return run()
	}
	return nil
}
