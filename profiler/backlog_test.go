package profiler_test

import (
	"testing"

	"github.com/moetop/moetop/profiler"
)

func TestBacklogLosesTheOldestSampleAlone(t *testing.T) {
	t.Parallel()
	b := profiler.NewBacklog(2)
	lost := 0
	for step, kind := range []profiler.RecordKind{
		profiler.KindHeader, profiler.KindSample, profiler.KindToggle, profiler.KindSample, profiler.KindSample, profiler.KindAck,
	} {
		if b.Add(profiler.Record{Kind: kind, Step: uint64(step)}) {
			lost++
		}
	}
	var steps []uint64
	for _, r := range b.Take() {
		steps = append(steps, r.Step)
	}
	want := []uint64{0, 2, 3, 4, 5}
	if lost != 1 || len(steps) != len(want) || b.Len() != 0 {
		t.Fatalf("lost %d, kept steps %v, %d left; want 1, %v, 0", lost, steps, b.Len(), want)
	}
	for i := range want {
		if steps[i] != want[i] {
			t.Fatalf("kept steps %v, want %v", steps, want)
		}
	}
	// What was taken no longer counts against the limit.
	for range 2 {
		if b.Add(profiler.Record{Kind: profiler.KindSample}) {
			t.Fatal("a sample was lost although there was room")
		}
	}
}

func TestBacklogKeepsTheNewestLaunchesOfAMask(t *testing.T) {
	t.Parallel()
	b := profiler.NewBacklog(1)
	for step, mask := range []profiler.ESMask{profiler.ESOff, profiler.ESUp, profiler.ESOff} {
		b.SupersedeLaunches(mask)
		b.Add(profiler.Record{
			Kind: profiler.KindLaunches, Step: uint64(step), Launches: &profiler.LaunchesRecord{ES: mask},
		})
	}
	records := b.Take()
	if len(records) != 2 || records[0].Step != 1 || records[1].Step != 2 {
		t.Fatalf("kept %+v, want steps 1 and 2", records)
	}
}
