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

func TestSessionRunsToItsLimitOfSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, profilertest.NewLab(profilertest.Options{Lag: 3}), func(c *profiler.SessionConfig) {
			c.Warmup, c.Steps = 20, 500
		})
		<-r.ended
		last := r.last(t)
		if r.err != nil || last.Kind != profiler.KindSummary {
			t.Fatalf("ended with %v and a %s record", r.err, last.Kind)
		}
		report := last.Summary
		if report.Partial || report.Steps != 520 || report.Lost != 0 {
			t.Errorf("partial %v, steps %d, lost %d, want a whole run of 520", report.Partial, report.Steps, report.Lost)
		}
		if got := report.Step.OffOff; got == nil || got.Count != 500 || got.MedianUS < 999 || got.MedianUS > 1001 {
			t.Errorf("off_off = %+v, want 500 steps of 1000.2 us", got)
		}
		if report.Step.OnOn != nil || report.Stages[profiler.Up].On != nil {
			t.Error("a side that never ran has figures")
		}
		if r.lab.OpenEngines() != 0 {
			t.Error("the engine was not closed")
		}
	})
}

func TestSessionEndsAfterItsDuration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{BuildTime: 3 * time.Second})
		began := time.Now()
		r := start(t, lab, func(c *profiler.SessionConfig) { c.Duration = 2 * time.Second })
		<-r.ended
		if took := time.Since(began); took < 5*time.Second || took > 5200*time.Millisecond {
			t.Errorf("took %v, want the build and two seconds", took)
		}
		report := r.last(t).Summary
		if report == nil || report.Partial || report.DurationS < 1.99 || report.DurationS > 2.1 {
			t.Fatalf("report %+v", report)
		}
		building := 0
		for _, rec := range r.kind(profiler.KindSample) {
			if rec.Sample.State == profiler.StateBuilding {
				building++
			}
		}
		if building < 25 {
			t.Errorf("%d samples in the 3 s of building, want the heartbeat of every 100 ms", building)
		}
	})
}

// TestToggleLosesNoStep checks that every step is counted once, with its own mask, in one
// generation, and that the stream tells the first step of each mask.
func TestToggleLosesNoStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		masks := map[uint64]profiler.ESMask{}
		lab := profilertest.NewLab(profilertest.Options{
			Lag: 4,
			StageUS: func(step uint64, mask profiler.ESMask, _ profiler.Stage) float64 {
				masks[step] = mask
				return 10 + 5*float64(mask)
			},
		})
		r := start(t, lab, func(c *profiler.SessionConfig) { c.Warmup = 10 })
		wanted := []profiler.ESMask{profiler.ESUp, profiler.ESBoth, profiler.ESDown, profiler.ESOff}
		for _, mask := range wanted {
			r.wait(333 * time.Millisecond)
			r.send(es(mask.String(), mask.Has(profiler.Up), mask.Has(profiler.Down)))
		}
		r.wait(500 * time.Millisecond)
		last := r.finish(t)
		steps := last.Summary.Steps
		toggles := r.kind(profiler.KindToggle)
		if len(toggles) != len(wanted) {
			t.Fatalf("%d toggles, want %d", len(toggles), len(wanted))
		}
		bounds := []uint64{10}
		for i, toggle := range toggles {
			if toggle.Toggle.To != wanted[i] || masks[toggle.Step] != wanted[i] || masks[toggle.Step-1] != toggle.Toggle.From {
				t.Errorf("toggle %d is %+v at step %d, which ran with %v after %v",
					i, toggle.Toggle, toggle.Step, masks[toggle.Step], masks[toggle.Step-1])
			}
			if late := toggle.Step - toggle.Toggle.RequestedStep; late > 10 {
				t.Errorf("toggle %d came %d steps after its request", i, late)
			}
			if ack := r.ack(t, wanted[i].String()); !ack.Ack.OK || ack.Step != toggle.Toggle.RequestedStep {
				t.Errorf("toggle %d was answered with %+v at step %d", i, ack.Ack, ack.Step)
			}
			bounds = append(bounds, toggle.Step)
		}
		bounds = append(bounds, steps)
		// off ran last, so its count is of the last generation; the others keep that of their own.
		counts := map[profiler.ESMask]uint64{
			profiler.ESUp: bounds[2] - bounds[1], profiler.ESBoth: bounds[3] - bounds[2],
			profiler.ESDown: bounds[4] - bounds[3], profiler.ESOff: bounds[5] - bounds[4],
		}
		for mask, want := range counts {
			got := last.Summary.Step.Mask(mask)
			if got == nil || uint64(got.Count) != want || got.Live != (mask == profiler.ESOff) {
				t.Errorf("%v: %+v, want %d steps, live only if off", mask, got, want)
				continue
			}
			if us := 6*(10+5*float64(mask)) + 0.2; got.MinUS != us || got.MaxUS != us {
				t.Errorf("%v: %v to %v us, want only steps of %v: generations were mixed", mask, got.MinUS, got.MaxUS, us)
			}
		}
	})
}

func TestPendingToggleShowsUntilItsFirstStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{})
		r := start(t, lab, nil)
		r.wait(time.Second)
		r.send(profiler.Command{ID: "p", Pause: new(true)})
		r.wait(300 * time.Millisecond)
		r.send(es("t", false, true))
		r.wait(300 * time.Millisecond)
		sample := r.sample(t)
		if sample.State != profiler.StatePaused || sample.PendingES == nil || *sample.PendingES != profiler.ESDown ||
			sample.ES != profiler.ESOff || sample.StalledMS != 0 {
			t.Errorf("paused: %+v", sample)
		}
		r.send(profiler.Command{ID: "g", Pause: new(false)})
		r.wait(300 * time.Millisecond)
		sample = r.sample(t)
		if sample.State != profiler.StateRunning || sample.PendingES != nil || sample.ES != profiler.ESDown {
			t.Errorf("after: %+v", sample)
		}
		if off := sample.Stages[profiler.Down].Off; off == nil || off.Live {
			t.Errorf("the side that stopped: %+v, want its last figures, not live", off)
		}
		if gap := sample.Steps.LaunchGapUS; gap == nil || gap.MaxUS > 2 {
			t.Errorf("launch gap %+v counts the pause", gap)
		}
		r.finish(t)
	})
}

func TestABCountsEveryStepOnceAndNamesTheTuple(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{
			Info: profiler.EngineInfo{Engine: "cuda", Kernels: "cutlass", Timer: "cupti"},
			StageUS: func(step uint64, mask profiler.ESMask, stage profiler.Stage) float64 {
				us := 100 + float64(step*7919%13)/10
				switch {
				case stage == profiler.Down && mask.Has(stage):
					return us / 1.5
				case stage == profiler.Up && mask.Has(stage):
					return us / 0.9
				}
				return us
			},
		})
		r := start(t, lab, func(c *profiler.SessionConfig) { c.AB, c.Warmup, c.Duration = true, 50, 4*time.Second })
		<-r.ended
		report := r.last(t).Summary
		if report == nil {
			t.Fatalf("no summary: %v", r.err)
		}
		total := uint64(50)
		for mask := range profiler.ESMask(profiler.NumMasks) {
			if s := report.Step.Mask(mask); s != nil {
				total += uint64(s.Count)
			}
		}
		if total != report.Steps || report.Lost != 0 {
			t.Errorf("%d steps are counted with the warm-up, %d ran", total, report.Steps)
		}
		if got := report.Verdict.EnableES; got == nil || *got != [2]bool{false, true} {
			t.Fatalf("verdict %+v", report.Verdict)
		}
		for _, want := range []string{"deploy enable_es=(False, True): down 1.5", "up 0.900x [", "leave it off"} {
			if !strings.Contains(report.Verdict.Text, want) {
				t.Errorf("verdict %q lacks %q", report.Verdict.Text, want)
			}
		}
		down := report.Stages[profiler.Down].Ratio
		if down == nil || down.Value < 1.49 || down.Value > 1.51 || down.PValue > 0.001 || down.Pairs < 10 {
			t.Errorf("down = %+v, want about 1.5", down)
		}
		if n := len(r.kind(profiler.KindToggle)); n != 0 {
			t.Errorf("A/B mode told of %d toggles", n)
		}
	})
}

func TestLeavingABKeepsTheOtherSides(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, profilertest.NewLab(profilertest.Options{Lag: 4}), func(c *profiler.SessionConfig) { c.AB = true })
		r.wait(2 * time.Second)
		before := r.sample(t)
		if before.ABPairs == 0 || before.Steps.OnOn == nil {
			t.Fatalf("A/B mode measured nothing: %+v", before)
		}
		r.send(es("leave", true, false))
		r.wait(time.Second)
		after := r.sample(t)
		if after.AB || after.ABPairs != 0 || after.ES != profiler.ESUp || after.Stages[profiler.Up].Ratio != nil {
			t.Errorf("after leaving: %+v", after)
		}
		if s := after.Steps.OnOn; s == nil || s.Live || s.Count < before.Steps.OnOn.Count {
			t.Errorf("on_on = %+v, want the figures of A/B mode (%d steps), not live", s, before.Steps.OnOn.Count)
		}
		if s := after.Steps.OnOff; s == nil || !s.Live {
			t.Errorf("on_off = %+v, want it live", s)
		}
		if !strings.Contains(after.Verdict.Text, "switch A/B mode on") || after.Verdict.EnableES != nil {
			t.Errorf("verdict %+v", after.Verdict)
		}
		r.send(profiler.Command{ID: "again", AB: new(true)})
		r.wait(2 * time.Second)
		if again := r.sample(t); !again.AB || again.ABPairs == 0 || !again.Steps.OnOn.Live {
			t.Errorf("A/B mode again: %+v", again)
		}
		r.finish(t)
	})
}

func TestPauseInABCostsOnlyTheCycle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, profilertest.NewLab(profilertest.Options{}), func(c *profiler.SessionConfig) { c.AB = true })
		r.wait(time.Second)
		r.send(profiler.Command{Pause: new(true)})
		r.wait(200 * time.Millisecond)
		paused := r.sample(t)
		r.send(profiler.Command{Pause: new(false)})
		r.wait(time.Second)
		if got := r.sample(t); got.ABPairs <= paused.ABPairs {
			t.Errorf("%d cycles before the pause, %d after it", paused.ABPairs, got.ABPairs)
		}
		r.send(profiler.Command{Reset: true})
		r.wait(20 * time.Millisecond)
		r.wait(100 * time.Millisecond)
		if got := r.sample(t); got.ABPairs > 2 {
			t.Errorf("%d cycles right after a reset", got.ABPairs)
		}
		r.finish(t)
	})
}

func TestFailuresEndTheStream(t *testing.T) {
	t.Parallel()
	refuse := func(err error) profilertest.Options {
		return profilertest.Options{OpenError: func(profiler.EngineConfig, int) error { return err }}
	}
	cases := []struct {
		name string
		opts profilertest.Options
		bad  func(*profiler.SessionConfig)
		code int
		text string
	}{
		{"argument", refuse(&profiler.ArgumentError{Field: "kernels", Value: "x", Allowed: "reference"}), nil, 2, "kernels: x"},
		{"no gpu", refuse(&profiler.NoGPUError{Reason: "none"}), nil, 3, "no usable GPU"},
		{"memory", refuse(&profiler.MemoryError{Reason: "too big"}), nil, 1, "does not fit"},
		{"step fails", profilertest.Options{FailAt: 40, Failure: errors.New("illegal address")}, nil, 1, "illegal address"},
		{"panic", profilertest.Options{PanicAt: 40}, nil, 1, "told to panic"},
		{"interval", profilertest.Options{}, func(c *profiler.SessionConfig) { c.Interval = 0 }, 2, "interval: 0s"},
		{"tokens", profilertest.Options{}, func(c *profiler.SessionConfig) { c.Workload.Tokens = 0 }, 2, "tokens"},
		{"ring", profilertest.Options{}, func(c *profiler.SessionConfig) { c.RingLength = 3 }, 2, "ring length: 3"},
		{"schedule", profilertest.Options{}, func(c *profiler.SessionConfig) {
			c.Schedule = []profiler.ScheduleEntry{{At: time.Second}, {At: 0}}
		}, 2, "es-schedule"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, profilertest.NewLab(tc.opts), tc.bad)
				<-r.ended
				last := r.last(t)
				if r.err == nil || last.Kind != profiler.KindFailure {
					t.Fatalf("ended with %v and a %s record, want a failure", r.err, last.Kind)
				}
				if last.Failure.ExitCode != tc.code || !strings.Contains(last.Failure.Text, tc.text) {
					t.Errorf("failure %+v, want code %d and %q", last.Failure, tc.code, tc.text)
				}
			})
		})
	}
}

func TestScheduleSwitchesInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, profilertest.NewLab(profilertest.Options{}), func(c *profiler.SessionConfig) {
			c.Duration = 3 * time.Second
			c.Schedule = []profiler.ScheduleEntry{{At: 0, Mask: profiler.ESDown}, {At: time.Second, Mask: profiler.ESBoth}}
		})
		<-r.ended
		toggles := r.kind(profiler.KindToggle)
		if len(toggles) != 1 || toggles[0].Toggle.From != profiler.ESDown || toggles[0].Toggle.To != profiler.ESBoth {
			t.Fatalf("toggles %+v, want one from down to both", toggles)
		}
		if at := toggles[0].Time.Sub(r.records[0].Time); at < time.Second || at > 1200*time.Millisecond {
			t.Errorf("it came after %v, want 1 s", at)
		}
	})
}
