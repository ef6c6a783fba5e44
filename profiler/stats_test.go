package profiler

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestCellAgreesWithSortedValues(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		draw func(random *rand.Rand) float64
	}{
		{"short", func(random *rand.Rand) float64 { return 0.5 + random.Float64() }},
		{"usual", func(random *rand.Rand) float64 { return 200 + 5*random.NormFloat64() }},
		{"long tail", func(random *rand.Rand) float64 { return 50 * math.Exp(random.NormFloat64()) }},
		{"seconds", func(random *rand.Rand) float64 { return 2e6 * (1 + random.Float64()) }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(5, 6))
			var c cell
			values := make([]float64, 10001)
			sum := 0.0
			for i := range values {
				values[i] = tc.draw(random)
				sum += values[i]
				c.record(values[i], 1, time.Unix(int64(i), 0))
			}
			got := c.summary(1)
			last := values[len(values)-1]
			slices.Sort(values)
			for _, check := range []struct {
				name      string
				got, want float64
			}{
				{"median", got.MedianUS, values[5000]},
				{"p90", got.P90US, values[9000]},
				{"p99", got.P99US, values[9900]},
				{"mean", got.MeanUS, sum / 10001},
			} {
				if math.Abs(check.got-check.want) > 0.001*check.want+0.001 {
					t.Errorf("%s = %v, want %v", check.name, check.got, check.want)
				}
			}
			if got.MinUS != values[0] || got.MaxUS != values[10000] || got.LastUS != last || got.Count != 10001 ||
				!got.MeasuredAt.Equal(time.Unix(10000, 0)) || !got.Live {
				t.Errorf("summary %+v", got)
			}
		})
	}
}

func TestCellOfEqualValuesIsExact(t *testing.T) {
	t.Parallel()
	for _, us := range []float64{0, 0.001, 4.7, 227.4, 98765.4321, 3e9} {
		var c cell
		for range 9 {
			c.record(us, 1, time.Time{})
		}
		if s := c.summary(1); s.MedianUS != us || s.P99US != us || s.MinUS != us {
			t.Errorf("of %v us: %+v", us, s)
		}
	}
}

func TestRecorderKeepsTheSideThatStopped(t *testing.T) {
	t.Parallel()
	var r recorder
	record := func(mask ESMask, us float64, n int, at int64) {
		timing := StepTiming{Mask: mask, StepUS: us, LaunchGapUS: -1}
		for i := range timing.StageUS {
			timing.StageUS[i] = us / NumStages
		}
		for range n {
			r.record(&timing, time.Unix(at, 0), true)
		}
	}
	record(ESOff, 600, 10, 1)
	r.startGeneration()
	if s := r.stages()[Down]; s.Off.Count != 10 || s.Off.Live {
		t.Errorf("before the first step of a generation: %+v, want the old figures, not live", s.Off)
	}
	record(ESDown, 300, 4, 2)
	stages := r.stages()
	if off := stages[Down].Off; off.Count != 10 || off.Live || !off.MeasuredAt.Equal(time.Unix(1, 0)) {
		t.Errorf("down off = %+v, want its last measurement with its age", off)
	}
	if on := stages[Down].On; on.Count != 4 || !on.Live || on.MedianUS != 50 {
		t.Errorf("down on = %+v", on)
	}
	if up := stages[Up].Off; up.Count != 4 || up.MaxUS != 50 {
		t.Errorf("up off = %+v, want this generation's figures alone", up)
	}
	if steps := r.stepStats(); steps.OffOff.Live || steps.OffOn.Count != 4 || steps.LaunchGapUS != nil {
		t.Errorf("steps %+v", steps)
	}
	r.forget()
	if s := r.stages()[Route]; s.Off != nil || s.LastUS != nil {
		t.Errorf("after forget: %+v", s)
	}
}

func TestUnusableTimings(t *testing.T) {
	t.Parallel()
	good := StepTiming{StepUS: 10, LaunchGapUS: -1}
	cases := []struct {
		name  string
		spoil func(*StepTiming)
		want  bool
	}{
		{"good", func(*StepTiming) {}, true},
		{"not timed", func(s *StepTiming) { s.StepUS = -1 }, false},
		{"step NaN", func(s *StepTiming) { s.StepUS = math.NaN() }, false},
		{"stage infinite", func(s *StepTiming) { s.StageUS[Act] = math.Inf(1) }, false},
		{"gap NaN", func(s *StepTiming) { s.GapUS = math.NaN() }, false},
		{"launch gap infinite", func(s *StepTiming) { s.LaunchGapUS = math.Inf(-1) }, false},
		{"mask", func(s *StepTiming) { s.Mask = NumMasks }, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			timing := good
			tc.spoil(&timing)
			if got := usable(&timing); got != tc.want {
				t.Errorf("usable = %v, want %v", got, tc.want)
			}
		})
	}
}

func TestRecentStepsAreThinnedEvenly(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, MaxRecent, MaxRecent + 1, 1000, 2000} {
		r := newRecentSteps()
		for i := range n {
			r.add(uint64(i), &StepTiming{Mask: ESBoth, StepUS: float64(i)})
		}
		got := r.take()
		if len(got.Step) > MaxRecent || len(got.Step) < min(n, MaxRecent/2) || len(got.Mask) != len(got.StepUS) {
			t.Fatalf("%d of %d steps", len(got.Step), n)
		}
		for i := 2; i < len(got.Step); i++ {
			if got.Step[i]-got.Step[i-1] != got.Step[1]-got.Step[0] || got.StepUS[i] != float64(got.Step[i]) {
				t.Fatalf("of %d steps: %v", n, got.Step)
			}
		}
		if again := r.take(); len(again.Step) != 0 || again.Step == nil {
			t.Errorf("taken twice: %v", again.Step)
		}
	}
}

func TestSpreadKeepsQuantilesWhenItThins(t *testing.T) {
	t.Parallel()
	var s spread
	for i := range 3 * maxSpread {
		v := float64(i * 7919 % (3 * maxSpread))
		s.add(&v)
	}
	s.add(nil)
	got := s.bounds()
	middle := 1.5 * maxSpread
	if got.Count != 3*maxSpread || got.Min != 0 || got.Max != 3*maxSpread-1 || math.Abs(got.Median-middle) > 0.03*middle {
		t.Errorf("bounds %+v, want a median of about %v", got, middle)
	}
}

func BenchmarkRecordStep(b *testing.B) {
	var r recorder
	recent := newRecentSteps()
	timing := StepTiming{StepUS: 50, GapUS: 1, LaunchGapUS: 1, StageUS: [NumStages]float64{4, 5, 20, 5, 12, 4}}
	now := time.Now()
	r.record(&timing, now, true)
	b.ReportAllocs()
	for i := range b.N {
		recent.add(uint64(i), &timing)
		r.record(&timing, now, true)
	}
}

func BenchmarkSummaries(b *testing.B) {
	var r recorder
	timing := StepTiming{StepUS: 450, GapUS: 1, LaunchGapUS: 1, StageUS: [NumStages]float64{4, 5, 227, 5, 186, 11}}
	for m := range ESMask(NumMasks) {
		timing.Mask = m
		r.record(&timing, time.Now(), true)
	}
	b.ReportAllocs()
	for range b.N {
		r.stages()
		r.stepStats()
	}
}
