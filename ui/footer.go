package ui

import (
	"slices"

	"github.com/moetop/moetop/ui/internal/grid"
)

// drawFooter shows the keys, or for a while the newest notice.
func (m *model) drawFooter(area grid.Area) {
	list := m.keys()
	if m.overlay.kind != overlayNone {
		list = nil
	}
	if m.notice.text == "" {
		drawKeys(area, list)
		return
	}
	area.Print(1, 0, m.notice.text, m.notice.style)
	if area.Height() > 1 {
		drawKeys(area.Sub(grid.Rect{X: 0, Y: 1, W: area.Width(), H: area.Height() - 1}), list)
	}
}

// drawKeys shows as many bindings as there is room for, the important ones first to stay, in the
// order of the list.
func drawKeys(area grid.Area, list []binding) {
	shown := fitting(list, area.Width()-1, area.Height())
	x, y := 1, 0
	for _, b := range shown {
		w := keyWidth(b)
		if x+w > area.Width() && y+1 < area.Height() {
			x, y = 1, y+1
		}
		help := b.key.Help()
		x = area.Print(x, y, help.Key, styleKey)
		x = area.Print(x, y, " "+help.Desc, styleMuted) + keySpace
	}
}

const keySpace = 2

func keyWidth(b binding) int {
	help := b.key.Help()
	return grid.Width(help.Key) + 1 + grid.Width(help.Desc)
}

// fitting drops the bindings of the highest ranks until the rest fits into the lines.
func fitting(list []binding, width, lines int) []binding {
	shown := slices.DeleteFunc(slices.Clone(list), func(b binding) bool { return b.rank >= hidden })
	for !fits(shown, width, lines) {
		worst := 0
		for i, b := range shown {
			if b.rank >= shown[worst].rank {
				worst = i
			}
		}
		shown = slices.Delete(shown, worst, worst+1)
	}
	return shown
}

func fits(list []binding, width, lines int) bool {
	x, y := 0, 0
	for _, b := range list {
		w := keyWidth(b)
		if x > 0 && x+w > width {
			x, y = 0, y+1
		}
		x += w + keySpace
	}
	return y < lines
}
