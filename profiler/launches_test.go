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

// TestLaunchesAreToldAndRefreshed: all masks when the engine is ready, then one a second.
func TestLaunchesAreToldAndRefreshed(t *testing.T) {
	t.Parallel()
	for name, ab := range map[string]bool{"one mask": false, "A/B": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := start(t, profilertest.NewLab(profilertest.Options{}), func(c *profiler.SessionConfig) {
					c.AB = ab
					if !ab {
						c.ES = profiler.ESDown
					}
				})
				r.wait(8*time.Second + 500*time.Millisecond)
				r.finish(t)
				fold := profiler.NewFold()
				count := map[profiler.ESMask]int{}
				total := 0
				for _, record := range append(r.kind(profiler.KindWorkload), r.kind(profiler.KindLaunches)...) {
					fold.Apply(record)
					if record.Kind != profiler.KindLaunches {
						continue
					}
					if total++; total <= profiler.NumMasks && int(record.Launches.ES) != total-1 {
						t.Errorf("launches %d are those of %s", total, record.Launches.ES)
					}
					count[record.Launches.ES]++
				}
				if total < profiler.NumMasks+7 || total > profiler.NumMasks+9 {
					t.Errorf("%d launches records in 8 s", total)
				}
				for mask := range profiler.ESMask(profiler.NumMasks) {
					if refreshed := count[mask] > 1; refreshed != (ab || mask == profiler.ESDown) {
						t.Errorf("%s: %d records", mask, count[mask])
					}
					if got := fold.View().Launches[mask]; len(got) != profiler.NumStages || got[0].Stage != "route" {
						t.Errorf("%s: the view has %+v", mask, got)
					}
				}
			})
		})
	}
}

// TestLaunchesThatCannotBeTold: the run goes on, with one warning.
func TestLaunchesThatCannotBeTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lab := profilertest.NewLab(profilertest.Options{LaunchesError: errors.New("no names here")})
		r := start(t, lab, nil)
		r.wait(5 * time.Second)
		report := r.finish(t).Summary
		if report == nil || report.Step.OffOff == nil || len(r.kind(profiler.KindLaunches)) != 0 {
			t.Fatalf("report %+v", report)
		}
		if w := report.Warnings; len(w) != 1 || w[0].Code != "launches" || !strings.Contains(w[0].Text, "no names here") {
			t.Errorf("warnings %+v", w)
		}
	})
}
