package profiler_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/profilertest"
)

func TestDutyCycle(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		percent float64
		ab      bool
		stepUS  float64
		length  time.Duration
	}{
		{100, false, 1000, time.Second},
		{50, false, 1000, 4 * time.Second},
		{10, false, 1000, 8 * time.Second},
		{50, true, 1000, 4 * time.Second},
		{25, false, 100, 4 * time.Second},
		{1, false, 60000, 10 * time.Minute},
	} {
		t.Run(fmt.Sprintf("%v%%, A/B %v, %v us", tc.percent, tc.ab, tc.stepUS), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				lab := profilertest.NewLab(profilertest.Options{
					Lag:     4,
					StageUS: func(uint64, profiler.ESMask, profiler.Stage) float64 { return tc.stepUS / profiler.NumStages },
				})
				r := start(t, lab, func(c *profiler.SessionConfig) {
					c.AB, c.DutyPercent, c.Duration = tc.ab, tc.percent, tc.length
				})
				<-r.ended
				report := r.last(t).Summary
				if report == nil || report.DutyPercent == nil || *report.DutyPercent != tc.percent {
					t.Fatalf("report %+v", report)
				}
				busy := 100 * float64(report.Steps) * tc.stepUS / 1e6 / report.DurationS
				if busy < tc.percent*0.93 || busy > tc.percent*1.07 {
					t.Errorf("busy %.2f%% of the time, want %v%%", busy, tc.percent)
				}
				if gap := report.Step.LaunchGapUS; gap == nil || gap.MaxUS > 2 {
					t.Errorf("launch gap %+v counts our own idling", gap)
				}
				for _, s := range r.kind(profiler.KindSample) {
					if s.Sample.StalledMS != 0 {
						t.Fatalf("a gap of the duty cycle counts as a stall of %d ms", s.Sample.StalledMS)
					}
				}
				if tc.ab && report.Stages[profiler.Up].Ratio == nil {
					t.Error("A/B mode measured nothing")
				}
			})
		})
	}
}

// TestDutyDoesNotDelayCommands switches ES in a gap of six seconds.
func TestDutyDoesNotDelayCommands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{
			StageUS: func(uint64, profiler.ESMask, profiler.Stage) float64 { return 10000 },
		})
		r := start(t, lab, func(c *profiler.SessionConfig) { c.DutyPercent = 1 })
		r.wait(20 * time.Second)
		r.send(es("t", true, true))
		r.wait(300 * time.Millisecond)
		if s := r.sample(t); s.ES != profiler.ESBoth || s.PendingES != nil {
			t.Errorf("300 ms after the switch: %+v", s)
		}
		r.send(profiler.Command{ID: "s", Stop: true})
		began := time.Now()
		<-r.ended
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %v to stop", took)
		}
	})
}
