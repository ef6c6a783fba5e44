package sweep

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

// behaviour is what a lab's workers do with a point, by its number of tokens.
type behaviour string

const (
	refuses   behaviour = "refuses"   // the command, or the start
	noMemory  behaviour = "no memory" // the same, for want of memory
	dies      behaviour = "dies"      // after some samples
	hangs     behaviour = "hangs"     // never gets ready
	slowPairs behaviour = "slow"      // one cycle a second
	// noRoomForTwo refuses for want of memory while another worker is there.
	noRoomForTwo behaviour = "no room for two"
)

// lab stands in for worker processes.
type lab struct {
	behave   map[int]behaviour
	exitCode int // of a refused start
	started  []Point
	commands int
	ran      []string // the families that ran, 100 ms each
	open     int
}

func (l *lab) start(p Point, tap func(profiler.Record)) (Worker, error) {
	l.started = append(l.started, p)
	l.open++
	w := &labWorker{lab: l, tap: tap, views: make(chan *profiler.View, 1), orders: make(chan Point, 1), steer: make(chan profiler.Command, 8), stop: make(chan struct{})}
	w.orders <- p
	w.joined.Go(w.run)
	return w, nil
}

type labWorker struct {
	lab    *lab
	views  chan *profiler.View
	orders chan Point
	steer  chan profiler.Command // pause and reset
	tap    func(profiler.Record)
	stop   chan struct{}
	joined sync.WaitGroup
	view   profiler.View
}

func (w *labWorker) Views() <-chan *profiler.View { return w.views }

func (w *labWorker) Send(c profiler.Command) error {
	if c.Pause != nil || c.Reset {
		w.steer <- c
	}
	if c.Model == nil {
		return nil
	}
	w.lab.commands++
	routing, err := profiler.ParseRouting(*c.Routing)
	if err != nil {
		return err
	}
	w.orders <- Point{Model: *c.Model, Tokens: *c.Tokens, Routing: routing, Kernels: *c.Kernels}
	return nil
}

func (w *labWorker) Close() error {
	close(w.stop)
	w.joined.Wait()
	w.lab.open--
	return nil
}

// show publishes a view in place of an older one, as a front does.
func (w *labWorker) show() {
	view := w.view
	view.Time = time.Now()
	select {
	case <-w.views:
	default:
	}
	w.views <- &view
}

func (w *labWorker) run() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var p Point
	var ready time.Time
	turns := &labTurns{worker: w}
	lost := uint64(0)
	for {
		select {
		case <-w.stop:
			return
		case p = <-w.orders:
			time.Sleep(50 * time.Millisecond)
			if w.refuse(w.lab.behave[p.Tokens]) {
				continue
			}
			if w.lab.behave[p.Tokens] == hangs {
				continue
			}
			w.install(p)
			ready = time.Now()
			turns.begin(p)
		case c := <-w.steer:
			turns.steer(c)
		case <-tick.C:
			lost++
			turns.tick()
			w.sample(p, ready, lost, turns)
		}
	}
}

// refuse tells whether it did.
func (w *labWorker) refuse(b behaviour) bool {
	text := map[behaviour]string{refuses: "top-k: 3 is not allowed", noMemory: (&profiler.MemoryError{Reason: "too big"}).Error()}[b]
	if b == noRoomForTwo && w.lab.open > 1 {
		text = (&profiler.MemoryError{Reason: "only one fits"}).Error()
	}
	if text == "" {
		return false
	}
	if w.view.Workload == nil {
		w.view.Worker = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: text}
		w.view.Failure = &profiler.Failure{ExitCode: w.lab.exitCode, Text: text}
		if b == noMemory || b == noRoomForTwo {
			w.view.Failure.ExitCode = 1
		}
	} else {
		w.view.Log = append(w.view.Log, profiler.LogEntry{Time: time.Now(), Code: "refused", Text: text})
	}
	w.show()
	return true
}

func (w *labWorker) install(p Point) {
	workload, err := profiler.ParseModel(p.Model)
	if err != nil {
		panic(err)
	}
	workload.Tokens, workload.Routing = p.Tokens, p.Routing
	w.view.Header = &profiler.Header{Version: "test"}
	w.view.Workload = &profiler.WorkloadRecord{Workload: workload, Engine: "cpu", Kernels: ranKernels(p), Timer: "cpu"}
	// The newest sample is still that of the workload before.
	w.show()
}

func (w *labWorker) sample(p Point, ready time.Time, lost uint64, turns *labTurns) {
	if w.view.Workload == nil {
		return
	}
	running := time.Since(ready)
	s := &profiler.Sample{State: profiler.StateRunning, ABPairs: int(running / (100 * time.Millisecond)), Lost: lost}
	if w.lab.behave[p.Tokens] == slowPairs {
		s.ABPairs /= 10
	}
	if w.lab.behave[p.Tokens] == hangs {
		s.State = profiler.StateBuilding
	}
	if turns.used {
		s.ABPairs = turns.pairs
	}
	if turns.paused {
		s.State = profiler.StatePaused
	}
	s.Steps.OffOff = &profiler.Summary{Count: 5, MedianUS: float64(p.Tokens)}
	w.view.Sample = s
	if w.lab.behave[p.Tokens] == dies && running > time.Second {
		w.view.Worker = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: "segmentation fault (SIGSEGV)\ngoroutine 1"}
	}
	w.show()
}

func pointsOf(tokens ...int) []Point {
	plan := Plan{Models: []string{"tiny"}, Kernels: []string{"cutlass"}, Routings: []profiler.Routing{{Kind: profiler.Uniform}}, Tokens: tokens}
	return plan.Points()
}

// runLab runs a sweep and returns its results.
func runLab(ctx context.Context, l *lab, points []Point, change func(*Runner)) ([]Result, error) {
	var results []Result
	r := &Runner{
		Start: l.start, Up: func(profiler.Environment) error { return nil },
		Finished: func(r Result) error { results = append(results, r); return nil },
		Progress: func(Progress) {}, Command: func(p Point) []string { return []string{p.Model} }, Seed: 9,
		Pairs: 20, Time: 10 * time.Second,
	}
	if change != nil {
		change(r)
	}
	err := r.Run(ctx, points)
	return results, err
}

func TestRunner(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{behave: map[int]behaviour{2: noMemory, 3: refuses, 5: dies, 6: hangs, 7: slowPairs}}
		var progress []Progress
		ups := 0
		results, err := runLab(t.Context(), l, pointsOf(1, 2, 3, 4, 5, 6, 7, 8), func(r *Runner) {
			r.Up = func(e profiler.Environment) error {
				if ups++; e.Engine != "cpu" || e.Version != "test" {
					t.Errorf("environment %+v", e)
				}
				return nil
			}
			r.Progress = func(p Progress) { progress = append(progress, p) }
		})
		if err != nil {
			t.Fatal(err)
		}
		want := []Status{OK, OutOfMemory, Failed, OK, Failed, Failed, OK, OK}
		for i, r := range results {
			if r.Status != want[i] || r.Tokens != i+1 || (r.Error == "") != (r.Status == OK) {
				t.Errorf("point %d: %v, %q", i, r.Status, r.Error)
			}
			if r.Seed != 9 || len(r.Command) != 1 || r.DurationS <= 0 {
				t.Errorf("point %d: seed %d, command %q, %v s", i, r.Seed, r.Command, r.DurationS)
			}
			if r.Status == OK && (r.Layer.OffOff == nil || r.Layer.OffOff.MedianUS != float64(r.Tokens)) {
				t.Errorf("point %d has the times of another: %+v", i, r.Layer.OffOff)
			}
		}
		if len(results) != len(want) {
			t.Fatalf("%d results", len(results))
		}
		if results[0].Pairs != 20 || results[6].Pairs < 9 || results[6].Pairs > 11 {
			t.Errorf("%d and %d pairs, limited by number and by time", results[0].Pairs, results[6].Pairs)
		}
		if results[4].Error != "segmentation fault (SIGSEGV)" || !strings.Contains(results[5].Error, "not measured within") {
			t.Errorf("%q, %q", results[4].Error, results[5].Error)
		}
		// A point after one in good order goes to the same worker: 2, 5 and 8. All but 2, 3 and 6 come up.
		if l.commands != 3 || l.open != 0 || ups != 5 {
			t.Errorf("%d commands, %d workers left, %d up", l.commands, l.open, ups)
		}
		if last := progress[len(progress)-1]; last.LastResult == nil || last.Left != 0 || last.Total != 8 {
			t.Errorf("last progress %+v", last)
		}
		// Timings are counted over a worker's life, and told by point.
		if lost := results[7].Lost; lost == 0 || lost > 25 {
			t.Errorf("%d timings lost", lost)
		}
	})
}

func TestRunnerEnds(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	for name, test := range map[string]struct {
		behave   map[int]behaviour
		exitCode int
		change   func(*Runner)
		results  int // kept by runLab
		ends     func(error) bool
	}{
		"no GPU at all": {map[int]behaviour{1: refuses}, 3, nil, 0, func(err error) bool {
			start, ok := errors.AsType[*StartError](err)
			return ok && start.ExitCode == 3
		}},
		"first point fails alone": {map[int]behaviour{1: refuses}, 1, nil, 3, func(err error) bool { return err == nil }},
		"other environment": {nil, 0, func(r *Runner) { r.Up = func(profiler.Environment) error { return full } }, 0, func(err error) bool {
			return errors.Is(err, full)
		}},
		"journal fails": {nil, 0, func(r *Runner) { r.Finished = func(Result) error { return full } }, 0, func(err error) bool {
			return errors.Is(err, full)
		}},
		"no process": {nil, 0, func(r *Runner) { r.Start = func(Point, func(profiler.Record)) (Worker, error) { return nil, full } }, 0, func(err error) bool {
			return errors.Is(err, full)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &lab{behave: test.behave, exitCode: test.exitCode}
				results, err := runLab(t.Context(), l, pointsOf(1, 2, 3), test.change)
				if !test.ends(err) || l.open != 0 {
					t.Errorf("%v; %d workers left", err, l.open)
				}
				if len(results) != test.results {
					t.Errorf("%d results", len(results))
				}
			})
		})
	}
}

func TestRunnerIsInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		results, err := runLab(ctx, l, pointsOf(1, 2, 3), nil)
		if !errors.Is(err, context.DeadlineExceeded) || len(results) != 1 || l.open != 0 {
			t.Errorf("%v, %d results, %d workers left", err, len(results), l.open)
		}
	})
}

func TestMeasured(t *testing.T) {
	t.Parallel()
	summary := func(us float64) *profiler.Summary {
		return &profiler.Summary{Count: 3, MedianUS: us, P90US: us + 1, P99US: us + 2}
	}
	ratio := &profiler.Ratio{Value: 2, Low: 1.9, High: 2.1, Pairs: 12}
	view := &profiler.View{
		Time:     time.Unix(5, 0),
		Workload: &profiler.WorkloadRecord{Kernels: "cutlass", Timer: "events", Memory: profiler.Memory{WeightsBytes: 7}},
		Sample: &profiler.Sample{
			ABPairs: 12, Verdict: profiler.Verdict{EnableES: &[2]bool{true, false}},
			Stages: []profiler.StageStats{{Name: "up", Switchable: true, Off: summary(20), On: summary(10), Ratio: ratio}},
			Steps:  profiler.StepStats{OffOff: summary(40), OnOn: summary(30), GapUS: summary(1), OnOnRatio: ratio},
			NVMLStats: &profiler.NVMLStats{
				SMClockMHz: &profiler.Range{Median: 1400}, PowerWatts: &profiler.Range{Median: 690},
				TemperatureCelsius: &profiler.Range{Median: 61}, ThrottleReasons: []string{"sw_power_cap"},
			},
		},
	}
	r := measured(pointsOf(4)[0], view)
	up := r.Stage(profiler.Up)
	if up.Off.MedianUS != 20 || up.Off.P90US != 21 || up.Off.P99US != 22 || up.Off.Count != 3 || up.On.MedianUS != 10 || up.Ratio != ratio || r.Stage(profiler.Down).Off != nil {
		t.Errorf("stages %+v", r.Stages)
	}
	if r.Layer.Times(profiler.ESBoth).MedianUS != 30 || r.Layer.Times(profiler.ESUp) != nil || r.Layer.Ratio(profiler.ESBoth) != ratio ||
		r.Layer.Ratio(profiler.ESOff) != nil || r.Layer.Gap.MedianUS != 1 {
		t.Errorf("layer %+v", r.Layer)
	}
	if r.SMClockMHz.Median != 1400 || r.PowerWatts.Median != 690 || r.TemperatureCelsius.Median != 61 || len(r.ThrottleReasons) != 1 {
		t.Errorf("conditions %+v", r)
	}
	if r.RanKernels != "cutlass" || r.Timer != "events" || r.Memory.WeightsBytes != 7 || r.Pairs != 12 || !r.Verdict.EnableES[0] {
		t.Errorf("%+v", r)
	}
}
