package profiler_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/profilertest"
)

// twoFamilies are kernels of which native takes so much of the other's time.
func twoFamilies(native float64) profilertest.Options {
	return profilertest.Options{
		Info:     profiler.EngineInfo{Engine: "cuda", Timer: "cupti"},
		Families: map[string]float64{"cutlass": 1, "native": native},
	}
}

func startFamilies(t *testing.T, lab *profilertest.Lab, change func(*profiler.SessionConfig)) *run {
	t.Helper()
	return start(t, lab, func(c *profiler.SessionConfig) {
		c.Families, c.Kernels = []string{"cutlass", "native"}, profiler.AutoKernels
		if change != nil {
			change(c)
		}
	})
}

func TestAutoTakesTheFasterFamily(t *testing.T) {
	t.Parallel()
	refuse := func(family string, err error) func(profiler.EngineConfig, int) error {
		return func(cfg profiler.EngineConfig, _ int) error {
			if cfg.Kernels == family {
				return err
			}
			return nil
		}
	}
	alone := func(_ profiler.EngineConfig, open int) error {
		if open > 0 {
			return &profiler.MemoryError{Reason: "12 GiB are needed"}
		}
		return nil
	}
	for name, c := range map[string]struct {
		native  float64
		change  func(*profilertest.Options)
		session func(*profiler.SessionConfig)
		want    string
		ratio   float64 // 0: none
		reason  []string
	}{
		"native is faster":       {0.8, nil, nil, "native", 1.25, []string{"native is 1.250x [1.250, 1.250] as fast as cutlass", "enable_es=(False, False)"}},
		"cutlass is faster":      {1.1, nil, nil, "cutlass", 1.1, []string{"cutlass is 1.100x"}},
		"no difference":          {1, nil, nil, "cutlass", 1, []string{"native is not faster beyond doubt"}},
		"with the mask asked":    {0.8, nil, func(c *profiler.SessionConfig) { c.ES = profiler.ESDown }, "native", 1.25, []string{"(False, True)"}},
		"native is not offered":  {0.8, nil, func(c *profiler.SessionConfig) { c.Families = []string{"cutlass"} }, "cutlass", 0, []string{"offers no other"}},
		"kernels of its own":     {0.8, nil, func(c *profiler.SessionConfig) { c.Families = nil }, "reference", 0, []string{"kernels of its own"}},
		"native cannot be built": {0.8, func(o *profilertest.Options) { o.OpenError = refuse("native", errors.New("a plan is wrong")) }, nil, "cutlass", 0, []string{"native is left out: a plan is wrong"}},
		"cutlass has no room":    {0.8, func(o *profilertest.Options) { o.OpenError = refuse("cutlass", &profiler.MemoryError{Reason: "x"}) }, nil, "native", 0, []string{"cutlass is left out: does not fit: x"}},
		"native fails":           {0.8, func(o *profilertest.Options) { o.FamilyFailure = map[string]error{"native": errors.New("it broke")} }, nil, "cutlass", 0, []string{"native is left out: it broke"}},
		"one at a time":          {0.8, func(o *profilertest.Options) { o.OpenError = alone }, nil, "native", 0, []string{"native: 800.2 against 1000.2", "one after the other"}},
		"one at a time, slower":  {0.99, func(o *profilertest.Options) { o.OpenError = alone }, nil, "cutlass", 0, []string{"cutlass: 1000.2 against 990.2", "one after the other"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opts := twoFamilies(c.native)
				opts.Lag = 3
				if c.change != nil {
					c.change(&opts)
				}
				lab := profilertest.NewLab(opts)
				r := startFamilies(t, lab, func(cfg *profiler.SessionConfig) {
					cfg.Warmup, cfg.Steps = 20, 500
					if c.session != nil {
						c.session(cfg)
					}
				})
				<-r.ended
				report := r.last(t).Summary
				if report == nil {
					t.Fatalf("ended with %v", r.err)
				}
				// The steps of the trial are nobody's.
				if report.Kernels != c.want || report.Steps != 520 || report.Lost != 0 || lab.OpenEngines() != 0 {
					t.Errorf("%s ran, %d steps, %d lost, %d engines left", report.Kernels, report.Steps, report.Lost, lab.OpenEngines())
				}
				for _, part := range c.reason {
					if !strings.Contains(report.KernelsReason, part) {
						t.Errorf("reason %q does not say %q", report.KernelsReason, part)
					}
				}
				if ratio := report.KernelsRatio; (ratio != nil) != (c.ratio != 0) || ratio != nil && (ratio.Value < c.ratio-0.01 || ratio.Value > c.ratio+0.01) {
					t.Errorf("ratio %+v, want %v", ratio, c.ratio)
				}
				if report.KernelsRequested != profiler.AutoKernels || c.ratio != 0 && report.KernelsMeasured[0].Kernels != c.want {
					t.Errorf("choice %+v", report.KernelChoice)
				}
			})
		})
	}
}

// TestAutoInABModeComparesBestTuples has a family whose specialized kernels are what makes it faster.
func TestAutoInABModeComparesBestTuples(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := twoFamilies(1.2)
		opts.StageUS = func(_ uint64, mask profiler.ESMask, stage profiler.Stage) float64 {
			if mask.Has(stage) {
				return 50
			}
			return 100
		}
		r := startFamilies(t, profilertest.NewLab(opts), func(c *profiler.SessionConfig) { c.AB = true })
		r.wait(5 * time.Second)
		choice := r.finish(t).Summary.KernelChoice
		if len(choice.KernelsMeasured) != 2 || choice.KernelsMeasured[0].Kernels != "cutlass" || choice.KernelsMeasured[0].ES != profiler.ESBoth ||
			choice.KernelsMeasured[1].ES != profiler.ESBoth {
			t.Errorf("choice %+v", choice)
		}
	})
}

func TestTogglesAfterATrialHitTheirStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := startFamilies(t, profilertest.NewLab(twoFamilies(0.8)), nil)
		r.wait(3 * time.Second)
		r.send(es("u", true, false))
		r.wait(500 * time.Millisecond)
		r.finish(t)
		toggles, ack := r.kind(profiler.KindToggle), r.ack(t, "u")
		if len(toggles) != 1 || !ack.Ack.OK || toggles[0].Toggle.RequestedStep != ack.Step || toggles[0].Step != ack.Step {
			t.Errorf("answered with step %d, toggles %+v", ack.Step, toggles)
		}
	})
}

func TestAnotherWorkloadWithAuto(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		build  time.Duration
		room   int // engines that fit
		opened []string
		reason string
	}{
		"is measured again if that is cheap": {
			100 * time.Millisecond, 3,
			[]string{"cutlass", "native", "native", "cutlass"},
			"native is 1.2",
		},
		"keeps the family if that is dear": {
			2 * time.Second, 3,
			[]string{"cutlass", "native", "native"},
			"native, as before: measuring the families again would take longer than 1s",
		},
		"keeps the family if there is no room": {
			100 * time.Millisecond, 2,
			[]string{"cutlass", "native", "native"},
			"native, as before: there is no room for cutlass beside it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opts := twoFamilies(0.8)
				opts.BuildTime = c.build
				opts.OpenError = func(_ profiler.EngineConfig, open int) error {
					if open >= c.room {
						return &profiler.MemoryError{Reason: "no room"}
					}
					return nil
				}
				lab := profilertest.NewLab(opts)
				r := startFamilies(t, lab, nil)
				r.wait(8 * time.Second)
				r.send(profiler.Command{ID: "t", Tokens: new(64)})
				r.wait(8 * time.Second)
				if ack := r.ack(t, "t"); !ack.Ack.OK {
					t.Errorf("answered %+v", ack.Ack)
				}
				report := r.finish(t).Summary
				var opened []string
				for _, cfg := range lab.Configs() {
					opened = append(opened, cfg.Kernels)
				}
				if strings.Join(opened, " ") != strings.Join(c.opened, " ") || report.Kernels != "native" || report.Workload.Tokens != 64 ||
					!strings.Contains(report.KernelsReason, c.reason) {
					t.Errorf("opened %v, %s runs: %s", opened, report.Kernels, report.KernelsReason)
				}
			})
		})
	}
}

func TestSwitchOfTheFamily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := twoFamilies(0.5)
		refused := false
		opts.OpenError = func(cfg profiler.EngineConfig, _ int) error {
			if refused && cfg.Kernels == "cutlass" {
				return errors.New("a kernel is missing")
			}
			return nil
		}
		lab := profilertest.NewLab(opts)
		r := startFamilies(t, lab, func(c *profiler.SessionConfig) { c.Kernels = "cutlass" })
		r.wait(time.Second)
		before := r.sample(t)
		r.send(profiler.Command{ID: "n", Kernels: new("native")})
		r.wait(time.Second)
		got := r.sample(t)
		if !r.ack(t, "n").Ack.OK || before.Steps.OffOff.MedianUS < 1000 || got.Steps.OffOff.MaxUS > 501 {
			t.Errorf("before %+v, after %+v: the statistics of two families are mixed", before.Steps.OffOff, got.Steps.OffOff)
		}
		refused = true
		for id, family := range map[string]string{"c": "cutlass", "x": "abacus"} {
			r.send(profiler.Command{ID: id, Kernels: new(family)})
			r.wait(time.Second)
			if ack := r.ack(t, id); ack.Ack.OK || ack.Ack.Error == "" || id == "x" && ack.Ack.Field != "kernels" {
				t.Errorf("%s was answered with %+v", family, ack.Ack)
			}
		}
		if s := r.sample(t); s.State != profiler.StateRunning || s.StepsPerSecond < 1900 {
			t.Errorf("after a family that fails: state %s, %v steps/s", s.State, s.StepsPerSecond)
		}
		report := r.finish(t).Summary
		if report.Kernels != "native" || report.KernelsRequested != "native" || report.KernelsReason != "" || lab.OpenEngines() != 0 {
			t.Errorf("%s runs, choice %+v", report.Kernels, report.KernelChoice)
		}
	})
}

// TestAutoLiveMakesRoom asks for the faster family while an engine runs that leaves room for none
// beside it.
func TestAutoLiveMakesRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opts := twoFamilies(0.8)
		opts.OpenError = func(_ profiler.EngineConfig, open int) error {
			if open > 0 {
				return &profiler.MemoryError{Reason: "no room"}
			}
			return nil
		}
		lab := profilertest.NewLab(opts)
		r := startFamilies(t, lab, func(c *profiler.SessionConfig) { c.Kernels = "cutlass" })
		r.wait(time.Second)
		r.send(profiler.Command{ID: "a", Kernels: new(profiler.AutoKernels)})
		r.wait(3 * time.Second)
		report := r.finish(t).Summary
		if !r.ack(t, "a").Ack.OK || report.Kernels != "native" || report.KernelsRequested != profiler.AutoKernels {
			t.Errorf("%s runs: %s", report.Kernels, report.KernelsReason)
		}
	})
}

func TestHungTrialIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(twoFamilies(0.8))
		lab.Hang()
		r := startFamilies(t, lab, func(c *profiler.SessionConfig) { c.StallLimit = 10 * time.Second })
		<-r.ended
		last := r.last(t)
		if last.Kind != profiler.KindFailure || !strings.Contains(last.Failure.Text, "hangs") || !strings.Contains(last.Failure.Text, "kernel families") {
			t.Errorf("ended with %+v", last)
		}
		lab.Release()
		time.Sleep(time.Minute)
		synctest.Wait()
		if lab.OpenEngines() != 0 {
			t.Errorf("%d engines are still open", lab.OpenEngines())
		}
	})
}
