package ui

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// signalWatch ends the program on the signals that would otherwise leave the terminal raw. It
// listens from the moment it is made, so that no signal falls between start and watch.
type signalWatch struct {
	incoming chan os.Signal
	mu       sync.Mutex
	seen     os.Signal
}

func newSignalWatch() *signalWatch {
	w := &signalWatch{incoming: make(chan os.Signal, 1)}
	signal.Notify(w.incoming, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	return w
}

// watch calls kill at the first signal and returns; it also returns when ctx is done.
func (w *signalWatch) watch(ctx context.Context, kill func()) {
	defer signal.Stop(w.incoming)
	select {
	case <-ctx.Done():
	case s := <-w.incoming:
		w.mu.Lock()
		w.seen = s
		w.mu.Unlock()
		kill()
	}
}

// caught returns the signal that ended the program, or nil.
func (w *signalWatch) caught() os.Signal {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}
