package kernels

import (
	"bytes"
	"fmt"
	"time"
	"unsafe"

	"github.com/moetop/moetop/profiler"
)

// ABIVersion is the version of moetop.h that this package speaks; libraries of another are refused.
const ABIVersion = 2

// The structs of moetop.h, field by field; a test compares them with what a C compiler makes of the
// header. None has a pointer, so C may write into Go memory.

type abiDeviceInfo struct {
	structSize       uint32
	device           int32
	name             [256]byte
	uuid             [16]byte
	computeMajor     int32
	computeMinor     int32
	numSMs           int32
	l2Bytes          int32
	driverVersion    int32
	runtimeVersion   int32
	totalMemoryBytes uint64
	freeMemoryBytes  uint64
}

type abiConfig struct {
	structSize   uint32
	device       int32
	experts      int32
	topK         int32
	hidden       int32
	intermediate int32
	tokens       int32
	numRoutings  int32
	kernels      int32
	timer        int32
	esLaunch     int32
	reserved     int32
	seed         uint64
}

type abiMemory struct {
	structSize       uint32
	reserved         uint32
	weightsBytes     uint64
	activationsBytes uint64
	workspaceBytes   uint64
}

type abiCeilings struct {
	structSize      uint32
	reserved        uint32
	readBytesPerS   float64
	l2ReadBytesPerS float64
	fp8FlopsPerS    float64
	smClockMHz      float64
	kernelUS        float64
	spreadPercent   float64
	writtenBytes    [writeCosts]uint64
	writeCostUS     [writeCosts]float64
}

// writeCosts is the number of points at which a library measures the cost of writes.
const writeCosts = 4

type abiEngineInfo struct {
	structSize  uint32
	kernels     int32
	timer       int32
	esLaunch    int32
	memory      abiMemory
	timerReason [256]byte
}

type abiStepTiming struct {
	step        uint64
	startNS     uint64
	esMask      uint32
	routing     int32
	stageUS     [profiler.NumStages]float32
	gapUS       float32
	stepUS      float32
	launchGapUS float32
	reserved    uint32
}

type abiLaunch struct {
	structSize         uint32
	stage              int32
	name               [512]byte
	grid               [3]uint32
	block              [3]uint32
	registersPerThread int32
	staticSharedBytes  int32
	dynamicSharedBytes int32
	localBytes         int32
	meanUS             float64
}

type abiTileClass struct {
	structSize  uint32
	letter      [4]byte
	maxRows     int32
	tileRows    int32
	rowStep     int32
	tileColumns int32
	stages      int32
	cluster     int32
	splitK      int32
	warpgroups  int32
	name        [64]byte
}

// The names of the header's enumerations, by value.
var (
	kernelNames   = []string{"cutlass", "native"}
	timerNames    = []string{"auto", "cupti", "events", "none"}
	esLaunchNames = []string{"auto", "pdl", "streams"}
)

func named(names []string, value int32) string {
	if value < 0 || int(value) >= len(names) {
		return fmt.Sprintf("unknown (%d)", value)
	}
	return names[value]
}

// newABIConfig names a flag whose value the library has no number for.
func newABIConfig(device int, cfg profiler.EngineConfig) (abiConfig, error) {
	kernels, err := choice("kernels", cfg.Kernels, kernelNames)
	if err != nil {
		return abiConfig{}, err
	}
	timer, err := choice("timer", cfg.Timer, timerNames)
	if err != nil {
		return abiConfig{}, err
	}
	launch, err := choice("es-launch", cfg.ESLaunch, esLaunchNames)
	if err != nil {
		return abiConfig{}, err
	}
	w := cfg.Workload
	return abiConfig{
		structSize: uint32(unsafe.Sizeof(abiConfig{})), device: int32(device),
		experts: int32(w.Experts), topK: int32(w.TopK), hidden: int32(w.Hidden),
		intermediate: int32(w.Intermediate), tokens: int32(w.Tokens),
		numRoutings: int32(len(cfg.Routings)),
		kernels:     int32(kernels), timer: int32(timer), esLaunch: int32(launch), seed: w.Seed,
	}, nil
}

func (d *abiDeviceInfo) domain() profiler.Device {
	u := d.uuid
	return profiler.Device{
		Name:         text(d.name[:]),
		UUID:         fmt.Sprintf("GPU-%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:]),
		Index:        int(d.device),
		ComputeMajor: int(d.computeMajor), ComputeMinor: int(d.computeMinor),
		SMs: int(d.numSMs), L2Bytes: int64(d.l2Bytes),
		CUDA:             fmt.Sprintf("%d.%d", d.driverVersion/1000, d.driverVersion%1000/10),
		TotalMemoryBytes: d.totalMemoryBytes,
	}
}

func (m *abiMemory) domain() profiler.Memory {
	return profiler.Memory{
		WeightsBytes: m.weightsBytes, ActivationsBytes: m.activationsBytes, WorkspaceBytes: m.workspaceBytes,
	}
}

func (c *abiCeilings) domain(now time.Time) profiler.Ceilings {
	d := profiler.Ceilings{
		ReadBytesPerS: c.readBytesPerS, L2ReadBytesPerS: c.l2ReadBytesPerS, FP8FlopsPerS: c.fp8FlopsPerS,
		SMClockMHz: c.smClockMHz, KernelUS: c.kernelUS, SpreadPercent: c.spreadPercent, MeasuredAt: now,
	}
	for i, bytes := range c.writtenBytes {
		d.WriteCost = append(d.WriteCost, profiler.WriteCost{WrittenBytes: float64(bytes), ExtraUS: c.writeCostUS[i]})
	}
	return d
}

// domain is only called for a timing that was measured: stepUS is not negative.
func (t *abiStepTiming) domain() profiler.StepTiming {
	d := profiler.StepTiming{
		Step: t.step, StartNS: t.startNS, Mask: profiler.ESMask(t.esMask), Routing: int(t.routing),
		GapUS: float64(t.gapUS), StepUS: float64(t.stepUS), LaunchGapUS: float64(t.launchGapUS),
	}
	for i, us := range t.stageUS {
		d.StageUS[i] = float64(us)
	}
	return d
}

func (l *abiLaunch) domain() profiler.Launch {
	d := profiler.Launch{
		Stage: profiler.Stage(l.stage).String(), Name: text(l.name[:]),
		Registers: int(l.registersPerThread), StaticSharedBytes: int(l.staticSharedBytes),
		DynamicSharedBytes: int(l.dynamicSharedBytes), LocalBytes: int(l.localBytes),
	}
	for i := range d.Grid {
		d.Grid[i], d.Block[i] = int(l.grid[i]), int(l.block[i])
	}
	if mean := l.meanUS; mean >= 0 {
		d.MeanUS = &mean
	}
	return d
}

// text is a C string in a fixed array, which need not be terminated.
func text(b []byte) string {
	before, _, _ := bytes.Cut(b, []byte{0})
	return string(bytes.ToValidUTF8(before, []byte("?")))
}
