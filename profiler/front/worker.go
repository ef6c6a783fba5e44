package front

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/moetop/moetop/profiler"
)

// event is a record, or the reason why no further one can be read.
type event struct {
	record profiler.Record
	err    error
}

// worker is one worker process and the goroutines around it.
type worker struct {
	cmd      *exec.Cmd
	commands chan profiler.Command
	events   chan event    // closed after the last
	exited   chan struct{} // closed when the process is gone and no more events will come
	joined   chan struct{} // closed when its goroutines are gone, too
	words    *lastWords
	ending   sync.WaitGroup

	mu     sync.Mutex
	why    string // why the front ended it; "" if it did not
	how    ending
	waited error // of exec.Cmd.Wait, once exited is closed
}

// ending is how urgently a worker is ended.
type ending int

const (
	endNot      ending = iota
	endPolitely        // a stop command, then SIGTERM, then SIGKILL
	endNow             // SIGTERM, for its last words, then SIGKILL
)

func startWorker(cfg Config) (*worker, error) {
	stdinR, stdinW, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start the worker: %w", err)
	}
	stdoutR, stdoutW, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the worker: %w", err), stdinR.Close(), stdinW.Close())
	}
	w := &worker{
		cmd:      exec.Command(cfg.Path, cfg.Args...),
		commands: make(chan profiler.Command, queueLength),
		events:   make(chan event, queueLength),
		exited:   make(chan struct{}),
		joined:   make(chan struct{}),
		words:    newLastWords(cfg.Stderr),
	}
	w.cmd.Env = cfg.Env
	w.cmd.Stdin, w.cmd.Stdout, w.cmd.Stderr = stdinR, stdoutW, w.words
	// A grandchild may hold stderr open; it does not hold the front.
	w.cmd.WaitDelay = cfg.limits.grace
	// Ctrl-c goes to the front alone, which ends the run in good order.
	// A worker that is stopped when its front dies has to move to notice, and does no harm if it does
	// not have to: SIGCONT means nothing to a process that runs.
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGCONT}
	err = w.cmd.Start()
	// The far ends belong to the worker now; without these the pipes would never end.
	err = errors.Join(err, stdinR.Close(), stdoutW.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the worker: %w", err), stdinW.Close(), stdoutR.Close())
	}
	var reader, writer sync.WaitGroup
	reader.Go(func() { w.read(stdoutR) })
	writer.Go(func() { w.write(stdinW) })
	go w.wait(stdinW, stdoutR, &reader, &writer, cfg.limits.grace)
	return w, nil
}

// read turns the worker's stdout into events.
func (w *worker) read(stdout io.Reader) {
	defer close(w.events)
	decoder := profiler.NewDecoder(stdout)
	for {
		record, err := decoder.Next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, os.ErrClosed), errors.Is(err, profiler.ErrTruncated):
			// A process that was killed may leave half a line; its end is told by its exit.
			return
		case err != nil:
			w.events <- event{err: fmt.Errorf("the worker's stream: %w", err)}
			// The rest is read to let the worker go on until it is ended.
			_, _ = io.Copy(io.Discard, stdout)
			return
		}
		w.events <- event{record: record}
	}
}

// write turns commands into control lines. The worker may have stopped reading; closing the pipe
// ends a write that waits.
func (w *worker) write(stdin io.Writer) {
	for {
		select {
		case <-w.exited:
			return
		case cmd := <-w.commands:
			line, err := profiler.EncodeCommand(cmd)
			if err != nil {
				continue
			}
			if _, err := stdin.Write(line); err != nil {
				return
			}
		}
	}
}

// wait collects the process, lets the reader finish what is in the pipe, and closes exited.
func (w *worker) wait(stdin, stdout *os.File, reader, writer *sync.WaitGroup, grace time.Duration) {
	err := w.cmd.Wait()
	w.mu.Lock()
	w.waited = err
	w.mu.Unlock()
	timer := time.AfterFunc(grace, func() { _ = stdout.Close() })
	reader.Wait()
	timer.Stop()
	// Both ends are ours alone now, so that closing them cannot lose anything.
	_ = stdout.Close()
	_ = stdin.Close()
	w.mu.Lock()
	close(w.exited)
	w.mu.Unlock()
	writer.Wait()
	w.ending.Wait()
	close(w.joined)
}

// end begins to end the worker and returns at once; exited tells when it is gone. A more urgent call
// overtakes a polite one.
func (w *worker) end(l limits, how ending, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.exited:
		return
	default:
	}
	if how <= w.how {
		return
	}
	w.how = how
	if w.why == "" {
		w.why = why
	}
	w.ending.Go(func() {
		if how == endPolitely {
			select {
			case w.commands <- profiler.Command{Stop: true}:
			default:
			}
			if w.goneWithin(l.grace) {
				return
			}
		}
		w.signal(syscall.SIGTERM)
		if w.goneWithin(l.grace) {
			return
		}
		w.signal(syscall.SIGKILL)
	})
}

func (w *worker) goneWithin(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w.exited:
		return true
	case <-timer.C:
		return false
	}
}

// signal reaches the whole process group: the worker has no business outliving itself in a child.
func (w *worker) signal(sig syscall.Signal) {
	// An error means that it is already gone.
	_ = syscall.Kill(-w.cmd.Process.Pid, sig)
}

// wasEnded reports whether the front wanted the worker's end.
func (w *worker) wasEnded() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.why != ""
}

// cause tells how the process ended; "" is in good order. It may be called once exited is closed.
func (w *worker) cause() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waited == nil {
		return ""
	}
	if w.why != "" {
		return w.why
	}
	return exitCause(w.waited, w.words)
}
