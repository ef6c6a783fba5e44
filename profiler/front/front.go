package front

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
)

// ErrNoWorker is returned by Send when no worker runs.
var ErrNoWorker = errors.New("no worker runs: start it again first")

// ErrBusy is returned by Send when the worker has not read its commands for so long that the queue
// is full.
var ErrBusy = errors.New("the worker does not read its commands")

// errClosed answers who wants a worker of a front that has been closed.
var errClosed = errors.New("the front is closed")

// queueLength is how many commands may wait for the worker: far more than a person types before
// the heartbeat tells that it hangs.
const queueLength = 64

// Config says how a worker is started.
type Config struct {
	Path string   // of the executable
	Args []string // all of its arguments; it has to stream on stdout and to read commands on stdin
	Env  []string // nil is this process's own
	// Stderr also receives what the worker writes there, if not nil; the last words are kept anyway.
	Stderr io.Writer
	// Tap also receives every record, from one goroutine and before the views tell of it; it must be
	// quick. It may be nil.
	Tap func(profiler.Record)
	// Place is where the worker runs, if not here, for the messages about it, such as gpu7.
	Place string
	// Version is what a worker is expected to be; another one is told in the log. Empty expects none.
	Version string

	limits limits // of time; zero fields are the defaults
}

// limits are the waits of a front, apart so that tests need not wait for as long as people may.
type limits struct {
	tick        time.Duration // between looks at the heartbeat
	silentAfter time.Duration // shown as silent
	killAfter   time.Duration // ended
	grace       time.Duration // after each step from a polite stop to a kill
}

func (l limits) withDefaults() limits {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&l.tick, time.Second)
	set(&l.silentAfter, profiler.SilentAfter)
	set(&l.killAfter, profiler.KillAfter)
	set(&l.grace, time.Second)
	return l
}

// Front runs one worker at a time and folds its records into views.
type Front struct {
	cfg     Config
	views   chan *profiler.View
	restart chan beginning
	rest    chan chan struct{}
	stop    chan struct{}
	quit    chan struct{}
	done    chan struct{}
	once    sync.Once

	mu   sync.Mutex
	sink chan<- profiler.Command // of the running worker; nil while there is none
}

// Start starts the worker. It fails only if the process cannot be started at all; everything later is
// told by the views. When ctx is done the front closes itself.
func Start(ctx context.Context, cfg Config) (*Front, error) {
	cfg.limits = cfg.limits.withDefaults()
	first, err := startWorker(cfg)
	if err != nil {
		return nil, err
	}
	f := &Front{
		cfg:     cfg,
		views:   make(chan *profiler.View, 1),
		restart: make(chan beginning, 1),
		rest:    make(chan chan struct{}),
		stop:    make(chan struct{}, 1),
		quit:    make(chan struct{}),
		done:    make(chan struct{}),
	}
	go newLoop(f, first).run(ctx)
	return f, nil
}

// Views delivers the newest view; older ones that nobody took are dropped. It is closed by Close.
func (f *Front) Views() <-chan *profiler.View { return f.views }

// Send queues a command for the worker and does not wait. The worker answers with an Ack, which
// shows in the views.
func (f *Front) Send(cmd profiler.Command) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sink == nil {
		return ErrNoWorker
	}
	select {
	case f.sink <- cmd:
		return nil
	default:
		return ErrBusy
	}
}

// Restart starts a new worker, and ends the old one first if it still lives. It does not wait: the
// views tell.
func (f *Front) Restart() error { return f.RestartWith(nil) }

// beginning is how a new worker begins.
type beginning struct {
	args     []string // nil are those of the worker before
	commands []profiler.Command
}

// RestartWith is Restart with other arguments for the new worker and those that follow it; nil leaves
// them as they are. The commands, a few at most, are the first that the new worker gets.
func (f *Front) RestartWith(args []string, commands ...profiler.Command) error {
	select {
	case <-f.done:
		return errClosed
	default:
	}
	select {
	case f.restart <- beginning{args, commands}:
	default: // One is already asked for.
	}
	return nil
}

// Rest ends the worker in good order, as Stop does, and returns when it is gone: what it used is free
// then. The views say that it rests. Restart or RestartWith starts another one.
func (f *Front) Rest(ctx context.Context) error {
	gone := make(chan struct{})
	select {
	case f.rest <- gone:
	case <-f.done:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-gone:
		return nil
	case <-f.done:
		return errClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop ends the run: the worker is asked for its summary, and ended if it does not obey. It does not
// wait: the views tell.
func (f *Front) Stop() {
	select {
	case f.stop <- struct{}{}:
	default: // It is already asked for.
	}
}

// Close ends the worker, first politely, and waits until it is gone.
func (f *Front) Close() error {
	f.once.Do(func() { close(f.quit) })
	<-f.done
	return nil
}

func (f *Front) setSink(sink chan<- profiler.Command) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sink = sink
}
