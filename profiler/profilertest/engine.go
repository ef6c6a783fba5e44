// Package profilertest holds an engine and a sampler for tests of what stands on package profiler:
// their figures are chosen by the test, and they fail, hang and refuse on request. They sleep on
// package time, so that testing/synctest can run them on a clock of its own.
package profilertest

import (
	"fmt"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
)

// Options say how engines behave. The zero value is an engine on the CPU whose steps take 1 ms with
// every mask.
type Options struct {
	// StageUS is the time of a stage in microseconds; nil is a sixth of a millisecond for all.
	StageUS func(step uint64, mask profiler.ESMask, stage profiler.Stage) float64
	// Info is what engines say they are; empty fields get values of a CPU engine.
	Info profiler.EngineInfo
	// Families are kernel families with what they make of a stage's time, as a factor. Where there are
	// any an engine says that it has the one that it was opened with.
	Families map[string]float64
	// FamilyFailure makes the steps of a family fail.
	FamilyFailure map[string]error
	// BuildTime is how long Open takes.
	BuildTime time.Duration
	// OpenError refuses a configuration. open is the number of engines that are open at that time.
	OpenError func(cfg profiler.EngineConfig, open int) error
	// Lag is how many steps stay in flight: their timings come with a later step, or with Sync.
	Lag int
	// LaunchesError refuses to describe the launches.
	LaunchesError error
	// LoseEvery loses the timing of every so many-th step; 0 loses none.
	LoseEvery uint64
	// FailAt is the step that fails with Failure, if Failure is set.
	FailAt  uint64
	Failure error
	// PanicAt is the step that panics, if it is not 0.
	PanicAt uint64
}

// Lab opens engines and keeps account of them.
type Lab struct {
	opts    Options
	mu      sync.Mutex
	open    int
	configs []profiler.EngineConfig
	hang    chan struct{} // not nil: Run waits until it is closed
}

// NewLab returns a Lab.
func NewLab(opts Options) *Lab {
	if opts.StageUS == nil {
		opts.StageUS = func(uint64, profiler.ESMask, profiler.Stage) float64 { return 1000.0 / profiler.NumStages }
	}
	setDefault(&opts.Info.Engine, "cpu")
	setDefault(&opts.Info.Provider, "profilertest")
	setDefault(&opts.Info.Kernels, "reference")
	setDefault(&opts.Info.Timer, "cpu")
	return &Lab{opts: opts}
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// Open is a profiler.OpenEngine.
func (l *Lab) Open(cfg profiler.EngineConfig) (profiler.Engine, error) {
	time.Sleep(l.opts.BuildTime)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opts.OpenError != nil {
		if err := l.opts.OpenError(cfg, l.open); err != nil {
			return nil, err
		}
	}
	l.open++
	l.configs = append(l.configs, cfg)
	e := &Engine{lab: l, ring: len(cfg.Routings), info: l.opts.Info, factor: 1}
	if factor, ok := l.opts.Families[cfg.Kernels]; ok {
		e.info.Kernels, e.factor = cfg.Kernels, factor
	}
	return e, nil
}

// OpenEngines is the number of engines that are open now.
func (l *Lab) OpenEngines() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open
}

// Configs are the configurations of all engines that were opened, in order.
func (l *Lab) Configs() []profiler.EngineConfig {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]profiler.EngineConfig(nil), l.configs...)
}

// Hang makes every engine hang at its next step, until Release.
func (l *Lab) Hang() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hang == nil {
		l.hang = make(chan struct{})
	}
}

// Release ends a Hang.
func (l *Lab) Release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hang != nil {
		close(l.hang)
		l.hang = nil
	}
}

func (l *Lab) waitWhileHanging() {
	l.mu.Lock()
	hang := l.hang
	l.mu.Unlock()
	if hang != nil {
		<-hang
	}
}

// Engine is a profiler.Engine whose steps are sleep.
type Engine struct {
	lab     *Lab
	info    profiler.EngineInfo
	factor  float64 // of its family
	ring    int
	mask    profiler.MaskSwitch
	step    uint64
	clockNS uint64
	ready   []profiler.StepTiming
	lost    uint64
	synced  bool
	closed  bool
}

// Info implements profiler.Engine.
func (e *Engine) Info() profiler.EngineInfo { return e.info }

// SetES implements profiler.Engine.
func (e *Engine) SetES(mask profiler.ESMask) uint64 { return e.mask.Set(mask) }

// Run implements profiler.Engine. It reads the mask anew for every step.
func (e *Engine) Run(n int) error {
	if e.closed {
		return fmt.Errorf("run %d steps: the engine is closed", n)
	}
	opts := &e.lab.opts
	for range n {
		e.lab.waitWhileHanging()
		if err := opts.FamilyFailure[e.info.Kernels]; err != nil {
			return err
		}
		if opts.Failure != nil && e.step == opts.FailAt {
			return opts.Failure
		}
		if opts.PanicAt != 0 && e.step == opts.PanicAt {
			panic("the engine was told to panic")
		}
		e.runStep()
	}
	e.synced = false
	return nil
}

// runStep takes as long as its stages, plus two tenths of a microsecond between them and one
// microsecond before the next step.
func (e *Engine) runStep() {
	timing := profiler.StepTiming{
		Step: e.step, StartNS: e.clockNS, Mask: e.mask.Begin(), GapUS: 0.2, LaunchGapUS: 1,
	}
	if e.ring > 0 {
		timing.Routing = int(e.step % uint64(e.ring))
	}
	timing.StepUS = timing.GapUS
	for i, stage := range profiler.Stages() {
		timing.StageUS[i] = e.factor * e.lab.opts.StageUS(e.step, timing.Mask, stage)
		timing.StepUS += timing.StageUS[i]
	}
	duration := time.Duration((timing.StepUS + timing.LaunchGapUS) * float64(time.Microsecond))
	time.Sleep(duration)
	e.clockNS += uint64(duration)
	e.step++
	if every := e.lab.opts.LoseEvery; every > 0 && e.step%every == 0 {
		e.lost++
		return
	}
	e.ready = append(e.ready, timing)
}

// Timings implements profiler.Engine.
func (e *Engine) Timings(dst []profiler.StepTiming) ([]profiler.StepTiming, uint64, error) {
	n := len(e.ready)
	if !e.synced {
		n = max(0, n-e.lab.opts.Lag)
	}
	dst = append(dst, e.ready[:n]...)
	e.ready = append(e.ready[:0], e.ready[n:]...)
	return dst, e.lost, nil
}

// Sync implements profiler.Engine.
func (e *Engine) Sync() error {
	e.lab.waitWhileHanging()
	e.synced = true
	return nil
}

// Launches implements profiler.Engine: one launch a stage, named after it.
func (e *Engine) Launches(profiler.ESMask) ([]profiler.Launch, error) {
	if err := e.lab.opts.LaunchesError; err != nil {
		return nil, err
	}
	launches := make([]profiler.Launch, 0, profiler.NumStages)
	for _, stage := range profiler.Stages() {
		launches = append(launches, profiler.Launch{
			Stage: stage.String(), Name: "fake_" + stage.String(), Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1},
		})
	}
	return launches, nil
}

// ReadTensor implements profiler.Engine. A sleep has no tensors.
func (e *Engine) ReadTensor(t profiler.Tensor, _ uint64, _ []byte) error {
	return fmt.Errorf("tensor %d: an engine for tests has none", t)
}

// Close implements profiler.Engine.
func (e *Engine) Close() error {
	if e.closed {
		return nil
	}
	e.closed = true
	e.lab.mu.Lock()
	defer e.lab.mu.Unlock()
	e.lab.open--
	return nil
}
