package profiler_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/profilertest"
)

// noisyLab has steps whose times scatter by a share; with ES on, down is faster by a factor.
func noisyLab(scatter, down float64) *profilertest.Lab {
	random := rand.New(rand.NewPCG(5, 6))
	return profilertest.NewLab(profilertest.Options{
		Info: profiler.EngineInfo{Engine: "cuda", Kernels: "cutlass", Timer: "cupti"},
		StageUS: func(_ uint64, mask profiler.ESMask, stage profiler.Stage) float64 {
			us := 100 * (1 + scatter*random.Float64())
			if stage == profiler.Down && mask.Has(stage) {
				us /= down
			}
			return us
		},
	})
}

func TestUntilSignificantEndsWhenTheVerdictIsSettled(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		scatter float64
		down    float64
		width   float64
		ended   profiler.EndCause
		text    string
	}{
		{"a clear winner", 0.01, 1.5, 0, profiler.EndSettled, "deploy enable_es=(False, True): down 1.5"},
		{"no difference", 0.01, 1, 0, profiler.EndSettled, "deploy enable_es=(False, False)"},
		{"too much noise", 2, 1, 0.001, profiler.EndMaxDuration, "not known after 3s: up "},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, noisyLab(tc.scatter, tc.down), func(c *profiler.SessionConfig) {
					c.AB, c.Until, c.UntilWidth, c.Duration = true, true, tc.width, 3*time.Second
				})
				<-r.ended
				report := r.last(t).Summary
				if r.err != nil || report == nil {
					t.Fatalf("no summary: %v", r.err)
				}
				if report.EndedBy != tc.ended || report.Partial || !strings.HasPrefix(report.Verdict.Text, tc.text) {
					t.Errorf("ended by %q, partial %v, %q, want %q and %q",
						report.EndedBy, report.Partial, report.Verdict.Text, tc.ended, tc.text)
				}
				settled := tc.ended == profiler.EndSettled
				if report.Verdict.Settled != settled || (report.Verdict.EnableES != nil) != settled {
					t.Errorf("verdict %+v", report.Verdict)
				}
				if settled == (report.DurationS > 2.9) {
					t.Errorf("took %v s", report.DurationS)
				}
				checkFrozen(t, r)
			})
		})
	}
}

// checkFrozen makes sure that the summary says what the sample said that ended the session.
func checkFrozen(t *testing.T, r *run) {
	t.Helper()
	report := r.last(t).Summary
	if report.EndedBy != profiler.EndSettled {
		return
	}
	for _, record := range r.kind(profiler.KindSample) {
		if record.Sample.Verdict.Settled {
			if got, want := report.Verdict.Text, record.Sample.Verdict.Text; got != want {
				t.Errorf("the verdict changed from %q to %q after it had settled", want, got)
			}
			return
		}
	}
	t.Error("no sample shows the settled verdict")
}

func TestAARunsOneMaskAndNamesNoTuple(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := start(t, noisyLab(0.02, 1.5), func(c *profiler.SessionConfig) {
			c.AB, c.AA, c.ES, c.Duration = true, true, profiler.ESDown, 2*time.Second
		})
		<-r.ended
		report := r.last(t).Summary
		if report == nil || !report.AB || !report.AA || report.EndedBy != profiler.EndDuration {
			t.Fatalf("report %+v", report)
		}
		if report.Step.OffOff != nil || report.Step.OnOn != nil || report.Step.OffOn == nil {
			t.Errorf("steps %+v, want the mask down alone", report.Step)
		}
		down := report.Stages[profiler.Down].Ratio
		if down == nil || down.Pairs < 10 || down.Low > 1 || down.High < 1 || report.Verdict.EnableES != nil {
			t.Errorf("down %+v, verdict %+v, want a ratio of 1 and no tuple", down, report.Verdict)
		}
	})
}
