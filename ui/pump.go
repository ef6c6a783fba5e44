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

// pumpViews hands views to the screen, and tells it of their end.
func pumpViews(ctx context.Context, views <-chan *profiler.View, send func(tea.Msg), pause time.Duration) {
	pump(ctx, views, pause, func(view *profiler.View) { send(viewMsg{view}) })
	if ctx.Err() == nil {
		send(sourceClosedMsg{})
	}
}

// pump hands on what comes, one a frame at most, until there is no more or ctx is done. The channel keeps
// the newest only, so a slow terminal drops frames, never measurements. What is a little early is not
// kept waiting: where values come as often as frames, half of them would need a timer.
func pump[T any](ctx context.Context, values <-chan T, pause time.Duration, hand func(T)) {
	due := time.Now()
	for {
		var value T
		select {
		case <-ctx.Done():
			return
		case v, open := <-values:
			if !open {
				return
			}
			value = v
		}
		if early := time.Until(due); early > pause/4 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(early):
			}
			select {
			case newer, open := <-values:
				if open { // If not, the next round hears of it.
					value = newer
				}
			default:
			}
		}
		due = later(due, time.Now()).Add(pause)
		hand(value)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
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
