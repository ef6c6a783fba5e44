package profiler

import (
	"math"
	"testing"
	"time"
)

// meterReading is one look at a GPU; negative stands for unknown.
type meterReading struct {
	ms            int
	joules, watts float64
	finished      uint64
}

func TestEnergyPerToken(t *testing.T) {
	t.Parallel()
	const tokens = 10
	// One mask alone for two seconds, A/B mode for two, then another mask.
	began := time.Now()
	at := func(ms int) time.Time { return began.Add(time.Duration(ms) * time.Millisecond) }
	var spans attribution
	spans.begin(ESOff, at(0))
	spans.end(at(2000))
	spans.begin(interleavedSpan, at(2100))
	spans.end(at(4100))
	spans.begin(ESDown, at(4200))
	cases := []struct {
		name      string
		readings  []meterReading
		all, off  float64 // joules per token; negative: unknown
		source    string
		downKnown bool
	}{
		{"nothing", nil, -1, -1, "", false},
		{"too short", []meterReading{{0, 100, 500, 0}, {900, 550, 500, 90}}, -1, -1, "", false},
		{
			"the counter wins over power",
			[]meterReading{{0, 100, 999, 0}, {1000, 600, 999, 100}, {1900, 1100, 999, 200}},
			0.5, 0.5, energyFromCounter, false,
		},
		{
			"power where there is no counter",
			[]meterReading{{0, -1, 400, 0}, {1000, -1, 600, 100}},
			0.5, 0.5, energyFromPower, false,
		},
		{
			"what spans a change counts for nothing",
			[]meterReading{{0, 0, -1, 0}, {1500, 750, -1, 150}, {2500, 9999, -1, 160}, {4000, 10749, -1, 310}, {4300, 20000, -1, 311}, {5400, 20550, -1, 421}},
			0.5, 0.5, energyFromCounter, true,
		},
		{
			"the counter was reset",
			[]meterReading{{0, 5000, -1, 0}, {500, 5, -1, 50}, {1500, 505, -1, 150}},
			0.5, 0.5, energyFromCounter, false,
		},
		{"no step finished", []meterReading{{0, 0, 100, 7}, {1500, 90, 100, 7}}, -1, -1, "", false},
	}
	known := func(v float64) *float64 {
		if v < 0 {
			return nil
		}
		return &v
	}
	same := func(got *float64, want float64) bool {
		if got == nil {
			return want < 0
		}
		return math.Abs(*got-want) < 1e-9
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var meter energyMeter
			for _, r := range tc.readings {
				meter.add(&Reading{Time: at(r.ms), EnergyJoules: known(r.joules), PowerWatts: known(r.watts)}, r.finished, &spans)
			}
			stats := &NVMLStats{ByES: map[string]*MaskNVML{}}
			meter.addTo(stats, tokens)
			if !same(stats.EnergyJoulesPerToken, tc.all) || (stats.EnergySource == nil) != (tc.source == "") {
				t.Errorf("all: %v from %v", stats.EnergyJoulesPerToken, stats.EnergySource)
			}
			if stats.EnergySource != nil && *stats.EnergySource != tc.source {
				t.Errorf("from %q, want %q", *stats.EnergySource, tc.source)
			}
			off := stats.ByES["off"]
			if (off == nil) != (tc.off < 0) || off != nil && !same(off.EnergyJoulesPerToken, tc.off) {
				t.Errorf("off: %+v, want %v", off, tc.off)
			}
			if down := stats.ByES["down"]; (down != nil) != tc.downKnown {
				t.Errorf("down: %+v", down)
			}
		})
	}
	new(energyMeter).addTo(nil, tokens) // without instruments there is nothing to fill in
}
