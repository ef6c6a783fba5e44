package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/profiler"
)

const (
	costBlocks    = 6                      // with each timer
	costBlockTime = 500 * time.Millisecond // of a block
	costChunkTime = 15 * time.Millisecond  // between two looks at the timings, as in a session
	costWarmup    = 30                     // steps before a block
)

// timerCost is what a timer costs: medians over blocks of the wall time of a step.
type timerCost struct {
	Timer           string  `json:"timer"` // auto and what became of it
	Blocks          int     `json:"blocks"`
	UntimedUS       float64 `json:"untimed_us"`
	TimedUS         float64 `json:"timed_us"`
	OverheadUS      float64 `json:"overhead_us"`
	OverheadPercent float64 `json:"overhead_percent"`
}

// measureTimer runs blocks with and without the timer in turn, forward and then backward, so that a
// GPU that gets warmer or slower burdens both alike. Each block has an engine of its own: a timer
// listens to the whole process, so that an untimed engine beside a timed one would be timed, too.
func (r *doctorReport) measureTimer(o *doctorOptions, selected kernels.Selection) error {
	w, err := o.measured(selected.Engine)
	if err != nil {
		return err
	}
	cfg := profiler.EngineConfig{
		Workload: w, Routings: profiler.NewRoutings(w, profiler.MinRing),
		Kernels: o.engine.family(selected), ESLaunch: o.engine.launch,
	}
	var untimed, timed []float64
	name := o.engine.timer
	one := func(timer string, into *[]float64) error {
		cfg.Timer = timer
		return withEngine(selected.Open, cfg, func(engine profiler.Engine) error {
			if timer != "none" {
				name = engine.Info().Timer
			}
			us, err := stepWallTime(engine)
			*into = append(*into, us)
			return err
		})
	}
	for block := range costBlocks {
		order := []func() error{
			func() error { return one("none", &untimed) },
			func() error { return one(o.engine.timer, &timed) },
		}
		if block%2 == 1 {
			slices.Reverse(order)
		}
		for _, run := range order {
			if err := run(); err != nil {
				return err
			}
		}
	}
	without, with := median(untimed), median(timed)
	r.TimerCost = &timerCost{
		Timer: name, Blocks: costBlocks, UntimedUS: without, TimedUS: with,
		OverheadUS: with - without, OverheadPercent: 100 * (with - without) / without,
	}
	r.add("timer cost", works, "%s: %.2f us a step, %.2f us without: %+.2f %% (%s, %d tokens, medians of %d blocks in turn)",
		name, with, without, r.TimerCost.OverheadPercent, w.Name(), w.Tokens, costBlocks)
	return nil
}

func (o *doctorOptions) measured(engine string) (profiler.Workload, error) {
	model := o.model
	switch {
	case model != "":
	case engine == kernels.CPU:
		model = profiler.TinyModel
	default:
		model = defaultModel
	}
	w, err := profiler.ParseModel(model)
	if err != nil {
		return profiler.Workload{}, err
	}
	w.Tokens = first(o.tokens, w.Tokens)
	return w, w.Validate()
}

// stepWallTime runs a block and returns the wall time of a step in microseconds. Timings are read as
// a session reads them, since that is part of their cost.
func stepWallTime(engine profiler.Engine) (float64, error) {
	began := time.Now()
	if err := runSynced(engine, costWarmup); err != nil {
		return 0, err
	}
	guess := max(time.Since(began)/costWarmup, time.Microsecond)
	chunk := max(1, int(costChunkTime/guess))
	var timings []profiler.StepTiming
	steps := 0
	began = time.Now()
	for time.Since(began) < costBlockTime {
		if err := engine.Run(chunk); err != nil {
			return 0, fmt.Errorf("run steps: %w", err)
		}
		steps += chunk
		var err error
		if timings, _, err = engine.Timings(timings[:0]); err != nil {
			return 0, fmt.Errorf("read timings: %w", err)
		}
	}
	if err := engine.Sync(); err != nil {
		return 0, fmt.Errorf("run steps: %w", err)
	}
	return float64(time.Since(began).Nanoseconds()) / 1e3 / float64(steps), nil
}

func runSynced(engine profiler.Engine, steps int) error {
	if err := engine.Run(steps); err != nil {
		return fmt.Errorf("run steps: %w", err)
	}
	if err := engine.Sync(); err != nil {
		return fmt.Errorf("run steps: %w", err)
	}
	return nil
}

// median of an even number of values is the mean of the middle two. values is not empty.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
