package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// interrupts counts SIGINT and SIGTERM: the first ends a run in good order, the second at once.
type interrupts struct {
	first, second chan struct{} // closed when it came

	signals chan os.Signal
	done    chan struct{}
	joined  sync.WaitGroup

	mu   sync.Mutex
	code int // the exit code of the first signal; 0 if there was none
}

func watchInterrupts() *interrupts {
	w := &interrupts{
		first: make(chan struct{}), second: make(chan struct{}),
		signals: make(chan os.Signal, 2), done: make(chan struct{}),
	}
	signal.Notify(w.signals, syscall.SIGINT, syscall.SIGTERM)
	w.joined.Go(w.watch)
	return w
}

func (w *interrupts) watch() {
	for _, came := range []chan struct{}{w.first, w.second} {
		select {
		case sig := <-w.signals:
			w.note(sig)
			close(came)
		case <-w.done:
			return
		}
	}
}

func (w *interrupts) note(sig os.Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if number, ok := sig.(syscall.Signal); ok && w.code == 0 {
		w.code = exitSignal + int(number)
	}
}

// outcome replaces the end of a run that was interrupted by the signal's exit code.
func (w *interrupts) outcome(err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.code != 0 {
		return &codeError{code: w.code}
	}
	return err
}

func (w *interrupts) stop() {
	signal.Stop(w.signals)
	close(w.done)
	w.joined.Wait()
}
