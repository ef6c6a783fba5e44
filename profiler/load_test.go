package profiler

import (
	"math"
	"testing"
)

// counted is a routing of top 1: so many rows for each expert.
func counted(counts ...int) TopK {
	var r TopK
	for expert, n := range counts {
		for range n {
			r.IDs = append(r.IDs, int32(expert))
		}
	}
	return r
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestLoadOfKnownRoutings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ring []TopK
		want Load
	}{
		"even":       {[]TopK{counted(5, 5, 5, 5)}, Load{ActiveExperts: 4, MaxOverMean: 1}},
		"all in one": {[]TopK{counted(0, 8, 0, 0)}, Load{ActiveExperts: 1, MaxOverMean: 4, Variation: math.Sqrt(3), Gini: 0.75}},
		"mean of two": {
			[]TopK{counted(5, 5, 5, 5), counted(0, 20, 0, 0)},
			Load{ActiveExperts: 2.5, MaxOverMean: 2.5, Variation: math.Sqrt(3) / 2, Gini: 0.375},
		},
		"one and three": {[]TopK{counted(1, 3)}, Load{ActiveExperts: 2, MaxOverMean: 1.5, Variation: 0.5, Gini: 0.25}},
		"no routing":    {nil, Load{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			experts := 4
			if name == "one and three" {
				experts = 2
			}
			got, classes := loadOf(Workload{Experts: experts}, c.ring, nil)
			if !near(got.ActiveExperts, c.want.ActiveExperts) || !near(got.MaxOverMean, c.want.MaxOverMean) ||
				!near(got.Variation, c.want.Variation) || !near(got.Gini, c.want.Gini) {
				t.Errorf("%+v, want %+v", got, c.want)
			}
			if classes != nil {
				t.Errorf("classes %+v of an engine that tells none", classes)
			}
		})
	}
}

func TestTileClassesCountRowsAndPadding(t *testing.T) {
	t.Parallel()
	up := PolicyTiles{
		Off: []TileClass{{Letter: "G", TileRows: 128, RowStep: 128}},
		On:  []TileClass{{Letter: "S", MaxRows: new(32), TileRows: 32, RowStep: 32}, {Letter: "L", TileRows: 192, RowStep: 64}},
	}
	down := PolicyTiles{Off: []TileClass{{Letter: "G", TileRows: 32, RowStep: 32}}, On: up.On}
	policies := &TilePolicies{Up: up, Down: down}
	ring := []TopK{counted(1, 32, 33, 0), counted(0, 0, 129, 0)}
	_, classes := loadOf(Workload{Experts: 4}, ring, policies)
	want := TileClasses{
		Off: []TileLoad{{Experts: 2, Rows: 97.5, PaddedRows: 320}},
		On:  []TileLoad{{Experts: 1, Rows: 16.5, PaddedRows: 32}, {Experts: 1, Rows: 81, PaddedRows: 128}},
	}
	for _, c := range []struct{ got, want []TileLoad }{
		{classes.Off, want.Off},
		{classes.On, want.On},
		{classes.Of(Up, false), want.Off},
		{classes.Of(Up, true), want.On},
		{classes.Of(Down, true), want.On},
		{classes.Of(Down, false), []TileLoad{{Experts: 2, Rows: 97.5, PaddedRows: 144}}},
	} {
		if len(c.got) != len(c.want) {
			t.Fatalf("%d classes, want %d", len(c.got), len(c.want))
		}
		for i, g := range c.got {
			if w := c.want[i]; g.Experts != w.Experts || g.Rows != w.Rows || g.PaddedRows != w.PaddedRows {
				t.Errorf("class %s: %+v, want %+v", g.Letter, g, w)
			}
		}
	}
	if !classes.Differ() {
		t.Error("stages with other tiles are called alike")
	}
	classes.Stages = nil
	if got := classes.Of(Down, false); classes.Differ() || got[0].PaddedRows != want.Off[0].PaddedRows {
		t.Errorf("without lists for each stage down has %+v", got)
	}
	if got := Padding(classes.On); !near(got, 1-97.5/160) {
		t.Errorf("padding with ES %v", got)
	}
	if !math.IsNaN(Padding(nil)) {
		t.Error("padding of nothing is a number")
	}
	for rows, want := range map[float64]int{0: 0, 32: 0, 32.1: 1, 1e6: 1} {
		if got := TileClassAt(classes.On, rows); got != want {
			t.Errorf("%v rows are in class %d, want %d", rows, got, want)
		}
	}
}

// TestStageWork checks the sums against DeepSeek-V3 tp8 at 128 tokens, worked out by hand.
func TestStageWork(t *testing.T) {
	t.Parallel()
	w := CustomWorkload(256, 8, 7168, 256)
	work := stageWork(w, 250)
	want := map[string][2]float64{
		"route":   {4*1024 + 4*257 + 8*1024, -1},
		"quant":   {2*128*7168 + 4*1024 + 1024*7168 + 4*1024*56, -1},
		"up":      {250*(512*7168+4*4*56) + 1024*7168 + 4*1024*56 + 2*1024*512, 2 * 1024 * 512 * 7168},
		"act":     {2*1024*512 + 1024*256 + 4*1024*2, -1},
		"down":    {250*(7168*256+4*56*2) + 1024*256 + 4*1024*2 + 2*1024*7168, 2 * 1024 * 256 * 7168},
		"combine": {2*1024*7168 + 8*1024 + 2*128*7168, 2 * 1024 * 7168},
	}
	if len(work) != NumStages {
		t.Fatalf("%d stages", len(work))
	}
	for _, one := range work {
		flops := -1.0
		if one.Flops != nil {
			flops = *one.Flops
		}
		if w := want[one.Name]; one.Bytes != w[0] || flops != w[1] {
			t.Errorf("%s: %v bytes, %v flops; want %v", one.Name, one.Bytes, flops, w)
		}
	}
}
