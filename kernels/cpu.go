package kernels

import (
	"fmt"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/moetop/moetop/profiler"
)

// CPU is the engine kind of the CPU reference engine.
const CPU = "cpu"

// referenceKernels is the CPU engine's only kernel family.
const referenceKernels = "reference"

// maxPendingTimings bounds what waits for Timings; older timings are lost, and counted.
const maxPendingTimings = 1 << 14

const scratchBytes = uint64(unsafe.Sizeof(gemmScratch{}))

// cpuEngine runs every stage of a step one after the other in Run, on all processors.
type cpuEngine struct {
	cfg     profiler.EngineConfig
	info    profiler.EngineInfo
	mask    profiler.MaskSwitch
	pool    pool
	codes   *e4m3Table
	t       *cpuTensors // nil once closed
	scratch []*gemmScratch
	cursor  []int32 // of route: each expert's next row
	rowOf   []int32 // of combine: t*k+j -> row
	tiles   []tile

	started  time.Time
	steps    uint64
	lastEnd  time.Duration // since started; of the newest step
	routing  int           // that the newest step used
	timed    bool
	pending  []profiler.StepTiming
	lost     uint64
	launches launchTimes
}

// OpenCPU builds the CPU reference engine. It computes the same layer as the GPU, with exact E4M3 and
// bf16 rounding, and its figures are those of this machine's processors. Its only kernel family is
// "reference", which also stands in for "cutlass", the default of the command line. The error is an
// *ArgumentError or a *MemoryError; nothing is allocated then.
func OpenCPU(cfg profiler.EngineConfig) (profiler.Engine, error) {
	if err := checkConfig(cfg); err != nil {
		return nil, err
	}
	if _, err := choice("kernels", cfg.Kernels, []string{referenceKernels, "cutlass"}); err != nil {
		return nil, fmt.Errorf("the CPU engine: %w", err)
	}
	timer, err := choice("timer", cfg.Timer, []string{"auto", CPU, "none"})
	if err != nil {
		return nil, fmt.Errorf("the CPU engine: %w", err)
	}
	workers := runtime.GOMAXPROCS(0)
	w := cfg.Workload
	memory := cpuMemory(w, len(cfg.Routings), workers)
	if err := checkHostMemory(os.DirFS("/"), memory); err != nil {
		return nil, err
	}
	e := &cpuEngine{
		cfg: cfg, pool: pool{workers}, codes: newE4M3Table(), t: newCPUTensors(w, len(cfg.Routings)),
		cursor: make([]int32, w.Experts+1), rowOf: make([]int32, w.Rows()),
		started: time.Now(), timed: timer != 2,
	}
	for range workers {
		e.scratch = append(e.scratch, new(gemmScratch))
	}
	e.t.fill(w, e.pool)
	e.info = profiler.EngineInfo{
		Engine: CPU, Kernels: referenceKernels, Timer: CPU, Memory: memory, Tiles: cpuTiles(w.Rows()),
		Provider: fmt.Sprintf("CPU reference, %s, %s/%s, %d threads", runtime.Version(), runtime.GOOS, runtime.GOARCH, workers),
	}
	if !e.timed {
		e.info.Timer = "none"
	}
	return e, nil
}

func (e *cpuEngine) Info() profiler.EngineInfo { return e.info }

// SetRoutings implements profiler.OperandSetter.
func (e *cpuEngine) SetRoutings(ring []profiler.TopK) error {
	if e.t == nil {
		return errClosed
	}
	cfg := e.cfg
	cfg.Routings = ring
	if err := checkRing(cfg, len(e.cfg.Routings)); err != nil {
		return err
	}
	e.cfg = cfg
	return nil
}

// SetInput implements profiler.OperandSetter.
func (e *cpuEngine) SetInput(input []uint16) error {
	if e.t == nil {
		return errClosed
	}
	if err := checkInput(e.cfg.Workload, input); err != nil {
		return err
	}
	for _, of := range e.t.inputs {
		copy(of, input)
	}
	return nil
}

func (e *cpuEngine) SetES(mask profiler.ESMask) uint64 { return e.mask.Set(mask) }

// Run implements profiler.Engine; here the steps have also finished when it returns.
func (e *cpuEngine) Run(n int) error {
	if e.t == nil {
		return errClosed
	}
	for range n {
		e.step(e.mask.Begin())
	}
	return nil
}

func (e *cpuEngine) step(mask profiler.ESMask) {
	e.routing = int(e.steps % uint64(len(e.cfg.Routings)))
	topk := e.cfg.Routings[e.routing]
	timing := profiler.StepTiming{Step: e.steps, Mask: mask, Routing: e.routing}
	start := time.Since(e.started)
	timing.StartNS = uint64(start)
	if e.steps > 0 {
		timing.LaunchGapUS = microseconds(start - e.lastEnd)
	}
	end := start
	for _, stage := range profiler.Stages() {
		e.runStage(stage, mask, topk)
		now := time.Since(e.started)
		timing.StageUS[stage] = microseconds(now - end)
		timing.StepUS += timing.StageUS[stage]
		end = now
	}
	e.lastEnd = end
	e.steps++
	if e.timed {
		e.keep(timing)
	}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func (e *cpuEngine) runStage(stage profiler.Stage, mask profiler.ESMask, topk profiler.TopK) {
	switch stage {
	case profiler.Route:
		e.route(topk.IDs)
	case profiler.Quant:
		e.quant(e.t.inputs[e.routing])
	case profiler.Up:
		e.gemm(e.upGEMM(), mask.Has(stage))
	case profiler.Act:
		e.act()
	case profiler.Down:
		e.gemm(e.downGEMM(), mask.Has(stage))
	case profiler.Combine:
		e.combine(topk)
	}
}

// keep queues a timing; when nobody collects them the oldest half is given up.
func (e *cpuEngine) keep(timing profiler.StepTiming) {
	e.launches.add(timing)
	if len(e.pending) == maxPendingTimings {
		half := maxPendingTimings / 2
		e.pending = e.pending[:copy(e.pending, e.pending[half:])]
		e.lost += uint64(half)
	}
	e.pending = append(e.pending, timing)
}

// Timings implements profiler.Engine.
func (e *cpuEngine) Timings(dst []profiler.StepTiming) ([]profiler.StepTiming, uint64, error) {
	if e.t == nil {
		return dst, e.lost, errClosed
	}
	dst = append(dst, e.pending...)
	e.pending = e.pending[:0]
	return dst, e.lost, nil
}

// Sync implements profiler.Engine; a step has finished when Run returns.
func (e *cpuEngine) Sync() error {
	if e.t == nil {
		return errClosed
	}
	return nil
}

// Close implements profiler.Engine.
func (e *cpuEngine) Close() error {
	e.t, e.scratch, e.pending = nil, nil, nil
	return nil
}
