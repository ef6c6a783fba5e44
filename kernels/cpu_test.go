package kernels

import (
	"bytes"
	"errors"
	"math"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// smallConfig is a layer of every awkward kind that still runs in a millisecond: experts without
// rows, and with rows that no tile height divides.
func smallConfig(t *testing.T, tokens int, routing profiler.Routing) profiler.EngineConfig {
	t.Helper()
	w := profiler.CustomWorkload(7, 3, 256, 128)
	w.Tokens, w.Routing, w.Seed = tokens, routing, 5
	return profiler.EngineConfig{Workload: w, Routings: profiler.NewRoutings(w, 3)}
}

func TestCPUVerifies(t *testing.T) {
	t.Parallel()
	masks := []profiler.ESMask{profiler.ESOff, profiler.ESUp, profiler.ESDown, profiler.ESBoth}
	for _, tokens := range []int{1, 40} {
		for _, kind := range []profiler.Routing{
			{Kind: profiler.Uniform}, {Kind: profiler.Zipf, Exponent: 1.2}, {Kind: profiler.Hot},
		} {
			cfg := smallConfig(t, tokens, kind)
			results, err := profiler.Verify(openCPU(t, cfg), cfg, masks)
			if err != nil {
				t.Fatal(err)
			}
			if want := 2 * len(masks) * profiler.NumStages; len(results) != want {
				t.Fatalf("%d results, want %d", len(results), want)
			}
			for _, r := range results {
				if !r.Pass() || r.Checked == 0 {
					t.Errorf("%d tokens, %v: %+v", tokens, kind, r)
				}
			}
		}
	}
}

func TestCPUPoliciesGiveTheSameBits(t *testing.T) {
	t.Parallel()
	cfg := smallConfig(t, 70, profiler.Routing{Kind: profiler.Hot})
	cfg.Routings = cfg.Routings[:1]
	e := openCPU(t, cfg)
	var first []byte
	for mask := range profiler.ESMask(profiler.NumMasks) {
		e.SetES(mask)
		if err := e.Run(1); err != nil {
			t.Fatal(err)
		}
		output := make([]byte, 2*cfg.Workload.Tokens*cfg.Workload.Hidden)
		if err := e.ReadTensor(profiler.TensorOutput, 0, output); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = output
		}
		if !bytes.Equal(first, output) {
			t.Errorf("mask %v gives other bits than off", mask)
		}
	}
}

func TestCPUIsSeeded(t *testing.T) {
	t.Parallel()
	weights := func(seed uint64) []byte {
		cfg := smallConfig(t, 2, profiler.Routing{Kind: profiler.Uniform})
		cfg.Workload.Seed = seed
		data := make([]byte, 7*2*128*256)
		if err := openCPU(t, cfg).ReadTensor(profiler.TensorW1, 0, data); err != nil {
			t.Fatal(err)
		}
		return data
	}
	if !bytes.Equal(weights(1), weights(1)) {
		t.Error("the same seed makes other weights")
	}
	if bytes.Equal(weights(1), weights(2)) {
		t.Error("another seed makes the same weights")
	}
}

func TestCPUTimings(t *testing.T) {
	t.Parallel()
	e := openTiny(t)
	e.SetES(profiler.ESDown)
	if err := e.Run(2); err != nil {
		t.Fatal(err)
	}
	e.SetES(profiler.ESUp)
	if err := e.Run(8); err != nil {
		t.Fatal(err)
	}
	timings, lost, err := e.Timings(nil)
	if err != nil || lost != 0 || len(timings) != 10 {
		t.Fatalf("%d timings, %d lost, %v", len(timings), lost, err)
	}
	for i, s := range timings {
		want := profiler.ESUp
		if i < 2 {
			want = profiler.ESDown
		}
		sum := 0.0
		for stage, us := range s.StageUS {
			if us <= 0 {
				t.Errorf("step %d: stage %d took %v µs", i, stage, us)
			}
			sum += us
		}
		if s.Step != uint64(i) || s.Routing != i%8 || s.Mask != want || s.StepUS != sum+s.GapUS {
			t.Errorf("step %d: %+v", i, s)
		}
		if s.LaunchGapUS < 0 || (i > 0 && s.StartNS <= timings[i-1].StartNS) {
			t.Errorf("step %d starts at %d after %d, gap %v", i, s.StartNS, timings[max(i-1, 0)].StartNS, s.LaunchGapUS)
		}
	}
	if again, _, _ := e.Timings(nil); len(again) != 0 {
		t.Errorf("%d timings were told twice", len(again))
	}
}

func TestCPULosesOldTimings(t *testing.T) {
	t.Parallel()
	e := &cpuEngine{t: &cpuTensors{}}
	for i := range maxPendingTimings + 1 {
		e.keep(profiler.StepTiming{Step: uint64(i)})
	}
	timings, lost, err := e.Timings(nil)
	if err != nil || lost != maxPendingTimings/2 || uint64(len(timings))+lost != maxPendingTimings+1 {
		t.Fatalf("%d timings, %d lost, %v", len(timings), lost, err)
	}
	if timings[0].Step != lost || timings[len(timings)-1].Step != maxPendingTimings {
		t.Errorf("kept steps %d to %d", timings[0].Step, timings[len(timings)-1].Step)
	}
}

func TestCPUWithoutTimer(t *testing.T) {
	t.Parallel()
	cfg := smallConfig(t, 2, profiler.Routing{Kind: profiler.Uniform})
	cfg.Timer = "none"
	e := openCPU(t, cfg)
	if err := e.Run(3); err != nil {
		t.Fatal(err)
	}
	timings, lost, err := e.Timings(nil)
	if len(timings) != 0 || lost != 0 || err != nil || e.Info().Timer != "none" {
		t.Errorf("%d timings, %d lost, %v, timer %s", len(timings), lost, err, e.Info().Timer)
	}
}

func TestCPURefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*profiler.EngineConfig)
		field  string
	}{
		{"an invalid workload", func(c *profiler.EngineConfig) { c.Workload.Hidden = 100 }, "hidden"},
		{"native kernels", func(c *profiler.EngineConfig) { c.Kernels = "native" }, "kernels"},
		{"a GPU's timer", func(c *profiler.EngineConfig) { c.Timer = "cupti" }, "timer"},
		{"no routings", func(c *profiler.EngineConfig) { c.Routings = nil }, "routings"},
		{"too many routings", func(c *profiler.EngineConfig) { c.Routings = make([]profiler.TopK, 65) }, "routings"},
		{"a routing of other tokens", func(c *profiler.EngineConfig) { c.Workload.Tokens++ }, "routings"},
		{"an expert out of range", func(c *profiler.EngineConfig) { c.Routings[1].IDs[2] = 7 }, "routings"},
		{"a negative expert", func(c *profiler.EngineConfig) { c.Routings[1].IDs[2] = -1 }, "routings"},
		{"an expert twice", func(c *profiler.EngineConfig) { c.Routings[1].IDs[2] = c.Routings[1].IDs[0] }, "routings"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cfg := smallConfig(t, 4, profiler.Routing{Kind: profiler.Uniform})
			tt.change(&cfg)
			_, err := OpenCPU(cfg)
			var argument *profiler.ArgumentError
			if !errors.As(err, &argument) || argument.Field != tt.field {
				t.Errorf("error = %v, want one about %s", err, tt.field)
			}
		})
	}
}

func TestCPURefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	w := profiler.CustomWorkload(1024, 1, 65536, 65536) // 13 TB of weights
	w.Tokens = 1
	_, err := OpenCPU(profiler.EngineConfig{Workload: w, Routings: profiler.NewRoutings(w, 1)})
	if _, ok := errors.AsType[*profiler.MemoryError](err); !ok {
		t.Errorf("error = %v, want a MemoryError", err)
	}
}

func TestCPULaunches(t *testing.T) {
	t.Parallel()
	e := openTiny(t)
	before, err := e.Launches(profiler.ESOff)
	if err != nil || len(before) != profiler.NumStages || before[2].MeanUS != nil {
		t.Fatalf("%+v, %v", before, err)
	}
	if err := e.Run(2); err != nil {
		t.Fatal(err)
	}
	off, err := e.Launches(profiler.ESOff)
	if err != nil {
		t.Fatal(err)
	}
	both, err := e.Launches(profiler.ESBoth)
	if err != nil {
		t.Fatal(err)
	}
	for i, stage := range profiler.Stages() {
		if off[i].Stage != stage.String() || off[i].Grid[0] < 1 || off[i].MeanUS == nil || *off[i].MeanUS <= 0 {
			t.Errorf("%v with ES off: %+v", stage, off[i])
		}
		if both[i].MeanUS != nil {
			t.Errorf("%v has a time for a mask that never ran", stage)
		}
		if (off[i].Name != both[i].Name) != stage.Switchable() {
			t.Errorf("%v: %q with ES off, %q with ES on", stage, off[i].Name, both[i].Name)
		}
	}
	if _, err := e.Launches(4); err == nil {
		t.Error("mask 4 was described")
	}
}

func TestCPUReadTensorBounds(t *testing.T) {
	t.Parallel()
	e := openTiny(t)
	tests := []struct {
		name   string
		tensor profiler.Tensor
		offset uint64
		bytes  int
		ok     bool
	}{
		{"the end", profiler.TensorOffsets, 4 * 16, 4, true},
		{"nothing, at the end", profiler.TensorOffsets, 4 * 17, 0, true},
		{"past the end", profiler.TensorOffsets, 4 * 16, 5, false},
		{"offset past the end", profiler.TensorOffsets, 4*17 + 1, 0, false},
		{"offset overflows", profiler.TensorOffsets, math.MaxUint64, 2, false},
		{"no such tensor", profiler.NumTensors, 0, 1, false},
		{"negative tensor", -1, 0, 1, false},
	}
	for _, tt := range tests {
		if err := e.ReadTensor(tt.tensor, tt.offset, make([]byte, tt.bytes)); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestCPUClosed(t *testing.T) {
	t.Parallel()
	cfg := smallConfig(t, 2, profiler.Routing{Kind: profiler.Uniform})
	e, err := OpenCPU(cfg)
	if err != nil {
		t.Fatal(err)
	}
	checkClosed(t, e)
}

// checkClosed closes an engine twice and expects every other call to say that it is closed.
func checkClosed(t *testing.T, e profiler.Engine) {
	t.Helper()
	for range 2 {
		if err := e.Close(); err != nil {
			t.Fatalf("closing: %v", err)
		}
	}
	e.SetES(profiler.ESBoth)
	_, _, timings := e.Timings(nil)
	_, launches := e.Launches(profiler.ESOff)
	calls := map[string]error{
		"run": e.Run(1), "sync": e.Sync(), "timings": timings, "launches": launches,
		"read tensor": e.ReadTensor(profiler.TensorX, 0, make([]byte, 1)),
	}
	for name, err := range calls {
		if !errors.Is(err, errClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
