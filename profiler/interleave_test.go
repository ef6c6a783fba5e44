package profiler

import (
	"testing"
	"time"
)

func TestCyclesAreBalanced(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		step time.Duration
		ring int
	}{
		{"one token", 50 * time.Microsecond, 8},
		{"a usual batch", 450 * time.Microsecond, 8},
		{"a slow engine", 40 * time.Millisecond, 8},
		{"an odd ring", 300 * time.Microsecond, 13},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			plan := newInterleaver(tc.ring, 3)
			orders := map[ESMask]bool{}
			next := uint64(0)
			for range 64 {
				places := map[ESMask]int{}
				var masks []ESMask
				for place := range blocksPerCycle {
					b := plan.next(next, tc.step)
					next = b.end()
					places[b.mask] += place
					masks = append(masks, b.mask)
					compared := b.length - b.settle
					if b.settle < 1 || compared%tc.ring != 0 || time.Duration(compared)*tc.step < minBlockTime {
						t.Fatalf("block %+v does not cover the ring of %d for %v", b, tc.ring, minBlockTime)
					}
				}
				for mask, sum := range places {
					// Drift is cancelled if every mask's two places have the same sum.
					if sum != blocksPerCycle-1 {
						t.Errorf("mask %v stands at places of sum %d in %v", mask, sum, masks)
					}
				}
				orders[masks[0]] = true
			}
			if len(orders) != NumMasks {
				t.Errorf("cycles began only with %v", orders)
			}
		})
	}
}

func TestBrokenBlocksGiveNoCycle(t *testing.T) {
	t.Parallel()
	const stepTime = 100 * time.Microsecond
	run := func(spoil func(b *block, offset int, timing *StepTiming) (keep bool)) int {
		plan := newInterleaver(8, 1)
		var builder cycleBuilder
		step, cycles := uint64(0), 0
		for range 4 * blocksPerCycle {
			b := plan.next(step, stepTime)
			builder.expect([]block{b})
			for offset := range b.length {
				timing := StepTiming{Step: step, Mask: b.mask, StepUS: 600}
				for i := range timing.StageUS {
					timing.StageUS[i] = 100
				}
				step++
				if !spoil(&b, offset, &timing) {
					continue
				}
				if _, ok := builder.add(timing.Step, &timing); ok {
					cycles++
				}
			}
		}
		return cycles
	}
	cases := []struct {
		name  string
		spoil func(b *block, offset int, timing *StepTiming) bool
		want  int
	}{
		{"whole", func(*block, int, *StepTiming) bool { return true }, 4},
		{"a block in the second cycle lost most timings", func(b *block, offset int, _ *StepTiming) bool {
			return b.cycle != 2 || b.place != 5 || offset < 2
		}, 3},
		{"a block ran with another mask", func(b *block, _ int, timing *StepTiming) bool {
			if b.cycle == 3 && b.place == 0 {
				timing.Mask ^= ESUp
			}
			return true
		}, 3},
		{"the settling steps may be lost", func(b *block, offset int, _ *StepTiming) bool { return offset >= b.settle }, 4},
		{"the last steps of a cycle are lost", func(b *block, offset int, _ *StepTiming) bool {
			return b.place != blocksPerCycle-1 || offset < b.length-1
		}, 4 - 1},
		{"a stage takes no time", func(_ *block, _ int, timing *StepTiming) bool {
			timing.StageUS[Up] = 0
			return true
		}, 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := run(tc.spoil); got != tc.want {
				t.Errorf("%d cycles, want %d", got, tc.want)
			}
		})
	}
}

func TestMidmean(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		values []float64
		want   float64
	}{
		{"none", nil, 0},
		{"one", []float64{3}, 3},
		{"a hiccup is not seen", []float64{1, 900, 2, 3, 2, 3, 1, 2}, 2.25},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := midmean(tc.values); got != tc.want {
				t.Errorf("midmean = %v, want %v", got, tc.want)
			}
		})
	}
}
