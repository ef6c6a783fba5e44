package kernels

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// corrupted is the CPU engine with a fault planted into what its stages wrote, as a broken kernel
// would leave it. The fault shows only with the mask given.
type corrupted struct {
	profiler.Engine
	mask    profiler.ESMask
	current profiler.ESMask
	tensor  profiler.Tensor
	plant   func(data []byte)
}

func (c *corrupted) SetES(mask profiler.ESMask) uint64 {
	c.current = mask
	return c.Engine.SetES(mask)
}

func (c *corrupted) ReadTensor(t profiler.Tensor, offset uint64, dst []byte) error {
	err := c.Engine.ReadTensor(t, offset, dst)
	if t == c.tensor && c.current == c.mask {
		c.plant(dst)
	}
	return err
}

// Rows and columns of the planted faults; the layer is 256 wide with an intermediate size of 128.
const (
	faultRow    = 11
	faultColumn = 77
	width       = 256
)

func half(data []byte, row, column int) []byte { return data[2*(row*width+column):][:2] }

func setHalf(data []byte, row, column int, v float32) {
	binary.LittleEndian.PutUint16(half(data, row, column), bf16(v))
}

func scaleHalf(data []byte, row, column int, factor float32) {
	v := float32FromBF16(binary.LittleEndian.Uint16(half(data, row, column)))
	setHalf(data, row, column, v*factor)
}

func swapRows(data []byte, a, b, bytes int) {
	for i := range bytes {
		data[a*bytes+i], data[b*bytes+i] = data[b*bytes+i], data[a*bytes+i]
	}
}

func setWord(data []byte, i int, v uint32) { binary.LittleEndian.PutUint32(data[4*i:], v) }

func word(data []byte, i int) uint32 { return binary.LittleEndian.Uint32(data[4*i:]) }

func TestVerifyCatchesPlantedErrors(t *testing.T) {
	t.Parallel()
	wholeRow := func(factor float32) func([]byte) {
		return func(d []byte) {
			for column := range width {
				scaleHalf(d, faultRow, column, factor)
			}
		}
	}
	tests := []struct {
		name   string
		tensor profiler.Tensor
		stage  string
		row    int // of the first violation; -1: anywhere
		plant  func([]byte)
	}{
		{"up: one value off by 2%", profiler.TensorUp, "up", faultRow, func(d []byte) {
			largest := 0
			for column := range width {
				if binary.LittleEndian.Uint16(half(d, faultRow, column))&0x7fff >
					binary.LittleEndian.Uint16(half(d, faultRow, largest))&0x7fff {
					largest = column
				}
			}
			scaleHalf(d, faultRow, largest, 1.02)
		}},
		{"up: one value is nan", profiler.TensorUp, "up", faultRow, func(d []byte) {
			setHalf(d, faultRow, faultColumn, float32(math.NaN()))
		}},
		{"up: a row 0.6% too large", profiler.TensorUp, "up", faultRow, wholeRow(1.006)},
		{"up: two rows swapped", profiler.TensorUp, "up", faultRow, func(d []byte) {
			swapRows(d, faultRow, faultRow+1, 2*width)
		}},
		{"up: a tile of zeros", profiler.TensorUp, "up", 0, func(d []byte) { clear(d[:2*width*4]) }},
		{"down: one value is infinite", profiler.TensorDown, "down", faultRow, func(d []byte) {
			setHalf(d, faultRow, faultColumn, float32(math.Inf(1)))
		}},
		{"down: a row with the wrong sign", profiler.TensorDown, "down", faultRow, wholeRow(-1)},
		{"combine: one value is 0", profiler.TensorOutput, "combine", faultRow, func(d []byte) {
			setHalf(d, faultRow, faultColumn, 0)
		}},
		{"combine: a row not weighted", profiler.TensorOutput, "combine", faultRow, wholeRow(1.5)},
		{"quant: one code too high", profiler.TensorX, "quant", faultRow, func(d []byte) {
			d[faultRow*width+faultColumn] ^= 1
		}},
		{"quant: a code is nan", profiler.TensorX, "quant", faultRow, func(d []byte) {
			d[faultRow*width+faultColumn] = 0x7f
		}},
		{"quant: two rows swapped", profiler.TensorX, "quant", -1, func(d []byte) {
			swapRows(d, 0, len(d)/width-1, width)
		}},
		{"quant: a scale doubled", profiler.TensorXScale, "quant", faultRow, func(d []byte) {
			setWord(d, faultRow*2, math.Float32bits(2*math.Float32frombits(word(d, faultRow*2))))
		}},
		{"quant: a scale is nan", profiler.TensorXScale, "quant", faultRow, func(d []byte) {
			setWord(d, faultRow*2, math.Float32bits(float32(math.NaN())))
		}},
		{"act: one sign flipped", profiler.TensorAct, "act", -1, func(d []byte) {
			for i := range d {
				if d[i]&0x7f > 0x30 {
					d[i] ^= 0x80
					return
				}
			}
		}},
		{"act: a scale is 0", profiler.TensorActScale, "act", faultRow, func(d []byte) { setWord(d, faultRow, 0) }},
		{"route: an offset", profiler.TensorOffsets, "route", -1, func(d []byte) { setWord(d, 2, word(d, 2)+1) }},
		{"route: a slot twice", profiler.TensorRowSource, "route", 1, func(d []byte) { setWord(d, 1, word(d, 0)) }},
		{"route: a slot out of range", profiler.TensorRowSource, "route", 1, func(d []byte) { setWord(d, 1, 1<<31) }},
		{"route: two experts' rows swapped", profiler.TensorRowSource, "route", 0, func(d []byte) {
			swapRows(d, 0, len(d)/4-1, 4)
		}},
		{"route: another routing", profiler.TensorTopKIDs, "route", -1, func(d []byte) {
			clear(d)
		}},
		{"route: other weights", profiler.TensorTopKWeights, "route", -1, func(d []byte) { setWord(d, 0, word(d, 0)^1) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := smallConfig(t, 20, profiler.Routing{Kind: profiler.Uniform})
			engine := &corrupted{Engine: openCPU(t, cfg), mask: profiler.ESDown, tensor: tt.tensor, plant: tt.plant}
			results, err := profiler.Verify(engine, cfg, []profiler.ESMask{profiler.ESOff, profiler.ESDown})
			if err != nil {
				t.Fatal(err)
			}
			checkCaught(t, results, tt.stage, tt.row)
		})
	}
}

// checkCaught expects the stage to fail with ES down alone. Other stages may fail only if they come
// after it: they read what it wrote.
func checkCaught(t *testing.T, results []profiler.VerifyResult, stage string, row int) {
	t.Helper()
	caught := false
	for _, r := range results {
		if r.Pass() {
			continue
		}
		if r.Mask != profiler.ESDown {
			t.Errorf("found where it is not: %+v", r)
		}
		if !caught && r.Stage != stage {
			t.Errorf("found first in %s: %+v", r.Stage, r)
		}
		if r.Stage != stage {
			continue
		}
		caught = true
		if (row >= 0 && r.FirstRow != row) || r.First == "" || r.Violations == 0 {
			t.Errorf("found in another place than row %d: %+v", row, r)
		}
		if math.IsNaN(r.WorstError) || math.IsInf(r.WorstError, 0) || math.IsNaN(r.WorstRowError) || math.IsInf(r.WorstRowError, 0) {
			t.Errorf("not a number that JSON knows: %+v", r)
		}
	}
	if !caught {
		t.Errorf("%s: not found", stage)
	}
}

// stale is an engine whose stage wrote nothing with one mask: its output is that of the step before.
type stale struct {
	corrupted
	before []byte
}

func (s *stale) Run(n int) error {
	for range n {
		if err := s.Engine.ReadTensor(s.tensor, 0, s.before); err != nil {
			return err
		}
		if err := s.Engine.Run(1); err != nil {
			return err
		}
	}
	return nil
}

func TestVerifyCatchesStaleOutput(t *testing.T) {
	t.Parallel()
	tests := []struct {
		tensor profiler.Tensor
		stage  string
	}{
		{profiler.TensorRowSource, "route"},
		{profiler.TensorX, "quant"},
		{profiler.TensorUp, "up"},
		{profiler.TensorAct, "act"},
		{profiler.TensorDown, "down"},
		{profiler.TensorOutput, "combine"},
	}
	for _, tt := range tests {
		t.Run(tt.stage, func(t *testing.T) {
			t.Parallel()
			cfg := smallConfig(t, 20, profiler.Routing{Kind: profiler.Uniform})
			rows, tokens := cfg.Workload.Rows(), cfg.Workload.Tokens
			size := map[profiler.Tensor]int{
				profiler.TensorRowSource: 4 * rows, profiler.TensorX: rows * width, profiler.TensorUp: 2 * rows * width,
				profiler.TensorAct: rows * 128, profiler.TensorDown: 2 * rows * width, profiler.TensorOutput: 2 * tokens * width,
			}[tt.tensor]
			s := &stale{before: make([]byte, size)}
			s.corrupted = corrupted{
				Engine: openCPU(t, cfg), mask: profiler.ESDown, tensor: tt.tensor,
				plant: func(d []byte) { copy(d, s.before) },
			}
			results, err := profiler.Verify(s, cfg, []profiler.ESMask{profiler.ESOff, profiler.ESDown})
			if err != nil {
				t.Fatal(err)
			}
			checkCaught(t, results, tt.stage, -1)
		})
	}
}

// With a ring of one routing there is one visit, and steps follow each other directly.
func TestVerifyOneRouting(t *testing.T) {
	t.Parallel()
	cfg := smallConfig(t, 20, profiler.Routing{Kind: profiler.Uniform})
	cfg.Routings = cfg.Routings[:1]
	results, err := profiler.Verify(openCPU(t, cfg), cfg, []profiler.ESMask{profiler.ESBoth})
	if err != nil || len(results) != profiler.NumStages {
		t.Fatalf("%d results, %v", len(results), err)
	}
	for _, r := range results {
		if !r.Pass() {
			t.Errorf("%+v", r)
		}
	}
}

func TestVerifyReportsABrokenEngine(t *testing.T) {
	t.Parallel()
	cfg := smallConfig(t, 2, profiler.Routing{Kind: profiler.Uniform})
	e := openCPU(t, cfg)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := profiler.Verify(e, cfg, []profiler.ESMask{profiler.ESOff}); err == nil {
		t.Error("a closed engine was verified")
	}
}
