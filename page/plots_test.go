package page

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// TestBars compares what is drawn with what was measured, and with the table.
func TestBars(t *testing.T) {
	t.Parallel()
	f := reportFile(t)
	p := &f.Runs[0].Points[0]
	p.Stages[profiler.Up].On.BlockUS = []float64{24, 25, 24, 25, 24, 25, 24, 25, 24, 25}
	plot := stagePlot(p)
	bars, ok := plot.Data.([]bar)
	if !ok || len(bars) != 8 || bars[2].Name != "up off" || bars[3].Name != "up on" || bars[0].Class != classOnly {
		t.Fatalf("%+v", plot.Data)
	}
	for i, b := range bars {
		if got := plot.Tables[0].Rows[i][3].Text; got != strconv.FormatFloat(b.MedianUS, 'f', -1, 64) {
			t.Errorf("%s is %v, and %s in the table", b.Name, b.MedianUS, got)
		}
	}
	if on := f.Runs[0].Report.Stages[profiler.Down].On; bars[6].MedianUS != on.MedianUS || bars[6].P99US != tidy(on.P99US) {
		t.Errorf("down on is %+v, want %+v", bars[6], on)
	}
	if i := bars[3].Interval; i == nil || i[0] >= 24.5 || i[1] <= 24.5 || bars[2].Interval != nil {
		t.Errorf("intervals %v and %v", bars[3].Interval, bars[2].Interval)
	}
}

func TestDistribution(t *testing.T) {
	t.Parallel()
	r := report()
	r.Step.OnOn.Percentiles = []profiler.Percentile{{Percent: 25, TimeUS: 380}, {Percent: 50, TimeUS: 390.25}, {Percent: 99.9, TimeUS: 500}}
	plot := distributionPlot(r)
	panels, ok := plot.Data.([]panel)
	if !ok || len(panels) != 3 || panels[0].Name != "layer" || len(panels[0].Curves) != 2 || len(panels[2].Curves) != 2 {
		t.Fatalf("%+v", plot.Data)
	}
	off, both := panels[0].Curves[0], panels[0].Curves[1]
	if len(off.Points) != 4 || off.Points[1] != [2]float64{50, 420.5} || off.Points[0][1] != tidy(420.5*0.9) || off.Count != 1234 {
		t.Errorf("without percentiles: %+v", off)
	}
	if len(both.Points) != 4 || both.Points[3] != [2]float64{99.9, 500} || both.MaxUS != tidy(390.25*9) || both.Class != classBoth {
		t.Errorf("with percentiles: %+v", both)
	}
	if got := plot.Tables[1].Head; strings.Join(got, " ") != "figure p25 p50 p99.9" {
		t.Errorf("table of percentiles: %v", got)
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	f := reportFile(t)
	p := &f.Runs[0].Points[0]
	plot := rooflinePlot(p, f.Runs[0].Report.Work, nil)
	data, ok := plot.Data.(roofline)
	if !ok || len(data.Points) != 5 || data.Ceilings != nil || !strings.Contains(plot.Description, "were not measured") {
		t.Fatalf("%+v", plot)
	}
	up := data.Points[1]
	us := p.Stages[profiler.Up].Off.MedianUS
	if up.Name != "up off" || math.Abs(up.BytesPerS/(9e8/us*1e6)-1) > 1e-9 || math.Abs(up.FlopsPerS/(7.5e9/us*1e6)-1) > 1e-9 || up.Intensity != 7.5/0.9 {
		t.Errorf("%+v", up)
	}
	if route := data.Points[0]; route.FlopsPerS != 0 || route.Class != classOnly {
		t.Errorf("%+v", route)
	}
	if row := plot.Tables[0].Rows[1]; row[2].Text != "900" || row[3].Text != "7500" || row[4].Text != "8.33" {
		t.Errorf("%+v", row)
	}
	r := f.Runs[0].Report
	r.Ceilings = &profiler.Ceilings{ReadBytesPerS: 4e12, L2ReadBytesPerS: 9e12, FP8FlopsPerS: 1e15, SMClockMHz: 1980, KernelUS: 2}
	bound := profiler.BoundDRAM
	r.Work[1].AttainableUS, r.Work[1].Bound = new(us/4), &bound
	measured := rooflinePlot(p, r.Work, limits(r))
	data, ok = measured.Data.(roofline)
	if !ok || data.Ceilings == nil || *data.Ceilings != (ceilings{4e12, 9e12, 1e15}) || strings.Contains(measured.Description, "were not measured") {
		t.Fatalf("%+v", measured)
	}
	if up := data.Points[1]; up.Attainable != 0.25 || up.Bound != "DRAM" || data.Points[0].Attainable != 0 {
		t.Errorf("%+v", data.Points)
	}
	if row := measured.Tables[0].Rows[1]; len(row) != 10 || row[8].Text != "25 %" || row[9].Text != "DRAM" {
		t.Errorf("%+v", row)
	}
	r.Ceilings.ReadBytesPerS = 0
	if limits(r) != nil {
		t.Error("a ceiling of nothing is taken")
	}
	if rooflinePlot(p, nil, nil) != nil {
		t.Error("a plot of nothing")
	}
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	data, ok := timelinePlot(streamFile(t).Runs[0].Track).Data.(timelineData)
	if !ok || data.LengthS != 10 || len(data.Tracks) != 2 || len(data.Tracks[0].Bins) != 100 {
		t.Fatalf("%+v", data)
	}
	if b := data.Tracks[0].Bins[49]; math.Abs(b[0]-5) > 0.02 || b[1] != 449 || b[2] != 449 || b[3] != 449 {
		t.Errorf("the bin at 5 s: %v", b)
	}
	if len(data.Throttled) != 1 || data.Throttled[0].FromS != 3.1 || data.Throttled[0].ToS != 6.1 {
		t.Errorf("throttled: %+v", data.Throttled)
	}
	if len(data.Marks) != 1 || data.Marks[0].AtS != 5.1 {
		t.Errorf("marks: %+v", data.Marks)
	}
}

// TestMaskSpans joins what ran alike, and calls A/B mode by its name.
func TestMaskSpans(t *testing.T) {
	t.Parallel()
	track := &saved.Track{Start: noon}
	for i, es := range []profiler.ESMask{profiler.ESOff, profiler.ESOff, profiler.ESDown, profiler.ESDown, profiler.ESUp, profiler.ESBoth} {
		track.Moments = append(track.Moments, saved.Moment{Time: noon.Add(time.Duration(i+1) * time.Second), StepUS: new(1.0), ES: es, AB: i >= 4})
	}
	track.Moments = append(track.Moments, saved.Moment{Time: noon.Add(time.Minute)}) // no step ran
	got := masks(track)
	if len(got) != 3 || got[0].FromS != 0 || got[0].ToS != 3 || got[1].Class != classDown || got[1].ToS != 5 || got[2].Class != "ab" || got[2].ToS != 6 {
		t.Errorf("%+v", got)
	}
}

func TestHeat(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value, low, high float64
		want             string
	}{
		{1.3, 0.9, 1.7, "h0"}, {1.005, 1.001, 1.009, "g1"}, {1.05, 1.04, 1.06, "g2"}, {1.2, 1.1, 1.3, "g3"}, {2, 1.9, 2.1, "g4"}, {0.5, 0.4, 0.6, "b4"}, {0.98, 0.97, 0.99, "b1"},
	} {
		if got := heat(&profiler.Ratio{Value: test.value, Low: test.low, High: test.high}); got != test.want {
			t.Errorf("%v [%v, %v]: %s, want %s", test.value, test.low, test.high, got, test.want)
		}
	}
}

// TestRatioCell keeps the side of 1 that an interval is on, however close it comes.
func TestRatioCell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ratio *profiler.Ratio
		want  [3]int
	}{
		"none":         {nil, [3]int{}},
		"plain":        {&profiler.Ratio{Value: 1.2877, Low: 1.2869, High: 1.2887}, [3]int{12877, 8, 10}},
		"just above":   {&profiler.Ratio{Value: 1.5, Low: 1.000001, High: 2}, [3]int{15000, 4999, 5000}},
		"just below":   {&profiler.Ratio{Value: 0.5, Low: 0.4, High: 0.999999}, [3]int{5000, 1000, 4999}},
		"reaches to 1": {&profiler.Ratio{Value: 1.1, Low: 1, High: 1.2}, [3]int{11000, 1000, 1000}},
	} {
		if got := ratioCell(test.ratio); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// TestHeatMap has two groups that differ in their routing, and a point that did not fit.
func TestHeatMap(t *testing.T) {
	t.Parallel()
	points := sweepFile(t, 3).Runs[0].Points
	for _, p := range sweepFile(t, 2).Runs[0].Points {
		p.Workload.Routing = profiler.Routing{Kind: profiler.Hot}
		points = append(points, p)
	}
	data, ok := heatPlot(groups(points)).Data.(heatMap)
	if !ok || len(data.Groups) != 2 || len(data.Tokens) != 4 || data.Tokens[3] != 262144 {
		t.Fatalf("%+v", data)
	}
	first, second := data.Groups[0], data.Groups[1]
	if first.Name != "tiny uniform" || !strings.HasPrefix(second.Name, "tiny hot") || len(first.Cells) != 3 || len(second.Cells) != 2 {
		t.Errorf("%+v", data.Groups)
	}
	if len(first.Failed) != 1 || first.Failed[0].Place != 3 || first.Failed[0].Text != "does not fit" {
		t.Errorf("%+v", first.Failed)
	}
	// Place, up, down; neither mask alone was compared; both.
	want := []int{1, 9000, 100, 100, 12000, 1000, 1000, 0, 0, 0, 0, 0, 0, 10100, 200, 200}
	if got := first.Cells[1]; len(got) != len(want) {
		t.Errorf("%v, want %v", got, want)
	} else {
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%v, want %v", got, want)
				break
			}
		}
	}
}
