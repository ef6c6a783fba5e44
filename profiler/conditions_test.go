package profiler

import (
	"slices"
	"testing"
	"time"
)

// labBlocks are blocks of 10 ms, ten steps each, from a time on.
func labBlocks(from time.Time, masks ...ESMask) []block {
	var blocks []block
	for i, m := range masks {
		blocks = append(blocks, block{
			cycle: uint64(i / blocksPerCycle), mask: m, run: m, first: uint64(10 * i), length: 10,
			began: from.Add(time.Duration(i) * 10 * time.Millisecond), stepTime: time.Millisecond,
		})
	}
	return blocks
}

func clockReading(at time.Time, mhz float64) *Reading {
	watts := 10 * mhz
	return &Reading{Time: at, SMClockMHz: &mhz, PowerWatts: &watts, ThrottleReasons: []string{}}
}

func TestReadingsGoToTheBlockThatRanThen(t *testing.T) {
	t.Parallel()
	began := time.Now()
	at := func(ms float64) time.Time { return began.Add(time.Duration(ms * float64(time.Millisecond))) }
	cases := []struct {
		name   string
		change func([]block)
		at     float64 // ms
		mask   ESMask
		counts bool
	}{
		{"in the middle of the second block", nil, 16, ESUp, true},
		{"at the end of the second block", nil, 19.9, ESUp, true},
		{"steps of the first block may still run", nil, 13, 0, false},
		{"before the first block", nil, -1, 0, false},
		{"in the last block, whose end is not known", nil, 36, 0, false},
		{"the block was given up", func(b []block) { b[2].first-- }, 16, 0, false},
		{"a pause followed", func(b []block) { b[2].fresh = true }, 16, 0, false},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var c conditions
			blocks := labBlocks(began, ESOff, ESUp, ESDown, ESBoth)
			if tc.change != nil {
				tc.change(blocks)
			}
			// The reading comes between the blocks: whichever is first waits for the other.
			c.expect(blocks[:2])
			c.add(clockReading(at(tc.at), 1500))
			c.expect(blocks[2:])
			for m := range ESMask(NumMasks) {
				want := 0
				if tc.counts && m == tc.mask {
					want = 1
				}
				if got := c.sides[m].count; got != want {
					t.Errorf("%v has %d readings, want %d", m, got, want)
				}
			}
		})
	}
}

// measured returns conditions in which each mask was read several times at its own clock.
func measured(clock func(ESMask) float64) *conditions {
	var c conditions
	began := time.Now()
	var masks []ESMask
	for range 5 {
		masks = append(masks, ESOff, ESUp, ESDown, ESBoth)
	}
	blocks := labBlocks(began, append(masks, ESOff)...)
	for _, b := range blocks[:len(blocks)-1] {
		c.expect([]block{b})
		c.add(clockReading(b.began.Add(6*time.Millisecond), clock(b.mask)))
	}
	c.expect(blocks[len(blocks)-1:])
	return &c
}

func TestClocksThatDifferAreTold(t *testing.T) {
	t.Parallel()
	up := sidesOf{"up", []ESMask{ESOff, ESDown}, []ESMask{ESUp, ESBoth}}
	down := sidesOf{"down", []ESMask{ESOff, ESUp}, []ESMask{ESDown, ESBoth}}
	slowDown := func(share float64) func(ESMask) float64 {
		return func(m ESMask) float64 {
			if m.Has(Down) {
				return 2000 * (1 - share)
			}
			return 2000
		}
	}
	cases := []struct {
		name  string
		of    *conditions
		sides sidesOf
		words string
		on    float64
	}{
		{"alike", measured(slowDown(0)), down, "", 2000},
		{"2% is still alike", measured(slowDown(0.02)), down, "", 1960},
		{"3% is not", measured(slowDown(0.03)), down, "SM clocks 3.0% apart (off 2000 MHz, on 1940 MHz)", 1940},
		{"the other stage has the same mixture on both sides", measured(slowDown(0.1)), up, "", 1900},
		{"nothing was read", &conditions{}, down, "", 0},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ratio := &Ratio{Value: 1.2, Low: 1.1, High: 1.3}
			with, words := tc.of.addTo(ratio, tc.sides)
			if words != tc.words || ratio.OnConditions != nil {
				t.Errorf("%q, want %q; the ratio itself was changed: %v", words, tc.words, ratio.OnConditions != nil)
			}
			if tc.on == 0 {
				if with.OnConditions != nil {
					t.Errorf("on %+v, want nil", with.OnConditions)
				}
				return
			}
			on := with.OnConditions
			if on == nil || on.Readings != 10 || *on.SMClockMHz != tc.on || *on.PowerWatts != 10*tc.on || on.ThrottleReasons == nil {
				t.Errorf("on %+v, want 10 readings of %v MHz", on, tc.on)
			}
		})
	}
	if with, words := (&conditions{}).addTo(nil, up); with != nil || words != "" {
		t.Errorf("of no ratio: %v, %q", with, words)
	}
}

func TestCyclesAreToldWithTheNearestReading(t *testing.T) {
	t.Parallel()
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	var values cycleValues
	for m := range values.up {
		values.up[m], values.down[m], values.step[m] = 100, 100, 300
	}
	values.up[ESUp], values.up[ESBoth] = 80, 80
	var c conditions
	keep := func(ms int) {
		values.cycle++
		values.began = at(ms - 10)
		c.keep(&values, at(ms+10))
	}
	keep(100)
	keep(160)
	keep(400)
	c.add(clockReading(at(50), 1000))
	c.add(clockReading(at(200), 2000))
	first := c.take(at(420), false)
	if len(first) != 2 || *first[0].SMClockMHz != 1000 || *first[0].ReadingDistanceMS != 50 ||
		*first[1].SMClockMHz != 2000 || *first[1].ReadingDistanceMS != 40 || first[0].UpRatio != 1.25 {
		t.Fatalf("cycles %+v, want two, of 50 and 40 ms from their readings", first)
	}
	if none := c.take(at(900), false); none == nil || len(none) != 0 {
		t.Errorf("%+v, want none: its nearest reading may be still to come", none)
	}
	late := c.take(at(2000), false)
	if len(late) != 1 || *late[0].SMClockMHz != 2000 {
		t.Errorf("%+v, want the cycle that waited for a reading in vain", late)
	}
	keep(5000)
	alone := c.take(at(5001), true)
	if len(alone) != 1 || alone[0].SMClockMHz != nil || alone[0].ReadingDistanceMS != nil || alone[0].ThrottleReasons != nil {
		t.Errorf("%+v, want no reading: the newest is too far away", alone)
	}
	for i := range 3 * maxCycles {
		keep(6000 + i)
	}
	if rest := c.take(at(9999), true); len(rest) != maxCycles || !slices.IsSortedFunc(rest, func(a, b Cycle) int { return a.Time.Compare(b.Time) }) {
		t.Errorf("%d cycles, want the newest %d in order", len(rest), maxCycles)
	}
}
