package front

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/moetop/moetop/profiler"
)

// loop is the goroutine of a front; it owns everything in it.
type loop struct {
	front  *Front
	limits limits
	worker *worker
	ticker *time.Ticker

	fold  *profiler.Fold
	state profiler.WorkerState
	heard time.Time // when the worker last sent a record
	mute  bool      // it has closed its stream
	ended bool      // it is gone
	// broken is what was no record in its stream. It may be gone before it can be ended for this.
	broken string

	marks []profiler.Mark // the front's own, about its workers

	restarting bool               // start a new worker when this one is gone
	commands   []profiler.Command // the first for that one
	resting    []chan struct{}    // closed when this one is gone, which makes room for others
	quitting   bool               // return when this one is gone
}

func newLoop(f *Front, first *worker) *loop {
	l := &loop{front: f, limits: f.cfg.limits}
	l.adopt(first)
	return l
}

// adopt begins a fold for a new worker.
func (l *loop) adopt(w *worker) {
	l.worker = w
	l.fold = profiler.NewFold()
	l.state = profiler.WorkerState{Phase: profiler.WorkerStarting}
	l.heard = time.Now()
	l.mute, l.ended, l.broken = false, false, ""
	l.front.setSink(w.commands)
}

func (l *loop) run(ctx context.Context) {
	defer close(l.front.done)
	defer close(l.front.views)
	l.ticker = time.NewTicker(l.limits.tick)
	defer l.ticker.Stop()
	l.publish()
	quit, canceled := l.front.quit, ctx.Done()
	for !l.quitting || !l.ended {
		// The channels of a worker that is gone would be ready for ever.
		events, exited := l.worker.events, l.worker.exited
		if l.ended {
			exited = nil
		}
		if l.ended || l.mute {
			events = nil
		}
		select {
		case e, open := <-events:
			if !open {
				// It has no more to say, and its exit is a matter of moments.
				l.mute = true
				l.worker.end(l.limits, endPolitely, "")
				continue
			}
			l.receive(e)
			l.receiveMore(events)
			l.publish()
		case <-exited:
			l.finish()
			l.publish()
		case <-l.ticker.C:
			l.watch()
		case next := <-l.front.restart:
			l.requestRestart(next)
		case gone := <-l.front.rest:
			l.requestRest(gone)
		case <-l.front.stop:
			l.requestStop()
		case <-quit:
			quit = nil
			l.requestQuit()
		case <-canceled:
			canceled = nil
			l.requestQuit()
		}
	}
}

// receiveMore takes what is waiting, so that a burst makes one view.
func (l *loop) receiveMore(events <-chan event) {
	for {
		select {
		case e, open := <-events:
			if !open {
				return
			}
			l.receive(e)
		default:
			return
		}
	}
}

func (l *loop) receive(e event) {
	if e.err != nil {
		// What follows cannot be trusted, and a worker that writes it will not get better.
		l.broken = e.err.Error()
		l.say("stream", l.broken)
		l.worker.end(l.limits, endNow, e.err.Error())
		return
	}
	l.heard = time.Now()
	if l.state.Phase == profiler.WorkerStarting || l.state.Phase == profiler.WorkerSilent {
		l.state = profiler.WorkerState{Phase: profiler.WorkerRunning}
	}
	l.apply(e.record)
}

// apply takes a record in.
func (l *loop) apply(r profiler.Record) {
	if tap := l.front.cfg.Tap; tap != nil {
		tap(r)
	}
	l.fold.Apply(r)
	ours := l.front.cfg.Version
	if r.Header != nil && ours != "" && r.Header.Version != ours {
		l.say("version", fmt.Sprintf("%s is moetop %s, and this is %s: what only one of them knows is not shown",
			l.name(), r.Header.Version, ours))
	}
}

// name is what the worker is called in messages.
func (l *loop) name() string {
	if place := l.front.cfg.Place; place != "" {
		return "the worker on " + place
	}
	return "the worker"
}

// watch looks at the heartbeat.
func (l *loop) watch() {
	if l.ended {
		return
	}
	silent, interval := time.Since(l.heard), l.fold.View().Header.Interval()
	if silent < l.limits.silentAfter+interval {
		return
	}
	if l.state.Phase != profiler.WorkerSilent {
		l.say("worker", fmt.Sprintf("%s has sent nothing for %v", l.name(), silent.Round(100*time.Millisecond)))
	}
	l.state = profiler.WorkerState{Phase: profiler.WorkerSilent, Silent: silent}
	if silent >= l.limits.killAfter+interval {
		l.worker.end(l.limits, endNow, fmt.Sprintf("silent for %v, and was ended", silent.Round(100*time.Millisecond)))
	}
	l.publish()
}

func (l *loop) requestRestart(next beginning) {
	if l.quitting {
		return
	}
	if next.args != nil {
		l.front.cfg.Args = next.args
	}
	l.commands = next.commands
	if l.ended {
		l.startAgain()
		return
	}
	l.restarting = true
	l.endWorker("ended to be started again")
}

// requestRest ends the worker to make room, and closes gone when it is.
func (l *loop) requestRest(gone chan struct{}) {
	l.resting = append(l.resting, gone)
	if !l.ended {
		l.endWorker("ended to make room")
		return
	}
	l.rest()
	l.publish()
}

// rest tells who wanted it that there is no worker.
func (l *loop) rest() {
	for _, gone := range l.resting {
		close(gone)
	}
	l.resting = nil
	l.state = profiler.WorkerState{Phase: profiler.WorkerResting}
}

func (l *loop) requestStop() {
	if !l.ended {
		l.endWorker("interrupted")
	}
}

func (l *loop) requestQuit() {
	l.quitting = true
	l.front.setSink(nil)
	if !l.ended {
		l.endWorker("ended by the front")
	}
}

// endWorker is polite to a worker that would notice.
func (l *loop) endWorker(why string) {
	how := endPolitely
	if l.state.Phase == profiler.WorkerSilent {
		how = endNow
	}
	l.worker.end(l.limits, how, why)
}

// finish is called when the worker is gone, and its last records are in the channel.
func (l *loop) finish() {
	<-l.worker.joined
	for e := range l.worker.events {
		if e.err != nil {
			l.broken = e.err.Error()
			continue
		}
		l.apply(e.record)
	}
	l.ended = true
	l.front.setSink(nil)
	view := l.fold.View()
	cause := l.worker.cause()
	switch {
	case view.Failure != nil:
		l.state = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: view.Failure.Text}
	case view.Summary != nil && (cause == "" || l.worker.wasEnded()):
		l.state = profiler.WorkerState{Phase: profiler.WorkerEnded}
	case cause == "":
		l.state = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: cmp.Or(l.broken, "ended without a summary")}
	default:
		l.state = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: cause}
	}
	if len(l.resting) > 0 {
		l.rest()
	}
	if l.state.Phase == profiler.WorkerDied {
		l.say("worker", l.name()+" died: "+l.state.Cause)
		l.marks = append(l.marks, profiler.Mark{Time: time.Now(), Text: "worker died"})
	}
	if l.restarting && !l.quitting {
		l.restarting = false
		l.startAgain()
	}
}

func (l *loop) startAgain() {
	w, err := startWorker(l.front.cfg)
	if err != nil {
		l.say("worker", err.Error())
		l.state = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: err.Error()}
		l.publish()
		return
	}
	log := l.fold.View().Log
	l.marks = []profiler.Mark{{Time: time.Now(), Text: "worker started again"}}
	l.adopt(w)
	for _, cmd := range l.commands {
		w.commands <- cmd // There is room: it is new.
	}
	l.commands = nil
	for _, entry := range log {
		l.fold.Log(entry)
	}
	l.say("worker", "started again")
	l.publish()
}

// say adds to the log, which outlives the workers.
func (l *loop) say(code, text string) {
	l.fold.Log(profiler.LogEntry{Time: time.Now(), Code: code, Text: text})
}

// publish hands out the newest view in place of one that nobody has taken yet.
func (l *loop) publish() {
	l.fold.SetWorker(l.state)
	view := l.fold.View()
	if len(l.marks) > 0 {
		view.Marks = slices.Concat(view.Marks, l.marks)
		slices.SortStableFunc(view.Marks, func(a, b profiler.Mark) int { return a.Time.Compare(b.Time) })
	}
	select {
	case <-l.front.views:
	default:
	}
	l.front.views <- view
}
