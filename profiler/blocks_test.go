package profiler

import (
	"math"
	"testing"
	"time"
)

func TestBlocks(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values, blocks, length int
	}{
		"none yet":        {blockBase - 1, 0, 1},
		"one":             {blockBase, 1, 1},
		"unfinished":      {5*blockBase + 3, 5, 1},
		"one from full":   {(maxBlocks - 1) * blockBase, maxBlocks - 1, 1},
		"merged":          {maxBlocks * blockBase, maxBlocks / 2, 2},
		"merged twice":    {2 * maxBlocks * blockBase, maxBlocks / 2, 4},
		"half of a block": {(2*maxBlocks + 2) * blockBase, maxBlocks / 2, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var series blockSeries
			for i := range test.values {
				series.add(float64(i))
			}
			if len(series.done) != test.blocks {
				t.Fatalf("%d blocks, want %d", len(series.done), test.blocks)
			}
			// Of rising values a block's is the middle of its part, whatever was merged.
			width := float64(test.length * blockBase)
			for i, got := range series.done {
				if want := (float64(i)+0.5)*width - 0.5; math.Abs(got-want) > 1e-9 {
					t.Errorf("block %d is %v, want %v", i, got, want)
				}
			}
		})
	}
}

// TestBlocksShrugHiccups puts a hiccup of a hundredfold into one step.
func TestBlocksShrugHiccups(t *testing.T) {
	t.Parallel()
	var series blockSeries
	for i := range 2 * blockBase {
		us := 10.0
		if i == 3 {
			us = 1000
		}
		series.add(us)
	}
	if series.done[0] != 10 {
		t.Errorf("a hiccup moved the block to %v", series.done[0])
	}
}

func TestBlocksInReport(t *testing.T) {
	t.Parallel()
	var r recorder
	timing := StepTiming{Mask: ESDown, StepUS: 20}
	for i := range timing.StageUS {
		timing.StageUS[i] = float64(i + 1)
	}
	add := func() {
		for range 3 * blockBase {
			r.record(&timing, time.Time{}, false)
		}
	}
	add()
	sample := &Sample{Stages: r.stages(), Steps: r.stepStats()}
	report := BuildReport(nil, nil, Record{Sample: sample}, nil, false)
	r.addDetails(report, true)
	if got := report.Stages[Down].On.BlockUS; len(got) != 3 || got[0] != 5 {
		t.Errorf("down on: %v", got)
	}
	if got := report.Step.OffOn.BlockUS; len(got) != 3 || got[0] != 20 || report.Step.OnOn != nil {
		t.Errorf("the step: %v", got)
	}
	if sample.Stages[Down].On.BlockUS != nil || sample.Steps.OffOn.BlockUS != nil {
		t.Error("the sample, which has gone out, was changed")
	}
	// Another generation forgets the blocks of the one before.
	r.startGeneration()
	timing.StepUS = 40
	add()
	report = BuildReport(nil, nil, Record{Sample: &Sample{Stages: r.stages(), Steps: r.stepStats()}}, nil, false)
	r.addDetails(report, true)
	if got := report.Step.OffOn.BlockUS; len(got) != 3 || got[0] != 40 {
		t.Errorf("the next generation: %v", got)
	}
}

// BenchmarkBlocks is what one value costs a distribution, whether or not a report asks for blocks.
func BenchmarkBlocks(b *testing.B) {
	var series blockSeries
	b.ReportAllocs()
	us := 100.0
	for b.Loop() {
		us += 0.125
		series.add(us)
	}
}
