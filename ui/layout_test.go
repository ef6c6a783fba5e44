package ui

import (
	"testing"

	"github.com/moetop/moetop/ui/internal/grid"
)

func (r regions) named() map[string]grid.Rect {
	return map[string]grid.Rect{
		"header": r.Header, "banner": r.Banner, "stages": r.Stages, "gpu": r.GPU,
		"chart": r.Chart, "body": r.Body, "verdict": r.Verdict, "footer": r.Footer,
	}
}

// checkRegions fails unless all rectangles lie inside the screen, apart from each other, and what must
// be on every screen is there.
func checkRegions(t *testing.T, width, height int, mode screenMode) {
	t.Helper()
	r := layout(width, height, mode)
	width, height = screenSize(width, height)
	if r.TooSmall {
		if width >= MinWidth && height >= MinHeight {
			t.Fatalf("%dx%d: too small, but it is not", width, height)
		}
		return
	}
	named := r.named()
	for name, a := range named {
		if a.X < 0 || a.Y < 0 || a.W < 0 || a.H < 0 || a.X+a.W > width || a.Y+a.H > height {
			t.Errorf("%dx%d %+v: %s %+v lies outside", width, height, mode, name, a)
		}
		for other, b := range named {
			if name < other && overlap(a, b) {
				t.Errorf("%dx%d %+v: %s %+v overlaps %s %+v", width, height, mode, name, a, other, b)
			}
		}
	}
	body := map[bool]string{false: "stages", true: "body"}[mode.Whole]
	if mode.Whole && (!r.Stages.Empty() || !r.GPU.Empty() || !r.Chart.Empty()) {
		t.Errorf("%dx%d %+v: a panel besides the one", width, height, mode)
	}
	for _, name := range []string{"header", body, "verdict", "footer"} {
		if named[name].Empty() {
			t.Errorf("%dx%d %+v: no %s", width, height, mode, name)
		}
	}
	if mode.Banner > 0 && r.Banner.Empty() {
		t.Errorf("%dx%d %+v: no banner", width, height, mode)
	}
}

// TestNoRowMovesForABanner keeps what is clicked where it is when a banner comes, at every size.
func TestNoRowMovesForABanner(t *testing.T) {
	t.Parallel()
	for width := MinWidth; width <= 220; width += 5 {
		for height := MinHeight; height <= 70; height++ {
			for banner := 1; banner <= 2; banner++ {
				without, with := layout(width, height, screenMode{}), layout(width, height, screenMode{Banner: banner})
				if with.Stages != without.Stages || with.Tall != without.Tall {
					t.Errorf("%dx%d: the table moves from %+v to %+v", width, height, without.Stages, with.Stages)
				}
				page, under := layout(width, height, screenMode{Whole: true}), layout(width, height, screenMode{Whole: true, Banner: banner})
				if page.Body.Y != under.Body.Y {
					t.Errorf("%dx%d: the page moves from line %d to %d", width, height, page.Body.Y, under.Body.Y)
				}
			}
		}
	}
}

func overlap(a, b grid.Rect) bool {
	return !a.Empty() && !b.Empty() && a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

func TestLayoutAtEverySize(t *testing.T) {
	t.Parallel()
	for width := 0; width <= 220; width += 3 {
		for height := 0; height <= 70; height++ {
			for banner := range 3 {
				checkRegions(t, width, height, screenMode{Banner: banner})
				checkRegions(t, width, height, screenMode{Banner: banner, Whole: true})
			}
		}
	}
}

func TestLayoutUsesTheWholeScreen(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{60, 16}, {70, 30}, {80, 24}, {120, 40}, {200, 60}} {
		for _, whole := range []bool{false, true} {
			cells := 0
			for _, a := range layout(size[0], size[1], screenMode{Whole: whole}).named() {
				cells += a.W * a.H
			}
			if cells != size[0]*size[1] {
				t.Errorf("%v, whole %v: the regions cover %d of %d cells", size, whole, cells, size[0]*size[1])
			}
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add(80, 24, 0, false)
	f.Add(0, 0, 2, true)
	f.Add(60, 16, 1, true)
	f.Add(-1, 1<<30, 7, false)
	f.Fuzz(func(t *testing.T, width, height, banner int, whole bool) {
		checkRegions(t, width%100000, height%100000, screenMode{Banner: max(banner, 0) % 10, Whole: whole})
	})
}
