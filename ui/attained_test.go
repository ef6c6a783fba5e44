package ui

import (
	"math"
	"testing"

	"github.com/moetop/moetop/profiler"
)

func TestAttainedText(t *testing.T) {
	t.Parallel()
	for percent, want := range map[float64]string{
		0: "<1%", 0.4: "<1%", 0.6: "1%", 89.4: "89%", 99.5: "100%", 137.2: "137%", 999.4: "999%", 5000: ">999",
	} {
		if got := attainedText(percent); got != want {
			t.Errorf("%g is %q, want %q", percent, got, want)
		}
	}
}

// TestAttained goes by what runs and, in A/B mode, by what the verdict names: for a stage as the
// stream has it, for a layer row by its own tuple.
func TestAttained(t *testing.T) {
	t.Parallel()
	ab, manual, undecided := cudaView(), manualView(), cudaView()
	undecided.Sample.Verdict = profiler.Verdict{}
	unknown := cudaView()
	unknown.Workload.Work[0].AttainableUS = nil
	const layer = 1.5 + 1.5 + 204.2 + 1.5 + 109.2 + 2.4
	for name, c := range map[string]struct {
		view *profiler.View
		tall bool
		want []float64 // of the layer rows
	}{
		"A/B, all tuples":      {ab, true, []float64{layer / 454.9, layer / 459.6, layer / 422.5, layer / 424.1}},
		"A/B, one row":         {ab, false, []float64{layer / 422.5}},
		"manual, one row":      {manual, false, []float64{layer / 422.5}},
		"no verdict, one row":  {undecided, false, []float64{layer / 422.5}},
		"one limit not known":  {unknown, false, []float64{math.NaN()}},
		"manual, all that ran": {manual, true, []float64{layer / 454.9, math.NaN(), layer / 422.5, math.NaN()}},
	} {
		table := stageTable{scene: testModel(t, 120, 40, c.view, nil).scene(), tall: c.tall}
		var got []float64
		for _, row := range table.rows() {
			switch {
			case row.kind == rowGap && row.attained != nil:
				t.Errorf("%s: %s has %g %%", name, row.name, *row.attained)
			case row.kind == rowLayer && row.attained == nil:
				got = append(got, math.NaN())
			case row.kind == rowLayer:
				got = append(got, *row.attained/100)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
			continue
		}
		for i := range got {
			if math.IsNaN(got[i]) != math.IsNaN(c.want[i]) || math.Abs(got[i]-c.want[i]) > 1e-9 {
				t.Errorf("%s: layer row %d has %g, want %g", name, i, got[i], c.want[i])
			}
		}
	}
}

// TestAttainedColumn is there from 120 columns on, and only where the ceilings are known; a share
// above 100 is shown as it is.
func TestAttainedColumn(t *testing.T) {
	t.Parallel()
	view := cudaView()
	view.Sample.Stages[profiler.Act].AttainablePercent = new(137.0)
	for _, size := range [][2]int{{120, 40}, {132, 43}, {160, 48}, {200, 60}} {
		checkShown(t, testModel(t, size[0], size[1], view, nil), attainedHead, "90%", "137%")
	}
	without := cudaView()
	without.Workload.Ceilings = nil
	for _, m := range []*model{
		testModel(t, 80, 24, view, nil), testModel(t, 120, 40, without, nil), testModel(t, 120, 40, cpuView(), nil),
	} {
		checkNotShown(t, m, attainedHead)
	}
}
