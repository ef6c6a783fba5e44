package profiler_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/profilertest"
)

func TestAnotherWorkloadForgetsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{BuildTime: time.Second, Lag: 2})
		r := start(t, lab, func(c *profiler.SessionConfig) { c.Warmup = 5 })
		r.wait(2 * time.Second)
		r.send(es("up", true, false))
		r.wait(500 * time.Millisecond)
		r.send(profiler.Command{ID: "more", Tokens: new(64)})
		r.send(profiler.Command{ID: "skew", Routing: new("zipf:1.2")})
		r.send(profiler.Command{ID: "most", Tokens: new(128), Reset: true})
		r.wait(500 * time.Millisecond)
		if got := r.sample(t); got.State != profiler.StateBuilding || got.Progress == "" {
			t.Errorf("state %s (%q) while the engine is built", got.State, got.Progress)
		}
		r.wait(3 * time.Second)
		for _, id := range []string{"more", "skew", "most"} {
			if ack := r.ack(t, id); !ack.Ack.OK {
				t.Errorf("%s was refused: %+v", id, ack.Ack)
			}
		}
		records := r.kind(profiler.KindWorkload)
		if len(records) != 3 {
			t.Fatalf("%d workloads were built, want the first, 64 tokens, and the two wishes after it as one", len(records))
		}
		newest := records[2].Workload.Workload
		if newest.Tokens != 128 || newest.Routing.String() != "zipf:1.2" || newest.Seed != 7 {
			t.Errorf("workload %+v", newest)
		}
		sample := r.sample(t)
		if sample.Steps.OffOff != nil || sample.Steps.OnOff == nil || sample.ES != profiler.ESUp {
			t.Errorf("steps %+v with %v, want figures of this workload alone and the mask kept", sample.Steps, sample.ES)
		}
		report := r.finish(t).Summary
		if uint64(report.Step.OnOff.Count) >= report.Steps-records[2].Step || lab.OpenEngines() != 0 {
			t.Errorf("%d steps counted of %d since step %d", report.Step.OnOff.Count, report.Steps, records[2].Step)
		}
	})
}

func TestRefusedCommandsNameTheField(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{OpenError: func(cfg profiler.EngineConfig, _ int) error {
			if cfg.Kernels != "reference" {
				return &profiler.ArgumentError{Field: "kernels", Value: cfg.Kernels, Allowed: "reference"}
			}
			return nil
		}})
		r := start(t, lab, nil)
		r.wait(time.Second)
		cases := map[string]profiler.Command{
			"tokens":  {Tokens: new(0)},
			"model":   {Model: new("nobody")},
			"routing": {Routing: new("sideways")},
			"kernels": {Kernels: new("cutlass"), Pause: new(true)},
		}
		for field, command := range cases {
			command.ID = field
			r.send(command)
			r.wait(time.Second)
			if ack := r.ack(t, field); ack.Ack.OK || ack.Ack.Field != field || ack.Ack.Error == "" {
				t.Errorf("%s: answered %+v", field, ack.Ack)
			}
		}
		if got := r.sample(t); got.State != profiler.StateRunning || got.StepsPerSecond == 0 {
			t.Errorf("after the refusals: %+v, want the old workload running, and nothing of a refused command done", got)
		}
		if n := len(lab.Configs()); n != 1 {
			t.Errorf("%d engines were built, want the first alone", n)
		}
		r.finish(t)
	})
}

func TestWorkloadThatNeedsTheOldOnesMemory(t *testing.T) {
	t.Parallel()
	// Two engines never fit beside each other, and 4096 tokens never fit at all.
	memory := func(cfg profiler.EngineConfig, open int) error {
		if open > 0 || cfg.Workload.Tokens > 1024 {
			return &profiler.MemoryError{Reason: "12 GiB are needed"}
		}
		return nil
	}
	cases := []struct {
		name   string
		tokens int
		ok     bool
	}{
		{"fits alone", 512, true},
		{"does not fit", 4096, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lab := profilertest.NewLab(profilertest.Options{OpenError: memory})
				r := start(t, lab, nil)
				r.wait(time.Second)
				r.send(profiler.Command{ID: "t", Tokens: &tc.tokens})
				r.wait(time.Second)
				if ack := r.ack(t, "t"); ack.Ack.OK != tc.ok || (!tc.ok && !strings.Contains(ack.Ack.Error, "12 GiB")) {
					t.Errorf("answered %+v", ack.Ack)
				}
				records := r.kind(profiler.KindWorkload)
				want := tc.tokens
				if !tc.ok {
					want = 16
				}
				if got := records[len(records)-1].Workload.Workload.Tokens; len(records) != 2 || got != want {
					t.Errorf("%d workloads, the newest of %d tokens, want %d", len(records), got, want)
				}
				if got := r.sample(t); got.State != profiler.StateRunning || got.Steps.OffOff == nil || lab.OpenEngines() != 1 {
					t.Errorf("state %s with %d engines", got.State, lab.OpenEngines())
				}
				if warned := len(r.kind(profiler.KindWarning)) > 0; warned == tc.ok {
					t.Errorf("warned %v", warned)
				}
				r.finish(t)
			})
		})
	}
}

func TestHungEngine(t *testing.T) {
	t.Parallel()
	// release lets the engine's thread, which was left behind, find out that nobody wants it any more.
	release := func(lab *profilertest.Lab) {
		lab.Release()
		time.Sleep(time.Second)
		synctest.Wait()
		if lab.OpenEngines() != 0 {
			t.Error("the engine is still open after it came back")
		}
	}
	gpu := profilertest.Options{Info: profiler.EngineInfo{Engine: "cuda", Timer: "cupti", Kernels: "cutlass"}}
	t.Run("is given up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			lab := profilertest.NewLab(gpu)
			defer release(lab)
			r := start(t, lab, func(c *profiler.SessionConfig) { c.StallLimit = 10 * time.Second })
			r.wait(time.Second)
			lab.Hang()
			r.wait(5 * time.Second)
			if got := r.sample(t).StalledMS; got < 4500 || got > 5500 {
				t.Errorf("stalled for %d ms, want 5000", got)
			}
			<-r.ended
			last := r.last(t)
			if last.Kind != profiler.KindFailure || last.Failure.ExitCode != 1 || !strings.Contains(last.Failure.Text, "hangs") {
				t.Errorf("ended with %+v", last)
			}
			if figures := r.sample(t); figures.Steps.OffOff == nil || figures.State != profiler.StateEnded {
				t.Error("the figures before the hang are gone")
			}
		})
	})
	t.Run("does not hold the end up", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			lab := profilertest.NewLab(gpu)
			defer release(lab)
			r := start(t, lab, func(c *profiler.SessionConfig) { c.StopGrace = 2 * time.Second })
			r.wait(time.Second)
			lab.Hang()
			r.wait(time.Second)
			began := time.Now()
			last := r.finish(t)
			if last.Summary == nil || !last.Summary.Partial || r.err == nil {
				t.Errorf("ended with %v and a %s record, want an error and a partial summary", r.err, last.Kind)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("the end took %v", took)
			}
		})
	})
}

func TestStopAndPartial(t *testing.T) {
	t.Parallel()
	t.Run("a stop is the end of a whole run", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := start(t, profilertest.NewLab(profilertest.Options{}), nil)
			r.wait(time.Second)
			r.send(profiler.Command{ID: "s", Stop: true})
			<-r.ended
			if report := r.last(t).Summary; report == nil || report.Partial || !r.ack(t, "s").Ack.OK {
				t.Errorf("report %+v", report)
			}
		})
	})
	t.Run("a cancelled run is partial", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := start(t, profilertest.NewLab(profilertest.Options{}), func(c *profiler.SessionConfig) { c.Steps = 1 << 20 })
			r.wait(time.Second)
			if report := r.finish(t).Summary; report == nil || !report.Partial || report.Step.OffOff == nil {
				t.Errorf("report %+v", report)
			}
		})
	})
}

func TestLostTimingsAreTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, profilertest.NewLab(profilertest.Options{LoseEvery: 4}), func(c *profiler.SessionConfig) { c.Steps = 400 })
		<-r.ended
		report := r.last(t).Summary
		if report.Steps != 400 || report.Lost != 100 || report.Step.OffOff.Count != 300 {
			t.Errorf("steps %d, lost %d, counted %d", report.Steps, report.Lost, report.Step.OffOff.Count)
		}
	})
}

func TestReadingsAreCreditedToTheMaskThatRan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sampler := &profilertest.Sampler{}
		r := start(t, profilertest.NewLab(profilertest.Options{}), func(c *profiler.SessionConfig) {
			c.OpenSampler = func(*profiler.Device) profiler.Sampler { return sampler }
		})
		// show puts a reading of the last quarter of a second on show and waits until it was seen twice.
		show := func(sm float64, stale bool) *profiler.Sample {
			now := time.Now()
			sampler.Show(profiler.Reading{
				Time: now, Stale: stale, WindowStart: now.Add(-250 * time.Millisecond), WindowEnd: now,
				SMUtilizationPercent: &sm, MemoryUsedBytes: new(uint64(1 << 30)),
			})
			r.wait(250 * time.Millisecond)
			return r.sample(t)
		}
		r.wait(time.Second)
		if got := show(90, false); got.NVMLMask == nil || *got.NVMLMask != profiler.ESOff {
			t.Errorf("a window of off alone is credited to %v", got.NVMLMask)
		}
		r.send(es("u", true, false))
		r.wait(100 * time.Millisecond)
		if got := show(50, false); got.NVMLMask != nil {
			t.Errorf("a window over a toggle is credited to %v", *got.NVMLMask)
		}
		r.wait(time.Second)
		show(80, true)
		if got := show(70, false); got.NVMLMask == nil || *got.NVMLMask != profiler.ESUp {
			t.Errorf("a window of up alone is credited to %v", got.NVMLMask)
		}
		sampler.Complain("no power")
		r.wait(200 * time.Millisecond)
		sampler.Complain("no power")
		r.wait(200 * time.Millisecond)
		report := r.finish(t).Summary
		all := report.NVML.SMUtilizationPercent
		if all == nil || all.Count != 3 || all.Median != 70 || all.Min != 50 || all.Max != 90 {
			t.Errorf("all = %+v, want 50, 70 and 90 once each, and the stale one not", all)
		}
		if off, up := report.NVML.ByES["off"], report.NVML.ByES["up"]; off == nil || up == nil ||
			off.SMUtilizationPercent.Count != 1 || up.SMUtilizationPercent.Median != 70 {
			t.Errorf("by mask: %+v", report.NVML.ByES)
		}
		if len(report.Warnings) != 1 || report.NVML.PowerWatts != nil || sampler.Closed() != 1 {
			t.Errorf("warnings %+v, power %v, closed %d times", report.Warnings, report.NVML.PowerWatts, sampler.Closed())
		}
	})
}

func TestABMakesNoCreditToAMask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sampler := &profilertest.Sampler{}
		r := start(t, profilertest.NewLab(profilertest.Options{}), func(c *profiler.SessionConfig) {
			c.AB = true
			c.OpenSampler = func(*profiler.Device) profiler.Sampler { return sampler }
		})
		r.wait(time.Second)
		now := time.Now()
		sampler.Show(profiler.Reading{Time: now, WindowStart: now.Add(-time.Millisecond), WindowEnd: now, TensorPercent: new(5.0)})
		r.wait(200 * time.Millisecond)
		if got := r.sample(t); got.NVML == nil || got.NVMLMask != nil || len(got.NVMLStats.ByES) != 0 {
			t.Errorf("credited to %v", got.NVMLMask)
		}
		r.finish(t)
	})
}

func TestPanicWhileEmittingIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{})
		r := start(t, lab, func(c *profiler.SessionConfig) {
			emit := c.Emit
			c.Emit = func(rec profiler.Record) {
				if rec.Kind == profiler.KindSample && rec.Step > 200 {
					panic("the pipe burst")
				}
				emit(rec)
			}
		})
		<-r.ended
		if r.err == nil || !strings.Contains(r.err.Error(), "the pipe burst") || lab.OpenEngines() != 0 {
			t.Errorf("ended with %v and %d engines open", r.err, lab.OpenEngines())
		}
	})
}

// TestCancelGoesOnWithTheWorkloadBefore gives a build up while it is under way, with and without room
// for two engines.
func TestCancelGoesOnWithTheWorkloadBefore(t *testing.T) {
	t.Parallel()
	alone := func(_ profiler.EngineConfig, open int) error {
		if open > 0 {
			return &profiler.MemoryError{Reason: "12 GiB are needed"}
		}
		return nil
	}
	for name, refuse := range map[string]func(profiler.EngineConfig, int) error{"room for two": nil, "room for one": alone} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lab := profilertest.NewLab(profilertest.Options{BuildTime: time.Second, OpenError: refuse})
				r := start(t, lab, nil)
				r.wait(2 * time.Second)
				before := r.sample(t).Steps.OffOff.Count
				r.send(profiler.Command{ID: "t", Tokens: new(64)})
				r.send(profiler.Command{ID: "u", Tokens: new(128)})
				// One more second if the engine before had to make room first.
				r.wait(300 * time.Millisecond)
				r.send(profiler.Command{ID: "c", Cancel: true})
				r.wait(10 * time.Millisecond)
				if ack := r.ack(t, "c"); !ack.Ack.OK {
					t.Errorf("the cancel was answered %+v", ack.Ack)
				}
				r.wait(5 * time.Second)
				for _, id := range []string{"t", "u"} {
					if ack := r.ack(t, id); ack.Ack.OK || ack.Ack.Error != "cancelled" {
						t.Errorf("%s was answered %+v", id, ack.Ack)
					}
				}
				sample := r.sample(t)
				records := r.kind(profiler.KindWorkload)
				if sample.State != profiler.StateRunning || records[len(records)-1].Workload.Workload.Tokens != 16 || lab.OpenEngines() != 1 {
					t.Errorf("state %s, workload %+v, %d engines", sample.State, records[len(records)-1].Workload.Workload, lab.OpenEngines())
				}
				if refuse == nil && sample.Steps.OffOff.Count <= before {
					t.Errorf("%d steps after it, %d before: the statistics of the workload that goes on are lost", sample.Steps.OffOff.Count, before)
				}
				r.finish(t)
				if lab.OpenEngines() != 0 {
					t.Errorf("%d engines are left", lab.OpenEngines())
				}
			})
		})
	}
}

func TestCancelIsRefusedWhereNothingIsBuilt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{BuildTime: time.Second})
		r := start(t, lab, nil)
		r.wait(500 * time.Millisecond)
		r.send(profiler.Command{ID: "first", Cancel: true})
		r.wait(2 * time.Second)
		r.send(profiler.Command{ID: "idle", Cancel: true})
		r.send(profiler.Command{ID: "both", Cancel: true, Tokens: new(64)})
		r.wait(time.Second)
		for _, id := range []string{"first", "idle", "both"} {
			if ack := r.ack(t, id); ack.Ack.OK || ack.Ack.Field != "cancel" {
				t.Errorf("%s was answered %+v", id, ack.Ack)
			}
		}
		r.finish(t)
	})
}
