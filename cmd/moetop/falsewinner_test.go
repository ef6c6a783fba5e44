package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/profilertest"
)

const (
	// aaRuns is how many A/A comparisons the test makes; MOETOP_AA_RUNS=1000 asks for the long form.
	aaRuns = 50
	// aaSteps are some thirty cycles of A/B mode, at traceStepUS a step.
	aaSteps = 2200
	// traceStepUS is the median step that a trace is scaled to, so that blocks have the same length on
	// every machine.
	traceStepUS = 600
	// A trace takes no longer than traceTime, and is repeated where it is too short.
	traceTime  = 1500 * time.Millisecond
	traceSteps = 2 * aaSteps
)

// stepTrace is recorded once.
var stepTrace = sync.OnceValues(recordTrace)

// recordTrace returns what the CPU engine's steps really took, stage by stage, with all the noise of a machine
// that does other things, too.
func recordTrace() ([]profiler.StepTiming, error) {
	w := profiler.CustomWorkload(4, 2, 128, 128)
	w.Tokens, w.Seed = 8, 5
	w.Routing = profiler.Routing{Kind: profiler.Uniform}
	cfg := profiler.EngineConfig{Workload: w, Routings: profiler.NewRoutings(w, ringLength), Kernels: "reference", Timer: "auto"}
	var trace []profiler.StepTiming
	err := withEngine(kernels.OpenCPU, cfg, func(e profiler.Engine) error {
		for began, n := time.Now(), 0; n < traceSteps && (n == 0 || time.Since(began) < traceTime); n += ringLength {
			if err := e.Run(ringLength); err != nil {
				return err
			}
		}
		var err error
		trace, _, err = e.Timings(nil)
		return err
	})
	if err != nil || len(trace) == 0 || len(trace)%ringLength != 0 {
		return nil, fmt.Errorf("record the steps of the CPU engine: %d were timed: %w", len(trace), err)
	}
	var steps []float64
	for _, timing := range trace {
		steps = append(steps, timing.StepUS)
	}
	slices.Sort(steps)
	scale := traceStepUS / steps[len(steps)/2]
	for i := range trace {
		for s := range trace[i].StageUS {
			trace[i].StageUS[s] *= scale
		}
	}
	return trace, nil
}

// namesWinner replays a part of a trace through a whole session and reports whether any of its samples
// named a winner. effect is what ES does to a stage in an A/B run; nil makes it an A/A test.
func namesWinner(t *testing.T, trace []profiler.StepTiming, seed uint64, effect func(profiler.ESMask, profiler.Stage) float64) bool {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 17))
	// The engine's ring of routings has to stay in phase.
	from := ringLength * random.IntN(len(trace)/ringLength)
	lab := profilertest.NewLab(profilertest.Options{
		StageUS: func(step uint64, mask profiler.ESMask, stage profiler.Stage) float64 {
			us := trace[(from+int(step))%len(trace)].StageUS[stage]
			if effect != nil {
				us *= effect(mask, stage)
			}
			return us
		},
	})
	w := profiler.CustomWorkload(4, 2, 128, 128)
	w.Tokens, w.Seed = 8, seed
	w.Routing = profiler.Routing{Kind: profiler.Uniform}
	named, pairs := false, 0
	err := profiler.RunSession(t.Context(), profiler.SessionConfig{
		Workload: w, AB: true, AA: effect == nil, Steps: aaSteps, Interval: 250 * time.Millisecond, RingLength: ringLength,
		Open: lab.Open, Kernels: "reference", Timer: "auto",
		Emit: func(r profiler.Record) {
			if r.Sample == nil {
				return
			}
			pairs = r.Sample.ABPairs
			for _, outcome := range []*profiler.Outcome{r.Sample.Verdict.Up, r.Sample.Verdict.Down} {
				named = named || outcome != nil && (*outcome == profiler.OutcomeFaster || *outcome == profiler.OutcomeSlower)
			}
		},
	})
	if err != nil || pairs < 20 {
		t.Errorf("seed %d: %d cycles, %v", seed, pairs, err)
	}
	return named
}

// TestFalseWinners holds moetop to its promise: of comparisons of a thing with itself it names a winner
// in at most 1%, however often one looks.
func TestFalseWinners(t *testing.T) {
	t.Parallel()
	runs := aaRuns
	if text := os.Getenv("MOETOP_AA_RUNS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("MOETOP_AA_RUNS: %q is not allowed: a number of comparisons, such as 1000", text)
		}
		runs = n
	}
	trace, err := stepTrace()
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(runs) {
			if namesWinner(t, trace, seed, nil) {
				wrong++
			}
		}
	})
	// In few runs 1% is less than chance, which a sound comparison exceeds once in a thousand times.
	mean := float64(runs) / 100
	allowed := math.Floor(mean)
	if runs < 1000 {
		allowed = math.Ceil(mean + 4*math.Sqrt(mean))
	}
	t.Logf("%d false winners in %d A/A comparisons", wrong, runs)
	if float64(wrong) > allowed {
		t.Errorf("%d of %d A/A comparisons named a winner, at most %v are allowed", wrong, runs, allowed)
	}
}

// TestTrueWinnersAreFound makes sure that the trace does not hide everything: then no winner would be
// false. A machine that is busy when the trace is recorded makes a noisy one; four times as fast is found
// in that, too, if not each time.
func TestTrueWinnersAreFound(t *testing.T) {
	t.Parallel()
	trace, err := stepTrace()
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		const runs = 10
		found := 0
		for seed := range uint64(runs) {
			if namesWinner(t, trace, seed, func(mask profiler.ESMask, stage profiler.Stage) float64 {
				if mask.Has(stage) {
					return 1
				}
				return 4
			}) {
				found++
			}
		}
		if found < runs/2 {
			t.Errorf("a stage that is four times as fast was found in %d of %d runs", found, runs)
		}
	})
}
