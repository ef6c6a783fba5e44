package kernels

import (
	"math"
	"math/rand/v2"

	"github.com/moetop/moetop/profiler"
)

// cpuTensors is the CPU engine's memory; shapes as in moetop.h.
type cpuTensors struct {
	inputs    [][]uint16 // bf16 [T,H], one for each routing of the ring
	w1, w2    []uint8
	w1Scale   []float32
	w2Scale   []float32
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

// cpuMemory says what cpuTensors and the workers will take.
func cpuMemory(w profiler.Workload, ring, workers int) profiler.Memory {
	memory := w.Footprint(ring)
	memory.WorkspaceBytes = uint64(workers) * scratchBytes
	return memory
}

func newCPUTensors(w profiler.Workload, ring int) *cpuTensors {
	r, h, i, e := w.Rows(), w.Hidden, w.Intermediate, w.Experts
	t := &cpuTensors{
		inputs:    make([][]uint16, ring),
		w1:        make([]uint8, e*2*i*h),
		w2:        make([]uint8, e*h*i),
		w1Scale:   make([]float32, e*(2*i/blockWidth)*(h/blockWidth)),
		w2Scale:   make([]float32, e*(h/blockWidth)*(i/blockWidth)),
		offsets:   make([]int32, e+1),
		rowSource: make([]int32, r),
		x:         make([]uint8, r*h),
		xScale:    make([]float32, r*h/blockWidth),
		up:        make([]uint16, r*2*i),
		act:       make([]uint8, r*i),
		actScale:  make([]float32, r*i/blockWidth),
		down:      make([]uint16, r*h),
		output:    make([]uint16, w.Tokens*h),
	}
	for s := range t.inputs {
		t.inputs[s] = make([]uint16, w.Tokens*h)
	}
	return t
}

// The streams of random numbers that a seed is split into.
const (
	streamW1 = 1 << (32 + iota)
	streamW2
	streamInput
)

// fill makes weights and inputs from the workload's seed: standard normal values, and weight scales
// between 0.001 and 0.011, as trained models have them in order of magnitude. What it makes does not
// depend on the number of workers.
func (t *cpuTensors) fill(w profiler.Workload, p pool) {
	values := normalQuantiles()
	var codes [len(values)]uint8
	var inputs [len(values)]uint16
	for i, v := range values {
		codes[i], inputs[i] = e4m3(v), bf16(v)
	}
	p.run(2*w.Experts, func(_, task int) {
		expert := task / 2
		if task%2 == 0 {
			rng := rand.NewPCG(w.Seed, streamW1+uint64(expert))
			pick(part(t.w1, expert, w.Experts), &codes, rng)
			drawScales(part(t.w1Scale, expert, w.Experts), rng)
			return
		}
		rng := rand.NewPCG(w.Seed, streamW2+uint64(expert))
		pick(part(t.w2, expert, w.Experts), &codes, rng)
		drawScales(part(t.w2Scale, expert, w.Experts), rng)
	})
	p.run(len(t.inputs), func(_, s int) {
		pick(t.inputs[s], &inputs, rand.NewPCG(w.Seed, streamInput+uint64(s)))
	})
}

// normalQuantiles are equally likely values of the standard normal distribution, by their rank.
func normalQuantiles() (values [1 << quantileBits]float32) {
	for i := range values {
		p := (float64(i) + 0.5) / float64(len(values))
		values[i] = float32(math.Sqrt2 * math.Erfinv(2*p-1))
	}
	return values
}

const quantileBits = 12

// pick fills dst with random elements of values, five for each random number.
func pick[T any](dst []T, values *[1 << quantileBits]T, rng *rand.PCG) {
	for len(dst) > 0 {
		bits := rng.Uint64()
		n := min(len(dst), 64/quantileBits)
		for i := range n {
			dst[i] = values[bits%(1<<quantileBits)]
			bits >>= quantileBits
		}
		dst = dst[n:]
	}
}

func drawScales(dst []float32, source *rand.PCG) {
	rng := rand.New(source)
	for i := range dst {
		dst[i] = rng.Float32()*0.01 + 0.001
	}
}

// part is the i-th of n equal parts.
func part[T any](all []T, i, n int) []T {
	size := len(all) / n
	return all[i*size : (i+1)*size]
}
