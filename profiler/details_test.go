package profiler

import (
	"fmt"
	"math"
	"testing"
	"time"
)

func TestPercentilesInReport(t *testing.T) {
	t.Parallel()
	for _, steps := range []int{1, 7, 2000} {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			t.Parallel()
			var r recorder
			for i := range steps {
				r.record(&StepTiming{StepUS: float64(1000 + i), StageUS: [NumStages]float64{Down: float64(1 + i)}}, time.Time{}, false)
			}
			sample := &Sample{Stages: r.stages(), Steps: r.stepStats()}
			report := BuildReport(nil, nil, Record{Sample: sample}, nil, false)
			r.addDetails(report, false)
			got := report.Step.OffOff.Percentiles
			if len(got) < 5 || report.Step.OffOff.BlockUS != nil || report.Step.OnOn != nil {
				t.Fatalf("%+v", report.Step.OffOff)
			}
			before := Percentile{}
			for _, p := range got {
				// The steps rise by one, so that each percentile is known: to a step, and to a bucket.
				if want := 1000 + p.Percent/100*float64(steps); math.Abs(p.TimeUS-want) > 2+want/1000 {
					t.Errorf("p%v is %v, want %v", p.Percent, p.TimeUS, want)
				}
				if p.Percent <= before.Percent || p.TimeUS < before.TimeUS {
					t.Errorf("p%v is %v after p%v at %v", p.Percent, p.TimeUS, before.Percent, before.TimeUS)
				}
				before = p
			}
			if last := got[len(got)-1].Percent; steps == 2000 && last != 99.9 || steps == 7 && last != 75 || steps == 1 && last != 50 {
				t.Errorf("the last of %d steps is p%v: fewer than one step lies beyond", steps, last)
			}
			if len(report.Stages[Down].Off.Percentiles) != len(got) || sample.Steps.OffOff.Percentiles != nil {
				t.Error("down has none, or the sample, which has gone out, was changed")
			}
		})
	}
}
