package kernels

import (
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// faultyEngine is the CPU engine with a fault in what can be read of it.
type faultyEngine struct {
	profiler.OperandSetter
	reads int
	plant func(e *faultyEngine, t profiler.Tensor, data []byte)
}

func (e *faultyEngine) ReadTensor(t profiler.Tensor, offset uint64, dst []byte) error {
	err := e.OperandSetter.ReadTensor(t, offset, dst)
	e.reads++
	e.plant(e, t, dst)
	return err
}

// caseNamed is a case of the exhaustive check.
func caseNamed(t *testing.T, part string) profiler.VerifyCase {
	t.Helper()
	for _, c := range profiler.VerifyCases(1, true) {
		if strings.Contains(c.Name, part) {
			return c
		}
	}
	t.Fatalf("no case %q", part)
	return profiler.VerifyCase{}
}

func runFaulty(t *testing.T, c profiler.VerifyCase, plant func(*faultyEngine, profiler.Tensor, []byte)) profiler.CaseResult {
	t.Helper()
	cfg := c.Config("", "auto", "")
	engine, err := OpenCPU(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = engine.Close() }()
	r, err := c.Run(&faultyEngine{OperandSetter: engine.(profiler.OperandSetter), plant: plant}, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExhaustiveCatchesWhatASingleStepHides(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of    string
		want  string
		plant func(e *faultyEngine, t profiler.Tensor, data []byte)
	}{
		"bits that come and go": {"9 rows on", "the same step twice has other bits", func(e *faultyEngine, t profiler.Tensor, data []byte) {
			// The last bit of one value is within every bound.
			if t == profiler.TensorUp && e.reads%2 == 0 {
				data[0] ^= 1
			}
		}},
		"a row that leaks": {"NaN", "has changed, though only tokens", func(_ *faultyEngine, t profiler.Tensor, data []byte) {
			if t == profiler.TensorOutput && strings.Contains(string(data[:512]), "\xff") {
				data[512] ^= 1
			}
		}},
		"NaN that vanishes": {"NaN", "whose values are NaN, has none", func(_ *faultyEngine, t profiler.Tensor, data []byte) {
			if t == profiler.TensorOutput {
				for i := 1; i < len(data); i += 2 {
					if data[i]&0x7f == 0x7f {
						data[i] = 0
					}
				}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := runFaulty(t, caseNamed(t, c.of), c.plant)
			if r.Pass() || !strings.Contains(strings.Join(r.Problems, "\n"), c.want) {
				t.Errorf("problems %q", r.Problems)
			}
		})
	}
}

func TestSoakCatchesOtherBits(t *testing.T) {
	t.Parallel()
	w := profiler.CustomWorkload(4, 1, 128, 128)
	w.Tokens = 4
	cfg := profiler.EngineConfig{Workload: w, Routings: profiler.NewRoutings(w, 3)}
	for name, limit := range map[string]int{"sound": 1 << 30, "breaks in the middle": 300} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			engine, err := OpenCPU(cfg)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = engine.Close() }()
			faulty := &faultyEngine{OperandSetter: engine.(profiler.OperandSetter)}
			faulty.plant = func(e *faultyEngine, t profiler.Tensor, data []byte) {
				if t == profiler.TensorOutput && e.reads > limit {
					data[3] ^= 1
				}
			}
			r, err := profiler.Soak(faulty, cfg, 8000)
			if err != nil {
				t.Fatal(err)
			}
			if broken := len(r.Problems) > 0; broken != (limit < 1<<30) || r.Checked == 0 {
				t.Errorf("%+v", r)
			}
		})
	}
}

func TestOperandsThatDoNotFit(t *testing.T) {
	t.Parallel()
	cfg := smallConfig(t, 4, profiler.Routing{Kind: profiler.Uniform})
	engine, err := OpenCPU(cfg)
	if err != nil {
		t.Fatal(err)
	}
	setter := engine.(profiler.OperandSetter)
	if err := setter.SetInput(make([]uint16, 3)); err == nil || !strings.Contains(err.Error(), "tokens times hidden") {
		t.Errorf("a short input: %v", err)
	}
	if err := setter.SetRoutings(cfg.Routings[:1]); err == nil || !strings.Contains(err.Error(), "a ring of 3") {
		t.Errorf("a short ring: %v", err)
	}
	bad := profiler.NewRoutings(cfg.Workload, 3)
	bad[1].IDs[0] = 99
	if err := setter.SetRoutings(bad); err == nil || !strings.Contains(err.Error(), "expert 99") {
		t.Errorf("an expert that is not there: %v", err)
	}
	if err := engine.Close(); err != nil {
		t.Fatal(err)
	}
	if setter.SetInput(nil) == nil || setter.SetRoutings(nil) == nil {
		t.Error("a closed engine takes operands")
	}
}
