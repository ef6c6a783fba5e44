package profiler

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// The reference works in float64 on the operands that a stage itself read, dequantized. It shares no
// code with any engine.

// fp8Value decodes E4M3: a sign, four exponent bits of bias 7, three mantissa bits, no infinities.
func fp8Value(code uint8) float64 {
	if code&0x7f == 0x7f {
		return math.NaN()
	}
	mantissa := float64(code&7) / 8
	exponent := int(code >> 3 & 15)
	var magnitude float64
	if exponent == 0 {
		magnitude = mantissa * 0x1p-6
	} else {
		magnitude = (1 + mantissa) * math.Pow(2, float64(exponent-7))
	}
	if code >= 0x80 {
		return -magnitude
	}
	return magnitude
}

func fp8Values() *[256]float64 {
	var values [256]float64
	for code := range values {
		values[code] = fp8Value(uint8(code))
	}
	return &values
}

// fp8HalfSpacing is half the distance between the E4M3 values around v: how far correct rounding may
// move it.
func fp8HalfSpacing(v float64) float64 {
	if v == 0 {
		return 0x1p-10
	}
	_, exponent := math.Frexp(v) // |v| in [2^(exponent-1), 2^exponent)
	return math.Ldexp(1, max(exponent-1, -6)-4)
}

func bf16Value(bits uint16) float64 { return float64(math.Float32frombits(uint32(bits) << 16)) }

// stepTensors are the tensors of one step, but for the weights.
type stepTensors struct {
	ids       []int32
	weights   []float32
	input     []uint16
	offsets   []int32
	rowSource []int32
	x         []uint8
	xScale    []float32
	up        []uint16
	act       []uint8
	actScale  []float32
	down      []uint16
	output    []uint16
}

// layerWeights do not change in an engine's life.
type layerWeights struct {
	w1, w2           []uint8
	w1Scale, w2Scale []float32
}

func readStep(eng Engine, w Workload) (*stepTensors, error) {
	r, h, i := w.Rows(), w.Hidden, w.Intermediate
	reader := tensorReader{engine: eng}
	s := &stepTensors{
		ids:       words(reader.bytes(TensorTopKIDs, 4*r), asInt32),
		weights:   words(reader.bytes(TensorTopKWeights, 4*r), asFloat32),
		input:     halves(reader.bytes(TensorInput, 2*w.Tokens*h)),
		offsets:   words(reader.bytes(TensorOffsets, 4*(w.Experts+1)), asInt32),
		rowSource: words(reader.bytes(TensorRowSource, 4*r), asInt32),
		x:         reader.bytes(TensorX, r*h),
		xScale:    words(reader.bytes(TensorXScale, 4*r*h/BlockWidth), asFloat32),
		up:        halves(reader.bytes(TensorUp, 2*r*2*i)),
		act:       reader.bytes(TensorAct, r*i),
		actScale:  words(reader.bytes(TensorActScale, 4*r*i/BlockWidth), asFloat32),
		down:      halves(reader.bytes(TensorDown, 2*r*h)),
		output:    halves(reader.bytes(TensorOutput, 2*w.Tokens*h)),
	}
	return s, reader.err
}

func readWeights(eng Engine, w Workload) (*layerWeights, error) {
	e, h, i := w.Experts, w.Hidden, w.Intermediate
	reader := tensorReader{engine: eng}
	l := &layerWeights{
		w1:      reader.bytes(TensorW1, e*2*i*h),
		w2:      reader.bytes(TensorW2, e*h*i),
		w1Scale: words(reader.bytes(TensorW1Scale, 4*e*(2*i/BlockWidth)*(h/BlockWidth)), asFloat32),
		w2Scale: words(reader.bytes(TensorW2Scale, 4*e*(h/BlockWidth)*(i/BlockWidth)), asFloat32),
	}
	return l, reader.err
}

// tensorReader keeps the first error, so that a list of tensors reads as a list.
type tensorReader struct {
	engine Engine
	err    error
}

func (r *tensorReader) bytes(t Tensor, n int) []byte {
	data := make([]byte, n)
	if r.err != nil {
		return data
	}
	if err := r.engine.ReadTensor(t, 0, data); err != nil {
		r.err = fmt.Errorf("reading tensor %d: %w", t, err)
	}
	return data
}

// The engines' bytes are little endian, as the GPU's are.

func words[T any](data []byte, convert func(uint32) T) []T {
	out := make([]T, len(data)/4)
	for i := range out {
		out[i] = convert(binary.LittleEndian.Uint32(data[4*i:]))
	}
	return out
}

func asInt32(v uint32) int32 { return int32(v) }

func asFloat32(v uint32) float32 { return math.Float32frombits(v) }

func halves(data []byte) []uint16 {
	out := make([]uint16, len(data)/2)
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return out
}

// parallel calls f for 0..n-1 on all processors and waits. newWorker makes what one worker keeps from
// task to task.
func parallel[W any](n int, newWorker func() W, f func(worker W, task int)) []W {
	var next atomic.Int64
	var wg sync.WaitGroup
	workers := make([]W, min(n, runtime.GOMAXPROCS(0)))
	for i := range workers {
		workers[i] = newWorker()
		wg.Go(func() {
			for task := next.Add(1) - 1; task < int64(n); task = next.Add(1) - 1 {
				f(workers[i], int(task))
			}
		})
	}
	wg.Wait()
	return workers
}
