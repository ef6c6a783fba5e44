package profiler

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

// How finely the engine's thread works.
const (
	// chunkTime is what one call of Run should take: how soon the thread sees that something else is
	// wanted. Each call costs a wake-up, so that shorter is dearer.
	chunkTime = 3 * time.Millisecond
	// batchTime is how often timings are read and handed on.
	batchTime = 15 * time.Millisecond
	// maxChunk bounds a chunk when steps take no time at all.
	maxChunk = 256
	// drainTries and drainPause bound the wait for timings that are still under way when all steps
	// have finished.
	drainTries = 50
	drainPause = 2 * time.Millisecond
)

// event is what the engine's thread reports. It may carry several things at once; they happened in
// the order of the fields.
type event struct {
	built    *built
	progress string // what a build is doing
	trial    bool   // it runs steps, which have to go on
	launches []LaunchesRecord
	// launchProblem says why launches are missing.
	launchProblem string
	blocks        []block      // A/B blocks that were begun
	timings       []StepTiming // Step counts over the session
	resumed       *uint64      // this step is the first after a pause
	lost          uint64       // timings lost so far, over all engines
	finished      uint64       // steps finished so far, over all engines
	stepTime      time.Duration
	done          bool  // the limit of steps was reached and all of them have finished
	quit          bool  // the thread has ended
	err           error // why, if that was not wanted
}

// built is the outcome of a build order.
type built struct {
	id   uint64
	cfg  EngineConfig
	info EngineInfo
	rows []float64
	load loads
	base uint64 // the engine's step 0 is this step of the session
	// choice is how its kernels were chosen.
	choice KernelChoice
	err    error // why the order was not carried out; the engine before goes on
}

// driver owns the engine. Its run method is the only user of the engine, but for SetES.
type driver struct {
	open OpenEngine
	// families are the kernel families that open takes; none if it has kernels of its own.
	families []string
	ring     int
	warmup   int
	limit    int // measured steps, over all engines; 0 is none
	ctl      *control
	events   chan<- event
	free     <-chan []StepTiming // buffers to use again
	gone     <-chan struct{}     // closed when nobody reads events any more

	engine   Engine
	cfg      EngineConfig
	choice   KernelChoice
	base     uint64
	launched uint64 // over the session
	warmLeft int
	measured int
	lostBase uint64        // lost by engines before this one
	lost     uint64        // lost by this engine
	read     uint64        // timings read from this engine
	stepTime time.Duration // of one step, smoothed; 0 if unknown
	plan     *interleaver
	current  block
	blocks   []block
	paused   bool
	resumed  *uint64
	duty     duty
	rested   []uint64 // steps that came after a gap of the duty cycle and are not yet timed
	done     bool
	// described is the mask whose launches were asked for last, at describedAt.
	described   ESMask
	describedAt time.Time
}

// run works until it is told to stop or the engine fails. It keeps its OS thread, because a GPU's
// context belongs to the thread, and takes the thread down with it.
func (d *driver) run() {
	runtime.LockOSThread()
	var err error
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic on the engine's thread: %v\n%s", cause, debug.Stack())
		}
		d.send(event{quit: true, err: err})
	}()
	err = d.loop()
	if closeErr := d.closeEngine(); err == nil {
		err = closeErr
	}
}

func (d *driver) loop() error {
	for {
		o := d.ctl.take()
		if o.stop {
			return d.drain()
		}
		if o.build != nil {
			if err := d.build(o.build); err != nil {
				return err
			}
			continue
		}
		if d.engine == nil || o.paused || d.done {
			if err := d.idle(o.paused); err != nil {
				return err
			}
			continue
		}
		if d.paused {
			first := d.launched
			d.paused, d.resumed = false, &first
		}
		if err := d.batch(o.ab); err != nil {
			return err
		}
	}
}

// idle waits until something else is wanted. What was launched is finished and reported first.
func (d *driver) idle(paused bool) error {
	if paused && !d.paused {
		d.paused = true
		d.duty.reset()
		d.plan.restart()
		d.current = block{}
	}
	if err := d.drain(); err != nil {
		return err
	}
	<-d.ctl.wake
	return nil
}

// drain finishes the steps in flight and hands their timings on. Timings may come a moment after
// their step.
func (d *driver) drain() error {
	if d.engine == nil {
		return nil
	}
	if err := d.engine.Sync(); err != nil {
		return fmt.Errorf("finish the steps: %w", err)
	}
	for range drainTries {
		before := d.finished()
		if err := d.report(); err != nil {
			return err
		}
		if d.finished() == d.launched {
			return nil
		}
		if d.finished() == before {
			time.Sleep(drainPause)
		}
	}
	return nil
}

// batch launches steps for about batchTime and hands on the timings of those that finished.
func (d *driver) batch(ab bool) error {
	// Warm-up is the same with and without A/B mode, since blocks before it ends would be wasted, and
	// the length of blocks needs to know how long a step takes.
	ab = ab && d.warmLeft == 0 && d.stepTime > 0
	if !ab && d.current.length > 0 {
		d.plan.restart()
		d.current = block{}
	}
	begin := time.Now()
	for time.Since(begin) < batchTime {
		n := d.chunk()
		if ab {
			if d.current.length == 0 || d.launched >= d.current.end() {
				if !d.beginBlock() {
					break
				}
			}
			n = min(n, int(d.current.end()-d.launched))
		}
		if err := d.launch(n); err != nil {
			return err
		}
		if d.limitReached() {
			d.done = true
			if err := d.drain(); err != nil {
				return err
			}
			d.send(event{done: true})
			return nil
		}
		if d.warmLeft == 0 && d.stepTime > 0 && d.ctl.wantsOther(ab) {
			break
		}
		if err := d.rest(n); err != nil {
			return err
		}
	}
	return d.report()
}

// chunk is the number of steps of one call of Run.
func (d *driver) chunk() int {
	n := 1
	if d.stepTime > 0 {
		n = int(min(max(d.duty.burst(chunkTime)/d.stepTime, 1), maxChunk))
	}
	if d.warmLeft > 0 {
		n = min(n, d.warmLeft)
	}
	if d.limit > 0 {
		n = min(n, d.warmLeft+d.limit-d.measured)
	}
	return n
}

func (d *driver) launch(n int) error {
	if err := d.engine.Run(n); err != nil {
		return fmt.Errorf("run the steps from %d: %w", d.launched, err)
	}
	d.launched += uint64(n)
	d.ctl.launched.Store(d.launched)
	warm := min(n, d.warmLeft)
	d.warmLeft -= warm
	d.measured += n - warm
	return nil
}

func (d *driver) limitReached() bool {
	return d.limit > 0 && d.warmLeft == 0 && d.measured >= d.limit
}

// beginBlock starts the next block of A/B mode with its mask.
func (d *driver) beginBlock() bool {
	next := d.plan.next(d.launched, d.stepTime)
	run, ok := d.ctl.beginBlock(next.mask)
	if !ok {
		return false
	}
	next.run, next.began = run, time.Now()
	d.current = next
	d.blocks = append(d.blocks, next)
	return true
}

// report reads the timings and hands them on.
func (d *driver) report() error {
	var buffer []StepTiming
	select {
	case buffer = <-d.free:
	default:
	}
	timings, lost, err := d.engine.Timings(buffer[:0])
	if err != nil {
		return fmt.Errorf("read the timings: %w", err)
	}
	sumUS := 0.0
	for i := range timings {
		timings[i].Step += d.base
		sumUS += timings[i].StepUS
	}
	if n := len(timings); n > 0 {
		d.estimate(time.Duration(sumUS / float64(n) * float64(time.Microsecond)))
	}
	d.hideRests(timings)
	d.read += uint64(len(timings))
	if d.timed() {
		d.lost = lost
	}
	launches, problem := d.describeRunning()
	d.send(event{blocks: d.blocks, timings: timings, resumed: d.resumed, launches: launches, launchProblem: problem})
	d.blocks, d.resumed = nil, nil
	return nil
}

// estimate follows the time of a step. A launch returns before its step has run, so the time of the
// call says nothing.
func (d *driver) estimate(step time.Duration) {
	if d.stepTime == 0 {
		d.stepTime = step
		return
	}
	d.stepTime += (step - d.stepTime) / 4
}

// timed reports whether the engine measures its steps at all.
func (d *driver) timed() bool { return d.engine != nil && d.engine.Info().Timer != "none" }

// finished is the number of steps that are over. Without a timer that is what was launched: the few
// in flight cannot be told apart.
func (d *driver) finished() uint64 {
	if !d.timed() {
		return d.launched
	}
	return min(d.base+d.read+d.lost, d.launched)
}

// send reports to the session, which always listens, but for the time after it gave the engine up.
func (d *driver) send(e event) {
	e.lost, e.finished, e.stepTime = d.lostBase+d.lost, d.finished(), d.stepTime
	select {
	case d.events <- e:
	case <-d.gone:
	}
}

// build carries out an order. A workload that cannot be built leaves the engine before it in place,
// or opened again where the two did not fit beside each other.
func (d *driver) build(o *buildOrder) error {
	if err := d.drain(); err != nil {
		return err
	}
	d.plan, d.current, d.blocks = newInterleaver(d.ring, o.cfg.Workload.Seed), block{}, nil
	d.duty.reset()
	d.rested = nil
	d.progress("drawing the routings")
	var err error
	if o.cfg.Routings, err = Routings(o.cfg.Workload, d.ring); err != nil {
		return d.refused(o, err)
	}
	if o.cancelled.Load() {
		return d.refused(o, errCancelled)
	}
	d.progress("making the weights and capturing the steps")
	engine, choice, err := d.openKernels(o)
	if err == nil && d.engine != nil && o.cancelled.Load() {
		if err := engine.Close(); err != nil {
			return fmt.Errorf("close the engine that was given up: %w", err)
		}
		return d.refused(o, errCancelled)
	}
	var memory *MemoryError
	if errors.As(err, &memory) && d.engine != nil {
		return d.rebuild(o)
	}
	if err != nil {
		return d.refused(o, err)
	}
	return d.replace(o, engine, choice)
}

// rebuild gives the old engine up to make room for the new one.
func (d *driver) rebuild(o *buildOrder) error {
	old, oldChoice := d.cfg, d.choice
	d.progress("making room: closing the engine before")
	if err := d.closeEngine(); err != nil {
		return err
	}
	d.progress("making the weights and capturing the steps")
	engine, choice, err := d.openKernels(o)
	switch {
	case err == nil && !o.cancelled.Load():
		return d.replace(o, engine, choice)
	case err == nil:
		if err = engine.Close(); err != nil {
			return fmt.Errorf("close the engine that was given up: %w", err)
		}
		err = errCancelled
		d.progress(givenUp + "opening the engine before again")
	default:
		d.progress("it does not fit: opening the engine before again")
	}
	again, againErr := d.open(old)
	if againErr != nil {
		return fmt.Errorf("open the engine before again, after %w: %w", err, againErr)
	}
	// The old configuration gets a record of its own, since its statistics begin anew.
	d.send(event{built: &built{id: o.id, cfg: o.cfg, err: err}})
	return d.replace(&buildOrder{cfg: old}, again, oldChoice)
}

// refused reports a failed order while there is an engine to go on with.
func (d *driver) refused(o *buildOrder, err error) error {
	if d.engine == nil {
		return err
	}
	first := d.launched
	d.resumed = &first
	d.send(event{built: &built{id: o.id, cfg: o.cfg, err: err}})
	return nil
}

// replace makes a new engine the current one.
func (d *driver) replace(o *buildOrder, engine Engine, choice KernelChoice) error {
	if err := d.closeEngine(); err != nil {
		d.engine = engine
		return err
	}
	first := d.launched
	d.engine, d.cfg, d.choice, d.resumed = engine, o.cfg, choice, &first
	d.base, d.warmLeft, d.stepTime = d.launched, d.warmup, 0
	d.ctl.install(engine, d.base)
	info := engine.Info()
	d.send(event{built: &built{
		id: o.id, cfg: o.cfg, info: info, base: d.base, choice: choice,
		rows: ExpertRows(o.cfg.Workload, o.cfg.Routings),
		load: newLoads(o.cfg, &info),
	}})
	d.describeAll()
	return nil
}

// closeEngine closes the engine, if there is one. Steps whose timing never came count as lost.
func (d *driver) closeEngine() error {
	if d.engine == nil {
		return nil
	}
	d.ctl.install(nil, 0)
	engine := d.engine
	if d.timed() {
		d.lostBase += d.launched - d.base - min(d.read, d.launched-d.base)
	}
	d.engine, d.lost, d.read, d.base = nil, 0, 0, d.launched
	if err := engine.Close(); err != nil {
		return fmt.Errorf("close the engine: %w", err)
	}
	return nil
}

func (d *driver) progress(text string) { d.send(event{progress: text}) }
