package ui

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

// viewMsg is the newest view; sourceClosedMsg says that there will be no more.
type (
	viewMsg         struct{ view *profiler.View }
	sourceClosedMsg struct{}
)

// pumpViews hands views to the screen, one a frame at most. The channel keeps the newest view only,
// so a slow terminal drops frames, never measurements.
func pumpViews(ctx context.Context, views <-chan *profiler.View, send func(tea.Msg), pause time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case view, ok := <-views:
			if !ok {
				send(sourceClosedMsg{})
				return
			}
			send(viewMsg{view})
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// pumpSweeps hands the states of sweeps to the screen, one a frame at most.
func pumpSweeps(ctx context.Context, updates <-chan *SweepUpdate, send func(tea.Msg), pause time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return
		case update := <-updates:
			send(sweepMsg{update})
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// panicError is a panic of a goroutine or a command of the screen, turned into an error so that the
// terminal is restored before anybody reads about it.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("screen: panic: %v\n%s", e.value, e.stack) }

// helpers are the goroutines beside the program. A panic in one of them ends the program.
type helpers struct {
	kill  func()
	group sync.WaitGroup
	mu    sync.Mutex
	first error
}

func newHelpers(kill func()) *helpers { return &helpers{kill: kill} }

func (h *helpers) start(work func()) {
	h.group.Go(func() {
		defer func() {
			if value := recover(); value != nil {
				h.mu.Lock()
				if h.first == nil {
					h.first = &panicError{value, debug.Stack()}
				}
				h.mu.Unlock()
				h.kill()
			}
		}()
		work()
	})
}

// wait returns when all have ended, with the first panic.
func (h *helpers) wait() error {
	h.group.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.first
}

// panicMsg carries a command's panic to the model, which ends the program with it.
type panicMsg struct{ err error }

// guarded wraps a command, so that its panic ends the program in good order.
func guarded(cmd tea.Cmd) tea.Cmd {
	return func() (msg tea.Msg) {
		defer func() {
			if value := recover(); value != nil {
				msg = panicMsg{&panicError{value, debug.Stack()}}
			}
		}()
		return cmd()
	}
}
