package chart

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/moetop/moetop/ui/internal/grid"
)

func now() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

func series(values ...float64) []Point {
	var list []Point
	for i, v := range values {
		list = append(list, Point{now().Add(time.Duration(i-len(values)+1) * time.Second), v})
	}
	return list
}

// outlier is 100 values around 110 with one far away.
func outlier() []Point {
	var list []Point
	for i := range 100 {
		list = append(list, Point{now().Add(-time.Duration(i) * 100 * time.Millisecond), 100 + float64(i%2)*20})
	}
	list[50].Value = 5000
	return list
}

func TestPlot(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		filled bool
		ascii  bool
		points []Point
		want   string
	}{
		{name: "a rising line", points: series(0, 1, 2, 3, 4, 5, 6, 7), want: "  ⡠⠊\n⡠⠊  "},
		{name: "an area", filled: true, points: series(0, 0, 3, 3, 7, 7, 7, 7), want: "  ⣿⣿\n⣀⣿⣿⣿"},
		{name: "a gap stays open", points: series(7, math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), 7), want: "⠁  ⠈\n    "},
		{name: "ascii", ascii: true, points: series(7, 7, 7, 7, 0, 0, 0, 0), want: "'|  \n  |_"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			g := grid.New(4, 2, c.ascii)
			Plot{
				Window: Window{End: now(), Span: 8 * time.Second}, Scale: Scale{Low: 0, High: 7}, Filled: c.filled,
			}.Render(g.All(), slices.Values(c.points), 0, c.ascii)
			if got := g.Render(nil); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestFitScale(t *testing.T) {
	t.Parallel()
	window := Window{End: now(), Span: time.Minute}
	cases := []struct {
		name   string
		points []Point
		want   Scale
		ok     bool
	}{
		{"nothing", nil, Scale{}, false},
		{"no values", series(math.NaN()), Scale{}, false},
		{"old values", []Point{{now().Add(-time.Hour), 5}}, Scale{}, false},
		{"round ends", series(422.5, 454.9), Scale{420, 460}, true},
		{"a steady series is not blown up", series(1000, 1001), Scale{950, 1050}, true},
		{"an outlier does not flatten the rest", outlier(), Scale{100, 140}, true},
		{"zero", series(0, 0), Scale{0, 1}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, ok := FitScale(slices.Values(c.points), window)
			if ok != c.ok || got != c.want {
				t.Errorf("%+v %v, want %+v %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestDivide(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		width  int
		values []float64
		want   []int
	}{
		{"shares", 10, []float64{5, 3, 2}, []int{5, 3, 2}},
		{"a crumb is still seen", 10, []float64{0.001, 100}, []int{1, 9}},
		{"nothing is not", 10, []float64{0, 4, -1}, []int{0, 10, 0}},
		{"no width", 0, []float64{1}, []int{0}},
		{"nothing at all", 5, []float64{0, 0}, []int{0, 0}},
		{"more parts than cells", 2, []float64{1, 1, 1}, []int{1, 1, 0}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var segments []Segment
			for _, v := range c.values {
				segments = append(segments, Segment{Value: v})
			}
			if got := Divide(c.width, segments); !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func TestGaugeAndBars(t *testing.T) {
	t.Parallel()
	g := grid.New(4, 3, false)
	Gauge{}.Draw(g.All(), 0, 0, 4, 0.5+1.0/32)
	Gauge{}.Draw(g.All(), 0, 1, 4, 1e-9)
	Bars(g.All().Sub(grid.Rect{X: 0, Y: 2, W: 4, H: 1}), []float64{0, 0.5, 1, 7}, 0, false)
	if got, want := g.Render(nil), "██▏·\n▏···\n ▄██"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzPlot(f *testing.F) {
	f.Add(3, 2, 1.0, 2.0, int64(5))
	f.Add(0, 0, math.NaN(), math.Inf(1), int64(-1))
	f.Fuzz(func(t *testing.T, w, h int, a, b float64, gap int64) {
		w, h = absolute(w%50), absolute(h%20)
		points := []Point{{now().Add(-time.Duration(gap)), a}, {now(), b}}
		window := Window{End: now(), Span: time.Minute}
		scale, ok := FitScale(slices.Values(points), window)
		if ok && (math.IsNaN(scale.Low) || math.IsNaN(scale.High)) {
			t.Errorf("scale %+v of %v, %v", scale, a, b)
		}
		Plot{Window: window, Scale: scale, Filled: gap%2 == 0}.Render(grid.New(w, h, false).All(), slices.Values(points), 0, false)
	})
}

// TestPointsKeepTheirPlacesBesideEachOther lets the window move on by less than a column: the points
// stay, or all of them move by one.
func TestPointsKeepTheirPlacesBesideEachOther(t *testing.T) {
	t.Parallel()
	const columns = 211
	end := time.Date(2026, 3, 4, 12, 0, 0, 123456789, time.UTC)
	places := func(end time.Time) (list []int) {
		for i := range 590 {
			x, ok := Window{End: end, Span: time.Minute}.Place(time.Date(2026, 3, 4, 11, 59, 59, 0, time.UTC).Add(-time.Duration(i)*97*time.Millisecond), columns)
			if ok {
				list = append(list, x)
			}
		}
		return list
	}
	before, moves := places(end), 0
	for i := range 100 {
		now := places(end.Add(time.Duration(i) * 10 * time.Millisecond))
		by := before[0] - now[0]
		moves += by
		for k := range min(len(before), len(now)) {
			if before[k]-now[k] != by {
				t.Fatalf("after %d0 ms point %d went by %d, the newest by %d", i, k, before[k]-now[k], by)
			}
		}
		before = now
	}
	if want := columns / 60; moves < want-1 || moves > want+1 {
		t.Errorf("%d columns in a second, want about %d", moves, want)
	}
}
