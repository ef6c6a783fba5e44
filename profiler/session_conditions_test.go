package profiler_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/profilertest"
)

// TestSidesAtOtherClocksAreTold runs A/B mode on a GPU that lowers its clock while down runs with ES.
func TestSidesAtOtherClocksAreTold(t *testing.T) {
	t.Parallel()
	for name, slow := range map[string]float64{"alike": 1980, "apart": 1800} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				sampler := new(profilertest.Sampler)
				var running atomic.Uint32 // mask
				lab := profilertest.NewLab(profilertest.Options{
					StageUS: func(step uint64, mask profiler.ESMask, _ profiler.Stage) float64 {
						running.Store(uint32(mask))
						return 80 + float64(step*7919%13)/10
					},
				})
				r := start(t, lab, func(c *profiler.SessionConfig) {
					c.AB, c.Duration = true, 4*time.Second
					c.OpenSampler = func(*profiler.Device) profiler.Sampler { return sampler }
				})
				// The sampler reads on a clock of its own, which is in step with no block.
				go func() {
					ticker := time.NewTicker(25300 * time.Microsecond)
					defer ticker.Stop()
					for {
						select {
						case <-r.ended:
							return
						case <-ticker.C:
						}
						clock, watts := 1980.0, 600.0
						if profiler.ESMask(running.Load()).Has(profiler.Down) {
							clock = slow
						}
						sampler.Show(profiler.Reading{
							Time: time.Now(), SMClockMHz: &clock, PowerWatts: &watts, ThrottleReasons: []string{"power cap"},
						})
					}
				}()
				<-r.ended
				report := r.last(t).Summary
				down, up := report.Stages[profiler.Down].Ratio, report.Stages[profiler.Up].Ratio
				if down == nil || down.OffConditions == nil || down.OnConditions == nil {
					t.Fatalf("down %+v", down)
				}
				if *down.OffConditions.SMClockMHz != 1980 || *down.OnConditions.SMClockMHz != slow ||
					*down.OnConditions.PowerWatts != 600 || down.OnConditions.ThrottleReasons[0] != "power cap" {
					t.Errorf("off %+v, on %+v", down.OffConditions, down.OnConditions)
				}
				if *up.OffConditions.SMClockMHz != *up.OnConditions.SMClockMHz {
					t.Errorf("up: off %v, on %v MHz, want the same", *up.OffConditions.SMClockMHz, *up.OnConditions.SMClockMHz)
				}
				warnings := 0
				for _, w := range report.Warnings {
					if w.Code == "clocks" && strings.Contains(w.Text, "the sides of down ran at SM clocks 9.1% apart") {
						warnings++
					}
				}
				told := strings.Contains(report.Verdict.Text, "; down: SM clocks 9.1% apart (off 1980 MHz, on 1800 MHz)")
				if want := slow != 1980; told != want || (warnings == 1) != want {
					t.Errorf("verdict %q, warnings %+v", report.Verdict.Text, report.Warnings)
				}
				checkCycles(t, r)
			})
		})
	}
}

// checkCycles makes sure that every cycle was told once, in order, with a reading.
func checkCycles(t *testing.T, r *run) {
	t.Helper()
	last, count := uint64(0), 0
	for _, record := range r.kind(profiler.KindSample) {
		for _, c := range record.Sample.Cycles {
			if c.Cycle <= last || c.SMClockMHz == nil || *c.ReadingDistanceMS > 100 || len(c.ThrottleReasons) != 1 {
				t.Errorf("after cycle %d: %+v", last, c)
			}
			last = c.Cycle
			count++
		}
	}
	if pairs := r.sample(t).ABPairs; count != pairs || count < 20 {
		t.Errorf("%d cycles were told, %d measured", count, pairs)
	}
}

// TestEnergyByMask runs at 500 W without ES and at 300 W with it, for half of the time each.
func TestEnergyByMask(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sampler := new(profilertest.Sampler)
		joules, before := 0.0, time.Time{}
		lab := profilertest.NewLab(profilertest.Options{
			StageUS: func(_ uint64, mask profiler.ESMask, stage profiler.Stage) float64 {
				if stage != profiler.Route {
					return 100
				}
				watts := 500.0
				if mask == profiler.ESBoth {
					watts = 300
				}
				now := time.Now()
				if !before.IsZero() {
					joules += watts * now.Sub(before).Seconds()
				}
				before = now
				counted, clock := joules, 1980.0
				sampler.Show(profiler.Reading{Time: now, EnergyJoules: &counted, PowerWatts: &watts, SMClockMHz: &clock})
				return 100
			},
		})
		r := start(t, lab, func(c *profiler.SessionConfig) {
			c.Duration = 8 * time.Second
			c.Schedule = []profiler.ScheduleEntry{{At: 4 * time.Second, Mask: profiler.ESBoth}}
			c.OpenSampler = func(*profiler.Device) profiler.Sampler { return sampler }
		})
		<-r.ended
		report := r.last(t).Summary
		// A step takes 601.2 us and has 16 tokens.
		for name, want := range map[string]float64{"off": 500 * 601.2e-6 / 16, "both": 300 * 601.2e-6 / 16} {
			mask := report.NVML.ByES[name]
			if mask == nil || mask.EnergyJoulesPerToken == nil || mask.PowerWatts == nil || mask.SMClockMHz == nil {
				t.Fatalf("%s: %+v", name, mask)
			}
			if got := *mask.EnergyJoulesPerToken; got < 0.98*want || got > 1.02*want {
				t.Errorf("%s: %v J/token, want %v", name, got, want)
			}
		}
		all, source := report.NVML.EnergyJoulesPerToken, report.NVML.EnergySource
		if want := 400 * 601.2e-6 / 16; all == nil || source == nil || *source != "counter" || *all < 0.98*want || *all > 1.02*want {
			t.Errorf("%v J/token from %v, want %v from the counter", all, source, want)
		}
	})
}
