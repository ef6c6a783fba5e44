package profiler

import (
	"testing"
	"time"
)

func TestDutyMakesUpForWhatItMissed(t *testing.T) {
	t.Parallel()
	const burst = time.Millisecond
	cases := []struct {
		name  string
		share float64
		late  func(i int, wait time.Duration) time.Duration // how long a wait really takes
		want  time.Duration                                 // for a hundred bursts
	}{
		{"in time", 0.5, func(_ int, wait time.Duration) time.Duration { return wait }, 200 * time.Millisecond},
		{"timers are late", 0.5, func(_ int, wait time.Duration) time.Duration { return wait + 900*time.Microsecond }, 200 * time.Millisecond},
		{"waits are cut short", 0.25, func(i int, wait time.Duration) time.Duration {
			if i%3 == 0 {
				return 0
			}
			return wait
		}, 400 * time.Millisecond},
		{"a hiccup is not made up for", 0.5, func(i int, wait time.Duration) time.Duration {
			if i == 50 {
				return time.Second
			}
			return wait
		}, 1200 * time.Millisecond},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := duty{share: tc.share}
			began := time.Now()
			now := began
			for i := range 100 {
				now = now.Add(burst)
				if wait := d.owed(burst, now); wait > 0 {
					now = now.Add(tc.late(i, wait))
				}
			}
			if took := now.Sub(began); took < tc.want-4*time.Millisecond || took > tc.want+4*time.Millisecond {
				t.Errorf("took %v, want %v", took, tc.want)
			}
		})
	}
	for _, share := range []float64{0, 1} {
		if d := (duty{share: share}); d.on() {
			t.Errorf("a share of %v leaves gaps", share)
		}
	}
}

func TestBurstsLeaveGapsThatCanBeKept(t *testing.T) {
	t.Parallel()
	for share, want := range map[float64]time.Duration{
		0: time.Second, 1: time.Second, // no gaps
		0.1: minBurst, 0.5: minBurst, 0.75: 3 * minGap, 0.9: 9 * minGap, 0.999: batchTime,
	} {
		d := duty{share: share}
		if got := d.burst(time.Second); got < want-time.Microsecond || got > want+time.Microsecond {
			t.Errorf("share %v: bursts of %v, want %v", share, got, want)
		}
	}
}

func TestRestsAreNoLaunchGaps(t *testing.T) {
	t.Parallel()
	d := driver{rested: []uint64{3, 6, 9}}
	timings := []StepTiming{{Step: 2, LaunchGapUS: 1}, {Step: 3, LaunchGapUS: 900}, {Step: 5, LaunchGapUS: 1}, {Step: 7, LaunchGapUS: 1}}
	d.hideRests(timings)
	for i, want := range []float64{1, -1, 1, 1} {
		if timings[i].LaunchGapUS != want {
			t.Errorf("step %d: %v, want %v", timings[i].Step, timings[i].LaunchGapUS, want)
		}
	}
	if len(d.rested) != 1 || d.rested[0] != 9 {
		t.Errorf("still waiting for %v, want 9 alone", d.rested)
	}
}
