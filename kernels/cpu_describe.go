package kernels

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/moetop/moetop/profiler"
)

var errClosed = errors.New("the engine is closed")

// launchTimes are the sums behind Launch.MeanUS: a stage is one launch on the CPU.
type launchTimes struct {
	sumUS [profiler.NumMasks][profiler.NumStages]float64
	steps [profiler.NumMasks]int
}

func (l *launchTimes) add(t profiler.StepTiming) {
	l.steps[t.Mask]++
	for stage, us := range t.StageUS {
		l.sumUS[t.Mask][stage] += us
	}
}

// Launches implements profiler.Engine. A launch is a stage; its grid is the tasks of the newest step
// (of the first routing before there is one) that the workers share, and its block is one thread.
// Registers and shared memory are not the CPU's to report: 0.
func (e *cpuEngine) Launches(mask profiler.ESMask) ([]profiler.Launch, error) {
	if e.t == nil {
		return nil, errClosed
	}
	if mask >= profiler.NumMasks {
		return nil, &profiler.ArgumentError{Field: "es", Value: mask.String(), Allowed: "off, up, down or both"}
	}
	w := e.cfg.Workload
	offsets := make([]int32, w.Experts+1)
	countRows(offsets, e.cfg.Routings[e.routing].IDs)
	tasks := func(rows int) [3]int { return [3]int{(rows + rowsPerTask - 1) / rowsPerTask, 1, 1} }
	grids := [profiler.NumStages][3]int{
		profiler.Route: {1, 1, 1}, profiler.Quant: tasks(w.Rows()), profiler.Act: tasks(w.Rows()),
		profiler.Combine: tasks(w.Tokens),
		profiler.Up:      {len(tiles(nil, offsets, mask.Has(profiler.Up))), 2 * w.Intermediate / blockWidth, 1},
		profiler.Down:    {len(tiles(nil, offsets, mask.Has(profiler.Down))), w.Hidden / blockWidth, 1},
	}
	var launches []profiler.Launch
	for _, stage := range profiler.Stages() {
		l := profiler.Launch{
			Stage: stage.String(), Name: launchName(stage, mask, w.Rows()), Grid: grids[stage], Block: [3]int{1, 1, 1},
		}
		if n := e.launches.steps[mask]; n > 0 {
			mean := e.launches.sumUS[mask][stage] / float64(n)
			l.MeanUS = &mean
		}
		launches = append(launches, l)
	}
	return launches, nil
}

func launchName(stage profiler.Stage, mask profiler.ESMask, rows int) string {
	switch {
	case !stage.Switchable():
		return stage.String()
	case mask.Has(stage):
		classes := tileHeights.classes
		return fmt.Sprintf("%s, tile height by expert, %d to %d rows", stage, classes[0], classes[len(classes)-1])
	default:
		return fmt.Sprintf("%s, tiles of %d rows", stage, genericHeight(rows))
	}
}

// ReadTensor implements profiler.Engine.
func (e *cpuEngine) ReadTensor(t profiler.Tensor, offset uint64, dst []byte) error {
	if e.t == nil {
		return errClosed
	}
	data, ok := e.tensor(t)
	if !ok {
		return fmt.Errorf("tensor %d: not one of the %d", t, profiler.NumTensors)
	}
	if size := uint64(len(data)); offset > size || uint64(len(dst)) > size-offset {
		return fmt.Errorf("tensor %d: bytes %d to %d of %d do not exist", t, offset, offset+uint64(len(dst)), size)
	}
	copy(dst, data[offset:])
	return nil
}

func (e *cpuEngine) tensor(t profiler.Tensor) (data []byte, ok bool) {
	topk := e.cfg.Routings[e.routing]
	switch t {
	case profiler.TensorInput:
		return asBytes(e.t.inputs[e.routing]), true
	case profiler.TensorTopKIDs:
		return asBytes(topk.IDs), true
	case profiler.TensorTopKWeights:
		return asBytes(topk.Weights), true
	case profiler.TensorW1:
		return e.t.w1, true
	case profiler.TensorW1Scale:
		return asBytes(e.t.w1Scale), true
	case profiler.TensorW2:
		return e.t.w2, true
	case profiler.TensorW2Scale:
		return asBytes(e.t.w2Scale), true
	case profiler.TensorOffsets:
		return asBytes(e.t.offsets), true
	case profiler.TensorRowSource:
		return asBytes(e.t.rowSource), true
	case profiler.TensorX:
		return e.t.x, true
	case profiler.TensorXScale:
		return asBytes(e.t.xScale), true
	case profiler.TensorUp:
		return asBytes(e.t.up), true
	case profiler.TensorAct:
		return e.t.act, true
	case profiler.TensorActScale:
		return asBytes(e.t.actScale), true
	case profiler.TensorDown:
		return asBytes(e.t.down), true
	case profiler.TensorOutput:
		return asBytes(e.t.output), true
	default:
		return nil, false
	}
}

// asBytes is the memory of a slice, as the GPU would copy it.
func asBytes[T int32 | float32 | uint16](s []T) []byte {
	var element T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(element)))
}
