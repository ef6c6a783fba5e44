package ui

import (
	"testing"

	tea "charm.land/bubbletea/v2"
)

// TestOverlayOnALargerScreen shows text after a resize, although fewer lines are left to scroll to.
func TestOverlayOnALargerScreen(t *testing.T) {
	t.Parallel()
	m := testModel(t, MinWidth, MinHeight, cudaView(), nil)
	press(m, "?")
	for range 200 {
		press(m, "down")
	}
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	checkShown(t, m, "n/a, ·")
	before := plain(t, m)
	press(m, "up")
	if plain(t, m) == before {
		t.Error("the first key after the resize does nothing")
	}
}
