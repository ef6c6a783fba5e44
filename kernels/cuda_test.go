package kernels

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// The tests here set the environment that the fake library reads, so none of them is parallel.

func openFakeEngine(t *testing.T, cfg profiler.EngineConfig) profiler.Engine {
	t.Helper()
	t.Setenv("MOETOP_FAKE_STEP_US", "50")
	e, err := OpenCUDA(openFake(t), 0, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return e
}

func fakeConfig(t *testing.T) profiler.EngineConfig {
	t.Helper()
	cfg := smallConfig(t, 20, profiler.Routing{Kind: profiler.Uniform})
	cfg.Kernels, cfg.Timer, cfg.ESLaunch = "cutlass", "auto", "auto"
	return cfg
}

func TestCUDAEngine(t *testing.T) {
	cfg := fakeConfig(t)
	e := openFakeEngine(t, cfg)
	info := e.Info()
	if info.Engine != CUDA || info.Kernels != "cutlass" || info.Timer != "cupti" || info.ESLaunch != "pdl" ||
		info.Provider != "fake provider for tests" || info.Device == nil || info.Device.Name != "Fake H200" ||
		info.Memory.WeightsBytes != 3*7*256*128 {
		t.Errorf("info %+v", info)
	}
	if err := e.Run(2); err != nil {
		t.Fatal(err)
	}
	e.SetES(profiler.ESDown)
	if err := e.Run(3); err != nil {
		t.Fatal(err)
	}
	if err := e.Sync(); err != nil {
		t.Fatal(err)
	}
	timings, lost, err := e.Timings(nil)
	if err != nil || lost != 0 || len(timings) != 5 {
		t.Fatalf("%d timings, %d lost, %v", len(timings), lost, err)
	}
	for i, s := range timings {
		want := profiler.ESOff
		if i >= 2 {
			want = profiler.ESDown
		}
		if s.Step != uint64(i) || s.Mask != want || s.Routing != i%3 || s.StepUS <= s.StageUS[profiler.Up] {
			t.Errorf("step %d: %+v", i, s)
		}
	}
	launches, err := e.Launches(profiler.ESBoth)
	if err != nil || len(launches) != profiler.NumStages {
		t.Fatalf("%d launches, %v", len(launches), err)
	}
	if l := launches[2]; l.Stage != "up" || l.Name != "fake_up<es=3>" || l.Grid != [3]int{132, 1, 1} ||
		l.Block != [3]int{384, 1, 1} || l.Registers != 168 || l.MeanUS != nil {
		t.Errorf("launch %+v", l)
	}
	if launches, err = e.Launches(profiler.ESDown); err != nil || launches[4].MeanUS == nil {
		t.Errorf("a launch that ran has no time: %+v, %v", launches, err)
	}
	ids := make([]byte, 4*cfg.Workload.Rows()-4)
	if err := e.ReadTensor(profiler.TensorTopKIDs, 4, ids); err != nil {
		t.Fatal(err)
	}
	if want := asBytes(cfg.Routings[1].IDs[1:]); !slices.Equal(ids, want) {
		t.Errorf("the routing of step 4 is %v, want %v", ids, want)
	}
}

func TestCUDATimingsBeyondTheBuffer(t *testing.T) {
	t.Setenv("MOETOP_FAKE_FAULT", "untimed")
	e := openFakeEngine(t, fakeConfig(t))
	const steps = 2*timingsPerCall + 10
	if err := e.Run(steps); err != nil {
		t.Fatal(err)
	}
	dst := make([]profiler.StepTiming, 1, steps)
	timings, lost, err := e.Timings(dst)
	if err != nil || len(timings) != 1+steps/2 || lost != steps/2 {
		t.Fatalf("%d timings, %d lost, %v", len(timings), lost, err)
	}
	for i, s := range timings[1:] {
		if s.Step != uint64(2*i) {
			t.Fatalf("timing %d is of step %d", i, s.Step)
		}
	}
}

func TestCUDATimingsDoNotAllocate(t *testing.T) {
	e := openFakeEngine(t, fakeConfig(t))
	dst := make([]profiler.StepTiming, 0, 4)
	allocations := testing.AllocsPerRun(20, func() {
		if err := e.Run(1); err != nil {
			t.Error(err)
		}
		var err error
		if dst, _, err = e.Timings(dst[:0]); err != nil || len(dst) != 1 {
			t.Errorf("%d timings, %v", len(dst), err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations a step", allocations)
	}
}

func TestCUDAMaskFromAnotherThread(t *testing.T) {
	e := openFakeEngine(t, fakeConfig(t))
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			e.SetES(profiler.ESMask(i % profiler.NumMasks))
		}
	})
	for range 20 {
		if err := e.Run(1); err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}

func TestCUDARefusesAMask(t *testing.T) {
	e := openFakeEngine(t, fakeConfig(t))
	e.SetES(7)
	if err := e.Run(1); err == nil || !strings.Contains(err.Error(), "es-mask") && !strings.Contains(err.Error(), "es_mask") {
		t.Errorf("mask 7: %v", err)
	}
	if err := e.Run(1); err != nil {
		t.Errorf("the refusal is told twice: %v", err)
	}
}

func TestCUDAClosed(t *testing.T) {
	checkClosed(t, openFakeEngine(t, fakeConfig(t)))
}

func TestCUDARunFails(t *testing.T) {
	t.Setenv("MOETOP_FAKE_FAULT", "run-cuda")
	t.Setenv("MOETOP_FAKE_AFTER", "2")
	e := openFakeEngine(t, fakeConfig(t))
	err := e.Run(3)
	if err == nil || !strings.Contains(err.Error(), "unspecified launch failure") || !strings.Contains(err.Error(), "lost") {
		t.Errorf("error = %v", err)
	}
	if timings, _, err := e.Timings(nil); err != nil || len(timings) != 2 {
		t.Errorf("%d timings of the steps before, %v", len(timings), err)
	}
}

func TestCUDATimingsFail(t *testing.T) {
	t.Setenv("MOETOP_FAKE_FAULT", "timings-cuda")
	e := openFakeEngine(t, fakeConfig(t))
	if err := e.Run(1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := e.Timings(nil); err == nil || !strings.Contains(err.Error(), "the device is lost") {
		t.Errorf("error = %v", err)
	}
}

func TestCUDAFallsBackToEvents(t *testing.T) {
	t.Setenv("MOETOP_FAKE_FAULT", "no-cupti")
	info := openFakeEngine(t, fakeConfig(t)).Info()
	if info.Timer != "events" || info.TimerReason == "" {
		t.Errorf("timer %q because %q", info.Timer, info.TimerReason)
	}
}

func TestCUDACreateFails(t *testing.T) {
	lib := openFake(t)
	var argument *profiler.ArgumentError
	var noGPU *profiler.NoGPUError
	var memory *profiler.MemoryError
	tests := []struct {
		fault string
		right func(error) bool
		text  string
	}{
		{"create-argument", func(err error) bool {
			return errors.As(err, &argument) && argument.Field == "top-k" && argument.Value == "3" && argument.Allowed == "a power of two"
		}, "power of two"},
		{"create-device", func(err error) bool { return errors.As(err, &noGPU) }, "exclusive mode"},
		{"create-memory", func(err error) bool { return errors.As(err, &memory) }, "7 bytes"},
		{"create-cuda", func(err error) bool { return err != nil }, "illegal memory access"},
		{"create-unsupported", func(err error) bool { return errors.Is(err, errors.ErrUnsupported) }, "not offered"},
		{"create-internal", func(err error) bool { return err != nil }, "does not match"},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Setenv("MOETOP_FAKE_FAULT", tt.fault)
			_, err := OpenCUDA(lib, 0, fakeConfig(t))
			if !tt.right(err) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error = %v", err)
			}
		})
	}
}

func TestCUDARefusesBeforeCreating(t *testing.T) {
	lib := openFake(t)
	t.Setenv("MOETOP_FAKE_FAULT", "create-internal") // nothing here may get that far
	t.Run("memory", func(t *testing.T) {
		t.Setenv("MOETOP_FAKE_FREE_BYTES", "1000000")
		_, err := OpenCUDA(lib, 0, fakeConfig(t))
		var memory *profiler.MemoryError
		if !errors.As(err, &memory) || !strings.Contains(memory.Reason, "1000000") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("device", func(t *testing.T) {
		var argument *profiler.ArgumentError
		if _, err := OpenCUDA(lib, 5, fakeConfig(t)); !errors.As(err, &argument) {
			t.Errorf("error = %v", err)
		}
	})
	fields := map[string]func(*profiler.EngineConfig){
		"tokens":    func(c *profiler.EngineConfig) { c.Workload.Tokens = 0 },
		"kernels":   func(c *profiler.EngineConfig) { c.Kernels = "fast" },
		"timer":     func(c *profiler.EngineConfig) { c.Timer = "sundial" },
		"es-launch": func(c *profiler.EngineConfig) { c.ESLaunch = "later" },
	}
	for field, change := range fields {
		cfg := fakeConfig(t)
		change(&cfg)
		_, err := OpenCUDA(lib, 0, cfg)
		var argument *profiler.ArgumentError
		if !errors.As(err, &argument) || argument.Field != field {
			t.Errorf("%s: error = %v", field, err)
		}
	}
	cfg := fakeConfig(t)
	cfg.Kernels = "native"
	t.Setenv("MOETOP_FAKE_FAULT", "no-native")
	_, err := OpenCUDA(lib, 0, cfg)
	var argument *profiler.ArgumentError
	if !errors.Is(err, errors.ErrUnsupported) || !errors.As(err, &argument) || argument.Field != "kernels" ||
		argument.Allowed != `one of ["cutlass"]` {
		t.Errorf("native kernels: %v", err)
	}
}

// A provider that computes nothing must not pass: its tensors are zeros.
func TestVerifyCatchesTheFake(t *testing.T) {
	cfg := fakeConfig(t)
	results, err := profiler.Verify(openFakeEngine(t, cfg), cfg, []profiler.ESMask{profiler.ESOff})
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.IndexFunc(results, profiler.VerifyResult.Pass); i >= 0 {
		t.Errorf("%s passed", results[i].Stage)
	}
}

func TestLibraryFaults(t *testing.T) {
	t.Run("version", func(t *testing.T) {
		t.Setenv("MOETOP_FAKE_FAULT", "abi")
		path := buildFake(t)
		_, err := openLibrary(path)
		var version *VersionError
		if !errors.As(err, &version) || version.Got != ABIVersion+1 || version.Path != path {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("symbol", func(t *testing.T) {
		_, err := openLibrary(buildFake(t, "-DFAKE_NO_SYMBOL"))
		if err == nil || !strings.Contains(err.Error(), "moetop_synchronize") {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("not a library", func(t *testing.T) {
		path, err := filepath.Abs("testdata/fakelib/fake.c")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = openLibrary(path); err == nil || strings.Count(err.Error(), path) != 1 {
			t.Errorf("error = %v", err)
		}
	})
}
