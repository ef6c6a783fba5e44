package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

// TestSlowReaderGetsTheNewestLaunches: they come for as long as the run lasts, so that they must not
// pile up in front of a reader that waits.
func TestSlowReaderGetsTheNewestLaunches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &gate{open: make(chan struct{})}
		s := newStream(g)
		const rounds = 1000
		for step := range uint64(rounds) {
			for mask := range profiler.ESMask(profiler.NumMasks) {
				s.emit(profiler.Record{
					Kind: profiler.KindLaunches, Time: time.Now(), Step: step,
					Launches: &profiler.LaunchesRecord{ES: mask, Launches: []profiler.Launch{}},
				})
			}
		}
		close(g.open)
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		newest := map[profiler.ESMask]uint64{}
		records := decode(t, &g.data)
		for _, r := range records {
			newest[r.Launches.ES] = r.Step
		}
		// One batch may have been taken before the reader got stuck.
		if len(records) > 2*profiler.NumMasks {
			t.Errorf("%d records have piled up", len(records))
		}
		for mask := range profiler.ESMask(profiler.NumMasks) {
			if newest[mask] != rounds-1 {
				t.Errorf("%s: the newest is of step %d", mask, newest[mask])
			}
		}
	})
}
