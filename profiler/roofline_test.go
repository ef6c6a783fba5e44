package profiler

import (
	"math"
	"strings"
	"testing"
)

// hopper are round figures of about an H200, to work with by hand.
func hopper() *Ceilings {
	return &Ceilings{
		ReadBytesPerS: 4e12, L2ReadBytesPerS: 8e12, FP8FlopsPerS: 1.6e15, SMClockMHz: 1980, KernelUS: 1.5,
		WriteCost: []WriteCost{{0, 0}, {4e6, 6}, {16e6, 9}, {64e6, 21}},
	}
}

func TestWriteCost(t *testing.T) {
	t.Parallel()
	c := hopper()
	for bytes, want := range map[float64]float64{0: 0, 1e6: 1.5, 4e6: 6, 10e6: 7.5, 16e6: 9, 40e6: 15, 64e6: 21, 128e6: 37} {
		if got := c.writeUS(bytes); math.Abs(got-want) > 1e-9 {
			t.Errorf("%g bytes cost %g µs, want %g", bytes, got, want)
		}
	}
	// One point is a slope from nothing, none is no cost.
	if got := (&Ceilings{WriteCost: []WriteCost{{2e6, 1}}}).writeUS(6e6); got != 3 {
		t.Errorf("one point: %g µs, want 3", got)
	}
	if got := new(Ceilings).writeUS(1e9); got != 0 {
		t.Errorf("no point: %g µs, want 0", got)
	}
}

func TestAttain(t *testing.T) {
	t.Parallel()
	const l2 = 50e6
	for name, c := range map[string]struct {
		work  StageWork
		want  float64
		bound Bound
	}{
		"a stream of reads":          {StageWork{ReadBytes: 400e6, reuseBytes: 400e6}, 100, BoundDRAM},
		"and of writes":              {StageWork{ReadBytes: 400e6, WrittenBytes: 16e6, reuseBytes: 416e6}, 109, BoundDRAM},
		"few weights of many":        {StageWork{ReadBytes: 16e6, WrittenBytes: 4e6, reuseBytes: 900e6}, 10, BoundDRAM},
		"all in the cache":           {StageWork{ReadBytes: 16e6, WrittenBytes: 4e6, reuseBytes: 20e6}, 2.5, BoundL2},
		"half of the cache":          {StageWork{ReadBytes: 20e6, WrittenBytes: 5e6, reuseBytes: 25e6}, 25.0 / 8, BoundL2},
		"between: a fifth misses":    {StageWork{ReadBytes: 30e6, reuseBytes: 30e6}, 0.2*7.5 + 0.8*3.75, BoundL2},
		"between: most misses":       {StageWork{ReadBytes: 40e6, WrittenBytes: 4e6, reuseBytes: 44e6}, 0.76*16 + 0.24*5.5, BoundDRAM},
		"arithmetic":                 {StageWork{ReadBytes: 400e6, reuseBytes: 900e6, Flops: new(1.6e12)}, 1000, BoundFlops},
		"arithmetic beside a stream": {StageWork{ReadBytes: 400e6, reuseBytes: 900e6, Flops: new(1.6e11)}, 100, BoundDRAM},
		"next to nothing":            {StageWork{ReadBytes: 4096, WrittenBytes: 8192, reuseBytes: 12288}, 1.5, BoundLaunch},
	} {
		c.work.Bytes = c.work.ReadBytes + c.work.WrittenBytes
		work := []StageWork{c.work}
		hopper().attain(work, l2)
		if got := *work[0].AttainableUS; math.Abs(got-c.want) > 1e-9 || *work[0].Bound != c.bound {
			t.Errorf("%s: %g µs bound by %s, want %g by %s", name, got, *work[0].Bound, c.want, c.bound)
		}
	}
	// A device that does not tell its cache has none that one could count on.
	work := []StageWork{{Bytes: 8e6, ReadBytes: 8e6, reuseBytes: 8e6}}
	hopper().attain(work, 0)
	if *work[0].AttainableUS != 2 || *work[0].Bound != BoundDRAM {
		t.Errorf("without a cache: %g µs by %s", *work[0].AttainableUS, *work[0].Bound)
	}
}

// TestAttainDeepSeek works the real shape out by hand: DeepSeek-V3 tp8, 128 tokens, 250 experts busy.
// The weights come from DRAM; the 9.4 MB of quant come out of the cache in less than an empty kernel
// takes, the 16.5 MB of combine do not.
func TestAttainDeepSeek(t *testing.T) {
	t.Parallel()
	cfg := EngineConfig{Workload: CustomWorkload(256, 8, 7168, 256)}
	cfg.Workload.Tokens = 128
	work := stageWork(cfg.Workload, 250)
	hopper().attain(work, 50e6)
	up := (250*(512*7168+4*4*56)+1024*7168+4*1024*56)/4e6 + 1.5*(2*1024*512)/1e6
	down := (250*(7168*256+4*56*2)+1024*256+4*1024*2)/4e6 + 6 + 0.25*(2*1024*7168/1e6-4)
	want := []float64{
		1.5, 1.5, up, 1.5, down, (2*1024*7168 + 8*1024 + 2*128*7168) / 8e6,
	}
	layer := 0.0
	for i, w := range work {
		if math.Abs(*w.AttainableUS-want[i]) > 1e-6 {
			t.Errorf("%s: %g µs, want %g", w.Name, *w.AttainableUS, want[i])
		}
		layer += want[i]
	}
	if got := LayerAttainableUS(work); got == nil || math.Abs(*got-layer) > 1e-6 {
		t.Errorf("the layer: %v, want %g µs", got, layer)
	}
}

func TestAddAttainable(t *testing.T) {
	t.Parallel()
	side := func(us float64) *Summary { return &Summary{MedianUS: us, Count: 1} }
	sample := func() *Sample {
		s := &Sample{Stages: make([]StageStats, NumStages)}
		for i, stage := range Stages() {
			s.Stages[i] = StageStats{Name: stage.String(), Off: side(10)}
			if stage.Switchable() {
				s.Stages[i].On = side(5)
			}
		}
		s.Steps = StepStats{OffOff: side(60), OnOff: side(55), OffOn: side(50), OnOn: side(40)}
		return s
	}
	work := stageWork(CustomWorkload(4, 1, 128, 128), 4)
	for i := range work {
		work[i].AttainableUS = new(4.0)
	}
	for name, c := range map[string]struct {
		change          func(*Sample)
		up, down, layer float64
	}{
		"off runs":              {func(*Sample) {}, 40, 40, 40},
		"down runs":             {func(s *Sample) { s.ES = ESDown }, 40, 80, 48},
		"A/B without a verdict": {func(s *Sample) { s.AB, s.ES = true, ESBoth }, 40, 40, 40},
		"A/B names up":          {func(s *Sample) { s.AB, s.Verdict.EnableES = true, &[2]bool{true, false} }, 80, 40, 100 * 24.0 / 55},
		"A/B names both":        {func(s *Sample) { s.AB, s.Verdict.EnableES = true, &[2]bool{true, true} }, 80, 80, 60},
	} {
		s := sample()
		c.change(s)
		s.addAttainable(work)
		for i, want := range map[Stage]float64{Route: 40, Up: c.up, Down: c.down} {
			if got := s.Stages[i].AttainablePercent; got == nil || math.Abs(*got-want) > 1e-9 {
				t.Errorf("%s: %v has %v %%, want %g", name, i, got, want)
			}
		}
		if got := s.Steps.AttainablePercent; got == nil || math.Abs(*got-c.layer) > 1e-9 {
			t.Errorf("%s: the layer has %v %%, want %g", name, got, c.layer)
		}
	}
	// What is not known is nil: a side that never ran, a stage that takes no time, a device without
	// ceilings.
	s := sample()
	s.ES, s.Stages[Up].On, s.Stages[Act].Off = ESUp, nil, side(0)
	s.addAttainable(work)
	if s.Stages[Up].AttainablePercent != nil || s.Stages[Act].AttainablePercent != nil {
		t.Errorf("a side that did not run has %v %%, one without time %v %%",
			s.Stages[Up].AttainablePercent, s.Stages[Act].AttainablePercent)
	}
	s = sample()
	work[Act].AttainableUS = nil
	s.addAttainable(work)
	if s.Stages[Act].AttainablePercent != nil || s.Steps.AttainablePercent != nil || s.Stages[Up].AttainablePercent == nil {
		t.Error("one unknown limit makes the layer's unknown, and no other stage's")
	}
}

func TestCeilingsValid(t *testing.T) {
	t.Parallel()
	if err := hopper().Valid(); err != nil {
		t.Error(err)
	}
	for want, spoil := range map[string]func(*Ceilings){
		"read_bytes_per_s":    func(c *Ceilings) { c.ReadBytesPerS = 0 },
		"l2_read_bytes_per_s": func(c *Ceilings) { c.L2ReadBytesPerS = math.NaN() },
		"fp8_flops_per_s":     func(c *Ceilings) { c.FP8FlopsPerS = math.Inf(1) },
		"sm_clock_mhz":        func(c *Ceilings) { c.SMClockMHz = -1 },
		"kernel_us":           func(c *Ceilings) { c.KernelUS = 0 },
		"spread_percent":      func(c *Ceilings) { c.SpreadPercent = math.NaN() },
		"rising":              func(c *Ceilings) { c.WriteCost[2].ExtraUS = 5 },
		"write_cost":          func(c *Ceilings) { c.WriteCost[3].WrittenBytes = 4e6 },
		"NaN":                 func(c *Ceilings) { c.WriteCost[1].ExtraUS = math.NaN() },
	} {
		c := hopper()
		spoil(c)
		if err := c.Valid(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error that names %s", err, want)
		}
	}
}
