package ui

import (
	"slices"
	"strings"
	"unicode"

	"github.com/moetop/moetop/ui/internal/grid"
)

// drawFooter shows the keys, or for a while the newest notice.
func (m *model) drawFooter(area grid.Area) {
	if m.notice.text != "" {
		area.Print(1, 0, m.notice.text, m.notice.style)
	}
	if m.overlay.kind == overlayNone {
		area = area.Sub(m.keysOfFooter(grid.Rect{W: area.Width(), H: area.Height()}))
		drawKeys(area, placeKeys(m.keys(), area.Width(), area.Height()))
	}
}

// keysOfFooter is what a notice leaves of the footer.
func (m *model) keysOfFooter(footer grid.Rect) grid.Rect {
	if m.notice.text != "" {
		footer.Y, footer.H = footer.Y+1, footer.H-1
	}
	return footer
}

// placedKey is a binding where it is shown.
type placedKey struct {
	binding

	x, y int
}

const keySpace = 2

// placeKeys chooses as many bindings as there is room for, the important ones first to stay, and places
// them in the order of the list.
func placeKeys(list []binding, width, lines int) []placedKey {
	var placed []placedKey
	x, y := 1, 0
	for _, b := range fitting(list, width-1, lines) {
		w := keyWidth(b)
		if x+w > width && y+1 < lines {
			x, y = 1, y+1
		}
		placed = append(placed, placedKey{binding: b, x: x, y: y})
		x += w + keySpace
	}
	return placed
}

func drawKeys(area grid.Area, placed []placedKey) {
	for _, p := range placed {
		help, words := p.key.Help(), styleMuted
		if p.chosen {
			words = styleStrong
		}
		x := area.Print(p.x, p.y, help.Key, styleKey)
		area.Print(x, p.y, " "+help.Desc, words)
	}
}

// keyAt is the action of what was clicked among keys that are shown in a place; ok is false beside them.
func (m *model) keyAt(place grid.Rect, x, y int) (a action, ok bool) {
	list := m.keys()
	for _, p := range placeKeys(list, place.W, place.H) {
		at := x - place.X - p.x
		if y != place.Y+p.y || at < 0 || at >= keyWidth(p.binding) {
			continue
		}
		if a, ok := find(list, keyInLabel(p.key.Help().Key, at)); ok {
			return a, true
		}
		return p.action, true
	}
	return 0, false
}

// keyInLabel is the one key at a place of a label that names several, such as +/- or ←→; else empty.
func keyInLabel(label string, at int) string {
	runes := []rune(label)
	if at >= len(runes) || len(runes) == 1 {
		return ""
	}
	name := string(runes[at])
	if arrow, ok := map[string]string{"←": "left", "→": "right", "↑": "up", "↓": "down"}[name]; ok {
		return arrow
	}
	if name != "/" && strings.Contains(label, "/") || unicode.IsDigit(runes[at]) {
		return name
	}
	return ""
}

func keyWidth(b binding) int {
	help := b.key.Help()
	return grid.Width(help.Key) + 1 + grid.Width(help.Desc)
}

// fitting drops the bindings of the highest ranks until the rest fits into the lines.
func fitting(list []binding, width, lines int) []binding {
	shown := slices.DeleteFunc(slices.Clone(list), func(b binding) bool { return b.rank >= hidden })
	for len(shown) > 0 && !fits(shown, width, lines) {
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
