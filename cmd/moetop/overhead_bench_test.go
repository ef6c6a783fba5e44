package main

import (
	"fmt"
	"math"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/aclements/go-moremath/stats"
	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/front"
)

const (
	// overheadBlock is how long each side runs before the other has its turn.
	overheadBlock = 2 * time.Second
	// overheadRun is what one call of Run takes in a session. The CPU engine does not queue steps as a GPU
	// does, so that the length of a call decides what is lost between two of them.
	overheadRun = 500 * time.Microsecond
)

// stepCost is what a step cost: wall time, and CPU time of all processes.
type stepCost struct{ wallUS, cpuUS float64 }

// fakeQueue is how many steps of the stand-in for a GPU are in flight, as on a GPU.
const fakeQueue = "MOETOP_FAKE_QUEUE"

// overheadPairs are enough pairs to judge by their interval.
const overheadPairs = 12

// BenchmarkJSONOverhead compares the steps of a worker under a front, as --json runs them, with those
// of a bare loop over the same engine. The sides take turns, and which one is first alternates. It
// tells by how much the wall time of a step grows, and how much CPU time moetop adds, worker and front
// together, in percent of one core: the mean of the pairs, with the half width of its 95% interval.
//
// The stand-in for a GPU has steps in flight as a GPU has, so that a step takes longer only if the
// session comes too late to launch the next. With enough pairs it fails if the wall time of its steps
// surely grows by the budget or more. The CPU engine lacks every cycle that moetop takes.
func BenchmarkJSONOverhead(b *testing.B) {
	const budgetPercent = 1
	for name, side := range map[string]struct {
		args []string
		env  string
	}{
		"CPU engine":   {[]string{"--engine=cpu", "--model=" + profiler.TinyModel}, "0"},
		"GPU stand-in": {[]string{"--engine=cuda", "--library=" + fakeLibrary(), "--model=qwen3-30b", "--tokens=16"}, "4"},
	} {
		b.Run(name, func(b *testing.B) {
			b.Setenv(fakeQueue, side.env)
			o := defaultOptions()
			flags := pflag.NewFlagSet("", pflag.ContinueOnError)
			o.register(flags)
			if err := flags.Parse(side.args); err != nil {
				b.Fatal(err)
			}
			if err := o.complete(flags, nil); err != nil {
				b.Fatal(err)
			}
			var wall, core, bareWall, withWall, bareCore []float64
			for i := 0; b.Loop(); i++ {
				var bare, with stepCost
				sides := []func(){func() { bare = bareCost(b, o) }, func() { with = sessionCost(b, side.args, side.env) }}
				if i%2 == 1 {
					slices.Reverse(sides)
				}
				for _, side := range sides {
					side()
				}
				wall = append(wall, 100*(with.wallUS/bare.wallUS-1))
				core = append(core, 100*(with.cpuUS/with.wallUS-bare.cpuUS/bare.wallUS))
				bareCore = append(bareCore, 100*bare.cpuUS/bare.wallUS)
				bareWall, withWall = append(bareWall, bare.wallUS), append(withWall, with.wallUS)
			}
			b.ReportMetric(stats.Mean(wall), "added-wall-%")
			b.ReportMetric(halfWidth(wall), "±wall-%")
			b.ReportMetric(stats.Mean(core), "added-core-%")
			b.ReportMetric(halfWidth(core), "±core-%")
			b.ReportMetric(stats.Mean(bareCore), "bare-core-%")
			b.ReportMetric(median(bareWall), "bare-µs/step")
			b.ReportMetric(median(withWall), "json-µs/step")
			b.ReportMetric(0, "ns/op")
			if len(wall) >= overheadPairs && side.env != "0" && stats.Mean(wall)-halfWidth(wall) > budgetPercent {
				b.Errorf("a step takes %.2f%% ± %.2f%% longer: less than %d%% is allowed", stats.Mean(wall), halfWidth(wall), budgetPercent)
			}
		})
	}
}

// halfWidth is that of the 95% interval of a mean.
func halfWidth(values []float64) float64 {
	if len(values) < 2 {
		return math.Inf(1)
	}
	n := float64(len(values))
	return stats.InvCDF(stats.TDist{V: n - 1})(0.975) * math.Sqrt(stats.Variance(values)/n)
}

// bareCost runs the engine in this process and does nothing but collect its timings. It calls the
// engine as often as a session does.
func bareCost(b *testing.B, o *options) stepCost {
	b.Helper()
	selected, err := o.engine.choose()
	if err != nil {
		b.Fatal(err)
	}
	w, err := o.workload(selected.Engine)
	if err != nil {
		b.Fatal(err)
	}
	cfg := profiler.EngineConfig{
		Workload: w, Routings: profiler.NewRoutings(w, ringLength), Kernels: o.engine.kernels, Timer: o.engine.timer,
		ESLaunch: o.engine.launch,
	}
	var cost stepCost
	err = withEngine(selected.Open, cfg, func(engine profiler.Engine) (err error) {
		cost, err = bareLoop(engine)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return cost
}

func bareLoop(engine profiler.Engine) (stepCost, error) {
	began := time.Now()
	if err := runSynced(engine, defaultWarmup); err != nil {
		return stepCost{}, err
	}
	chunk := max(1, int(overheadRun/max(time.Since(began)/defaultWarmup, time.Microsecond)))
	var timings []profiler.StepTiming
	steps, cpu := 0, processTime()
	began = time.Now()
	for time.Since(began) < overheadBlock {
		for batch := time.Now(); time.Since(batch) < costChunkTime; steps += chunk {
			if err := engine.Run(chunk); err != nil {
				return stepCost{}, fmt.Errorf("run steps: %w", err)
			}
		}
		var err error
		if timings, _, err = engine.Timings(timings[:0]); err != nil {
			return stepCost{}, fmt.Errorf("read timings: %w", err)
		}
	}
	if err := engine.Sync(); err != nil {
		return stepCost{}, fmt.Errorf("run steps: %w", err)
	}
	return costOf(time.Since(began), processTime()-cpu, steps), nil
}

// sessionCost runs a worker under a front in this process, from one sample to another.
func sessionCost(b *testing.B, args []string, queue string) stepCost {
	b.Helper()
	f, err := front.Start(b.Context(), front.Config{
		Path: binary(), Args: append([]string{"--ndjson", "--control=-", "--front-mode=json"}, args...), Env: environment(fakeQueue + "=" + queue),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var first *profiler.View
	var cpu time.Duration
	for view := range f.Views() {
		switch {
		case view.Worker.Phase == profiler.WorkerDied:
			b.Fatal(view.Worker.Cause)
		case view.Sample == nil || view.Sample.State != profiler.StateRunning || view.Sample.CPUSeconds == 0:
		case first == nil:
			first, cpu = view, processTime()
		case view.Time.Sub(first.Time) >= overheadBlock:
			worker := time.Duration((view.Sample.CPUSeconds - first.Sample.CPUSeconds) * float64(time.Second))
			return costOf(view.Time.Sub(first.Time), worker+processTime()-cpu, int(view.Step-first.Step))
		}
	}
	b.Fatal("the views ended")
	return stepCost{}
}

func costOf(wall, cpu time.Duration, steps int) stepCost {
	return stepCost{float64(wall.Nanoseconds()) / 1e3 / float64(steps), float64(cpu.Nanoseconds()) / 1e3 / float64(steps)}
}

// processTime is the CPU time of this process.
func processTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
