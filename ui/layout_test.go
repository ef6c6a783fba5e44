package ui

import (
	"testing"

	"github.com/moetop/moetop/ui/internal/grid"
)

func (r regions) named() map[string]grid.Rect {
	return map[string]grid.Rect{
		"header": r.Header, "banner": r.Banner, "stages": r.Stages, "gpu": r.GPU,
		"chart": r.Chart, "verdict": r.Verdict, "footer": r.Footer,
	}
}

// checkRegions fails unless all rectangles lie inside the screen, apart from each other, and what must
// be on every screen is there.
func checkRegions(t *testing.T, width, height int, mode screenMode) {
	t.Helper()
	r := layout(width, height, mode)
	width, height = screenSize(width, height)
	if r.TooSmall {
		if width >= minimumWidth && height >= minimumHeight {
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
	for _, name := range []string{"header", "stages", "verdict", "footer"} {
		if named[name].Empty() {
			t.Errorf("%dx%d %+v: no %s", width, height, mode, name)
		}
	}
	if mode.Banner > 0 && r.Banner.Empty() {
		t.Errorf("%dx%d %+v: no banner", width, height, mode)
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
			}
		}
	}
}

func TestLayoutUsesTheWholeScreen(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{60, 16}, {70, 30}, {80, 24}, {120, 40}, {200, 60}} {
		r := layout(size[0], size[1], screenMode{})
		cells := 0
		for _, a := range r.named() {
			cells += a.W * a.H
		}
		if cells != size[0]*size[1] {
			t.Errorf("%v: the regions cover %d of %d cells", size, cells, size[0]*size[1])
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add(80, 24, 0)
	f.Add(0, 0, 2)
	f.Add(60, 16, 1)
	f.Add(-1, 1<<30, 7)
	f.Fuzz(func(t *testing.T, width, height, banner int) {
		checkRegions(t, width%100000, height%100000, screenMode{Banner: max(banner, 0) % 10})
	})
}
