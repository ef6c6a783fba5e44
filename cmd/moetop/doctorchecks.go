package main

import (
	"context"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/nvml"
	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui"
)

// checkEngine runs a few steps of a small layer: the only proof that an engine works, and the only
// way to learn which timer it takes.
func (r *doctorReport) checkEngine(o *doctorOptions, selected kernels.Selection, choice error) {
	if choice != nil {
		r.add("engine", broken, "%v", choice)
		return
	}
	w := profiler.CustomWorkload(16, 2, 256, 128)
	w.Tokens = 32
	cfg := profiler.EngineConfig{
		Workload: w, Routings: profiler.NewRoutings(w, profiler.MinRing),
		Kernels: o.engine.family(selected), Timer: o.engine.timer, ESLaunch: o.engine.launch,
	}
	var info profiler.EngineInfo
	err := withEngine(selected.Open, cfg, func(engine profiler.Engine) error {
		info = engine.Info()
		if err := engine.Run(profiler.MinRing); err != nil {
			return err
		}
		return engine.Sync()
	})
	if err != nil {
		r.add("engine", broken, "%s: %v", selected.Engine, err)
		return
	}
	switch {
	case selected.Engine == kernels.CUDA:
		r.add("engine", works, "cuda: %s", info.Provider)
	case selected.Reason != "":
		r.add("engine", limited, "the CPU reference engine, whose figures say nothing about a GPU: %s", selected.Reason)
	default:
		r.add("engine", works, "%s", info.Provider)
	}
	if info.TimerReason != "" {
		r.add("timer", limited, "%s, not cupti: %s", info.Timer, info.TimerReason)
	} else {
		r.add("timer", works, "%s", info.Timer)
	}
}

// checkInstruments takes one reading of the GPU's instruments, with a whole GPM window.
func (r *doctorReport) checkInstruments(device *profiler.Device) {
	ctx, cancel := context.WithTimeout(context.Background(), driverTimeout)
	defer cancel()
	driver, err := nvml.DriverVersion(ctx)
	if err != nil {
		r.add("NVML", limited, "%v", err)
		return
	}
	r.add("driver", works, "%s", driver)
	if device == nil {
		r.add("NVML", limited, "answers, but there is no GPU that an engine runs on")
		return
	}
	sampler, err := nvml.Open(nvml.Options{UUID: device.UUID, PID: os.Getpid()})
	if err != nil {
		r.add("NVML", limited, "%v", err)
		return
	}
	reading, ok := awaitWindow(ctx, sampler)
	problems := sampler.Problems()
	_ = sampler.Close()
	if !ok {
		r.add("NVML", limited, "no reading within %v: %s", driverTimeout, strings.Join(problems, "; "))
		return
	}
	r.add("NVML", works, "reads the GPU")
	for _, problem := range problems {
		r.add("NVML", limited, "%s", problem)
	}
	if reading.SMUtilizationPercent != nil {
		r.add("GPM", works, "SM utilization %.0f %%", *reading.SMUtilizationPercent)
	} else {
		r.add("GPM", limited, "no SM utilization, occupancy, tensor and DRAM figures")
	}
	if reading.MemoryFreeBytes != nil && reading.MemoryTotalBytes != nil {
		r.add("memory", works, "%.1f of %.1f GiB free", gibibytes(*reading.MemoryFreeBytes), gibibytes(*reading.MemoryTotalBytes))
	}
}

// checkCeilings says what % of attainable is worked out from, after measuring it if that is wanted.
func (r *doctorReport) checkCeilings(a *app, o *doctorOptions, selected *kernels.Selection) {
	const part = "ceilings"
	if selected.Device == nil {
		if o.measure {
			r.add(part, broken, "there is no GPU to measure; the CPU engine has none")
		}
		return
	}
	source := a.ceilingSource(selected, driverVersion())
	if !o.measure {
		r.Ceilings = source.cache.find(selected.Device.UUID, source.key())
		if r.Ceilings == nil {
			r.add(part, limited, "not measured yet under this driver: the first run will, or moetop doctor --measure")
			return
		}
		r.add(part, works, "%v; measured at %s", r.Ceilings, r.Ceilings.MeasuredAt.Local().Format(time.DateTime))
		return
	}
	var err error
	r.Ceilings, err = source.measureAnew()
	switch {
	case r.Ceilings == nil:
		r.add(part, broken, "%v", err)
	case err != nil:
		r.add(part, limited, "%v; not kept: %v", r.Ceilings, err)
	default:
		r.add(part, works, "%v; kept in %s", r.Ceilings, source.cache.path(selected.Device.UUID))
	}
}

// awaitWindow waits for a reading whose GPM window is whole, or takes the newest there is.
func awaitWindow(ctx context.Context, sampler *nvml.Sampler) (profiler.Reading, bool) {
	// Three windows are enough even if the first answer was slow.
	limit := time.NewTimer(3 * nvml.DefaultInterval)
	defer limit.Stop()
	poll := time.NewTicker(nvml.DefaultInterval / 5)
	defer poll.Stop()
	for {
		if reading, ok := sampler.Latest(); ok && reading.SMUtilizationPercent != nil {
			return reading, true
		}
		select {
		case <-ctx.Done():
			return sampler.Latest()
		case <-limit.C:
			return sampler.Latest()
		case <-poll.C:
		}
	}
}

// checkTerminal says whether the screen can be shown.
func (r *doctorReport) checkTerminal(a *app) {
	if err := a.requireTerminal(); err != nil {
		r.add("terminal", limited, "%v", err)
		return
	}
	file, ok := a.stdout.(*os.File)
	if !ok {
		return
	}
	width, height, err := term.GetSize(int(file.Fd()))
	if err != nil {
		r.add("terminal", limited, "%s, of unknown size: %v", os.Getenv("TERM"), err)
		return
	}
	if width < ui.MinWidth || height < ui.MinHeight {
		r.add("terminal", limited, "%s, %dx%d: the screen needs %dx%d", os.Getenv("TERM"), width, height, ui.MinWidth, ui.MinHeight)
		return
	}
	r.add("terminal", works, "%s, %dx%d", os.Getenv("TERM"), width, height)
}
