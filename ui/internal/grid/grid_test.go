package grid

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

func TestPrintCutsAtTheEdge(t *testing.T) {
	t.Parallel()
	g := New(10, 2, false)
	area := g.Area(Rect{X: 2, Y: 0, W: 5, H: 1})
	if end := area.Print(1, 0, "abcdefgh", 0); end != 5 {
		t.Errorf("ends at %d", end)
	}
	area.Print(0, 1, "below", 0)
	area.Print(-3, 0, "left", 0)
	if got, want := g.Render(nil), "  tabc…   \n          "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestSubAreasStayInside(t *testing.T) {
	t.Parallel()
	g := New(6, 3, false)
	outer := g.Area(Rect{X: 1, Y: 1, W: 4, H: 1})
	outer.Sub(Rect{X: 2, Y: -4, W: 50, H: 50}).Fill('x', 0)
	outer.Sub(Rect{X: 9, Y: 9, W: -5, H: -5}).Fill('y', 0)
	if got, want := g.Render(nil), "      \n   xx \n      "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestRenderSwitchesStylesOncePerRun(t *testing.T) {
	t.Parallel()
	g := New(4, 1, false)
	g.All().Print(0, 0, "ab", 1)
	g.All().Print(2, 0, "c", 2)
	if got, want := g.Render([]string{"", "<1>", "<2>"}), "<1>ab\x1b[m<2>c\x1b[m "; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	g.All().Restyle(0)
	if got := g.Render([]string{"", "<1>", "<2>"}); got != "abc " {
		t.Errorf("restyled: %q", got)
	}
}

func TestBox(t *testing.T) {
	t.Parallel()
	g := New(4, 3, true)
	g.All().Box(Border{'+', '-', '+', '|', '+', '+'}, 0)
	if got, want := g.Render(nil), "+--+\n|  |\n+--+"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// FuzzWidth feeds any text: each line must come out exactly as wide as the grid, and without an escape.
func FuzzWidth(f *testing.F) {
	for _, text := range []string{"plain", "日本", "e\u0301", "👩‍👩‍👧", "\x1b[31mred", "🇩🇪", "\u200d\u202e", "ก็", "\xff\xfe", "a\nb\tc"} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, ascii bool) {
		g := New(12, 1, ascii)
		g.All().Print(0, 0, text, 0)
		got := g.Render(nil)
		if w := ansi.StringWidth(got); w != 12 {
			t.Errorf("%q is %d columns wide", got, w)
		}
		if strings.ContainsAny(got, "\x1b\n\r\x00") {
			t.Errorf("%q holds a control character", got)
		}
		for _, r := range got {
			if ascii && r > 0x7e {
				t.Errorf("%q is not ASCII", got)
			}
		}
	})
}
