package kernels

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
	"unsafe"

	"github.com/moetop/moetop/profiler"
)

// CUDA is the engine kind of an engine that a library runs on a GPU.
const CUDA = "cuda"

// deviceReserve stays free on the device: what the driver takes for graphs, modules and local memory
// after the estimate was made.
const deviceReserve = 256 << 20

// timingsPerCall is how many timings cross from the library at a time.
const timingsPerCall = 512

// cudaEngine is a thin shell around the library's engine. Its methods are called on one thread, but
// for SetES.
type cudaEngine struct {
	library  *Library
	cfg      profiler.EngineConfig
	info     profiler.EngineInfo
	buffer   []abiStepTiming
	read     *timingsRead
	untimed  uint64
	mu       sync.Mutex // guards handle between SetES and Close
	handle   *C.moetop_engine
	maskFail error // of SetES, told by the next Run
}

// timingsRead is what the library writes besides timings; apart, so that no pointer of the engine
// lies in the memory that C is given.
type timingsRead struct {
	count   C.int32_t
	dropped C.uint64_t
}

// OpenCUDA builds an engine on a device of the library, by its ordinal. Whether the workload fits is
// checked before anything is allocated. The error is an *ArgumentError, a *NoGPUError or a
// *MemoryError where one of these is the cause.
func OpenCUDA(lib *Library, device int, cfg profiler.EngineConfig) (profiler.Engine, error) {
	if err := checkConfig(cfg); err != nil {
		return nil, err
	}
	config, err := newABIConfig(device, cfg)
	if err != nil {
		return nil, err
	}
	gpu, err := lib.deviceInfo(device)
	if err != nil {
		return nil, err
	}
	need, err := lib.estimateMemory(&config)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, unsupportedKernels(lib, device, cfg.Kernels, err)
	}
	if err != nil {
		return nil, err
	}
	if err := checkDeviceMemory(need, gpu); err != nil {
		return nil, err
	}
	handle := new(*C.moetop_engine)
	err = lib.call("creating the engine", func() C.int32_t {
		return C.shim_create(lib.calls, (*C.moetop_config)(unsafe.Pointer(&config)), handle)
	})
	if err != nil {
		return nil, err
	}
	e := &cudaEngine{
		library: lib, cfg: cfg, handle: *handle, buffer: make([]abiStepTiming, timingsPerCall), read: new(timingsRead),
	}
	if err := e.prepare(gpu, cfg); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// unsupportedKernels says which kernels the library has in place of those that it does not.
func unsupportedKernels(lib *Library, device int, kernels string, why error) error {
	offered, err := lib.families(device)
	if err != nil || slices.Contains(offered, kernels) {
		return why
	}
	refused := &profiler.ArgumentError{Field: "kernels", Value: strconv.Quote(kernels), Allowed: fmt.Sprintf("one of %q", offered)}
	return fmt.Errorf("%w (%w)", refused, why)
}

// checkDeviceMemory compares an estimate with what is free on the device.
func checkDeviceMemory(need profiler.Memory, gpu *abiDeviceInfo) error {
	total := need.WeightsBytes + need.ActivationsBytes + need.WorkspaceBytes
	if total+deviceReserve <= gpu.freeMemoryBytes {
		return nil
	}
	return &profiler.MemoryError{Reason: fmt.Sprintf(
		"the workload needs %d bytes of GPU memory (%d weights, %d activations, %d workspace) and %d are kept "+
			"in reserve, but %d of %d are free on GPU %d; take fewer tokens or a smaller shard",
		total, need.WeightsBytes, need.ActivationsBytes, need.WorkspaceBytes, deviceReserve,
		gpu.freeMemoryBytes, gpu.totalMemoryBytes, gpu.device)}
}

// prepare hands over the ring of routings and asks what the engine turned out to be.
func (e *cudaEngine) prepare(gpu *abiDeviceInfo, cfg profiler.EngineConfig) error {
	if err := e.setRoutings(cfg.Routings); err != nil {
		return err
	}
	info := &abiEngineInfo{
		structSize: uint32(unsafe.Sizeof(abiEngineInfo{})),
		memory:     abiMemory{structSize: uint32(unsafe.Sizeof(abiMemory{}))},
	}
	err := e.library.call("describing the engine", func() C.int32_t {
		return C.shim_get_engine_info(e.library.calls, e.handle, (*C.moetop_engine_info)(unsafe.Pointer(info)))
	})
	if err != nil {
		return err
	}
	device := gpu.domain()
	e.info = profiler.EngineInfo{
		Engine: CUDA, Provider: e.library.Provider(), Kernels: named(kernelNames, info.kernels),
		Timer: named(timerNames, info.timer), TimerReason: text(info.timerReason[:]),
		ESLaunch: named(esLaunchNames, info.esLaunch), Device: &device, Memory: info.memory.domain(),
	}
	e.info.Tiles, err = e.tilePolicies()
	return err
}

func (e *cudaEngine) setRoutings(ring []profiler.TopK) error {
	var ids []int32
	var weights []float32
	for _, r := range ring {
		ids = append(ids, r.IDs...)
		weights = append(weights, r.Weights...)
	}
	return e.library.call("setting the routings", func() C.int32_t {
		return C.shim_set_routings(e.library.calls, e.handle, (*C.int32_t)(&ids[0]), (*C.float)(&weights[0]))
	})
}

// SetRoutings implements profiler.OperandSetter.
func (e *cudaEngine) SetRoutings(ring []profiler.TopK) error {
	if err := e.ready(); err != nil {
		return err
	}
	cfg := e.cfg
	cfg.Routings = ring
	if err := checkRing(cfg, len(e.cfg.Routings)); err != nil {
		return err
	}
	return e.setRoutings(ring)
}

// SetInput implements profiler.OperandSetter.
func (e *cudaEngine) SetInput(input []uint16) error {
	if err := e.ready(); err != nil {
		return err
	}
	if err := checkInput(e.cfg.Workload, input); err != nil {
		return err
	}
	return e.library.call("setting the input", func() C.int32_t {
		return C.shim_set_input(e.library.calls, e.handle, (*C.uint16_t)(&input[0]))
	})
}

// Info implements profiler.Engine.
func (e *cudaEngine) Info() profiler.EngineInfo { return e.info }

// SetES implements profiler.Engine. It has no error of its own; a refusal is the next Run's.
func (e *cudaEngine) SetES(mask profiler.ESMask) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle == nil {
		return 0
	}
	var first C.uint64_t
	e.maskFail = e.library.call("setting the ES mask", func() C.int32_t {
		return C.shim_set_es_mask(e.library.calls, e.handle, C.uint32_t(mask), &first)
	})
	return uint64(first)
}

// ready says why no call can be made: the engine is closed, or did not take a mask.
func (e *cudaEngine) ready() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle == nil {
		return errClosed
	}
	err := e.maskFail
	e.maskFail = nil
	return err
}

// Run implements profiler.Engine.
func (e *cudaEngine) Run(n int) error {
	if err := e.ready(); err != nil {
		return err
	}
	if n < 0 || n > math.MaxInt32 {
		return &profiler.ArgumentError{Field: "steps", Value: strconv.Itoa(n), Allowed: "0 to 2147483647 a call"}
	}
	return e.library.call("running steps", func() C.int32_t {
		return C.shim_run(e.library.calls, e.handle, C.int32_t(n))
	})
}

// Sync implements profiler.Engine.
func (e *cudaEngine) Sync() error {
	if err := e.ready(); err != nil {
		return err
	}
	return e.library.call("waiting for the GPU", func() C.int32_t {
		return C.shim_synchronize(e.library.calls, e.handle)
	})
}

// Timings implements profiler.Engine. A step that the library marks as untimed is lost.
func (e *cudaEngine) Timings(dst []profiler.StepTiming) ([]profiler.StepTiming, uint64, error) {
	if err := e.ready(); err != nil {
		return dst, e.lost(), err
	}
	for {
		err := e.library.call("reading timings", e.readTimings)
		if err != nil {
			return dst, e.lost(), err
		}
		count := int(e.read.count)
		if count < 0 || count > len(e.buffer) {
			return dst, e.lost(), fmt.Errorf("reading timings: the library returned %d of at most %d", count, len(e.buffer))
		}
		for i := range e.buffer[:count] {
			t := &e.buffer[i]
			if !(t.stepUS >= 0) {
				e.untimed++
				continue
			}
			dst = append(dst, t.domain())
		}
		if count < len(e.buffer) {
			return dst, e.lost(), nil
		}
	}
}

func (e *cudaEngine) readTimings() C.int32_t {
	return C.shim_read_timings(e.library.calls, e.handle,
		(*C.moetop_step_timing)(unsafe.Pointer(unsafe.SliceData(e.buffer))), C.int32_t(len(e.buffer)),
		&e.read.count, &e.read.dropped)
}

func (e *cudaEngine) lost() uint64 { return uint64(e.read.dropped) + e.untimed }

// Launches implements profiler.Engine.
func (e *cudaEngine) Launches(mask profiler.ESMask) ([]profiler.Launch, error) {
	if err := e.ready(); err != nil {
		return nil, err
	}
	var count C.int32_t
	describe := func(launches *C.moetop_launch, capacity int) error {
		return e.library.call("describing the launches", func() C.int32_t {
			return C.shim_describe_launches(e.library.calls, e.handle, C.uint32_t(mask), launches, C.int32_t(capacity), &count)
		})
	}
	if err := describe(nil, 0); err != nil {
		return nil, err
	}
	raw := make([]abiLaunch, max(int(count), 0))
	if len(raw) == 0 {
		return nil, nil
	}
	for i := range raw {
		raw[i].structSize = uint32(unsafe.Sizeof(abiLaunch{}))
	}
	if err := describe((*C.moetop_launch)(unsafe.Pointer(&raw[0])), len(raw)); err != nil {
		return nil, err
	}
	launches := make([]profiler.Launch, min(int(count), len(raw)))
	for i := range launches {
		launches[i] = raw[i].domain()
	}
	return launches, nil
}

// ReadTensor implements profiler.Engine.
func (e *cudaEngine) ReadTensor(t profiler.Tensor, offset uint64, dst []byte) error {
	if err := e.ready(); err != nil {
		return err
	}
	if len(dst) == 0 {
		return nil
	}
	return e.library.call(fmt.Sprintf("reading tensor %d", t), func() C.int32_t {
		return C.shim_read_tensor(e.library.calls, e.handle, C.int32_t(t), C.uint64_t(offset),
			unsafe.Pointer(&dst[0]), C.uint64_t(len(dst)))
	})
}

// Close implements profiler.Engine.
func (e *cudaEngine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle == nil {
		return nil
	}
	handle := e.handle
	e.handle = nil
	return e.library.call("closing the engine", func() C.int32_t {
		return C.shim_destroy(e.library.calls, handle)
	})
}
