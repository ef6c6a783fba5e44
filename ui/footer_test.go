package ui

import (
	"slices"
	"testing"

	tea "charm.land/bubbletea/v2"
)

// TestFooterIsClicked clicks on tabs, keys and the halves of keys where they stand, also below a notice and
// on the border of an overlay.
func TestFooterIsClicked(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, manualView(), nil)
	click := func(text string, within int) {
		t.Helper()
		x, y := placeOf(t, m, text)
		m.Update(tea.MouseClickMsg{X: x + within, Y: y, Button: tea.MouseLeft})
	}
	for text, want := range map[string]page{"2 experts": pageExperts, "3 sweep": pageSweep, "4 kernels": pageKernels} {
		click(text, 4)
		if m.page != want {
			t.Errorf("a click on %q shows page %v", text, m.page)
		}
	}
	click("1 live", 0)
	click("e both", 2)
	click("+/- tokens", 2)
	m.say("a notice", styleText)
	click("+/- tokens", 0)
	want := []string{`{"es":{"up":true,"down":true}}`, `{"tokens":64}`, `{"tokens":128}`}
	if got := sent(t, m); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	click("? help", 0)
	click("esc back", 1)
	if m.overlay.kind != overlayNone || m.page != pageLive {
		t.Errorf("overlay %v, page %v", m.overlay.kind, m.page)
	}
	click("q quit", 20) // Beside all keys.
	m.Update(noticeEndMsg{m.notice.id})
	m.Update(tea.WindowSizeMsg{Width: standardWidth, Height: standardHeight})
	click("1-4 views", 2)
	if m.page != pageKernels {
		t.Errorf("the 4 of the views shows page %v", m.page)
	}
	click("1-4 views", 5)
	if m.page != pageLive {
		t.Errorf("the word shows page %v", m.page)
	}
	if got := sent(t, m); len(got) != 0 {
		t.Errorf("sent %q", got)
	}
}
