package ui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/ui/internal/grid"
)

// pageInner is where the page draws, without its border or title line.
func (m *model) pageInner() grid.Rect {
	r := m.layout()
	if r.Compact {
		return grid.Rect{X: r.Body.X, Y: r.Body.Y + 1, W: r.Body.W, H: r.Body.H - 1}
	}
	return r.Body.Inset()
}

// clickedPage moves the page's cursor to what was clicked; a second click opens it.
func (m *model) clickedPage(x, y int) tea.Cmd {
	inner := m.pageInner()
	if x < inner.X || x >= inner.X+inner.W || y < inner.Y || y >= inner.Y+inner.H {
		return nil
	}
	x, y = x-inner.X, y-inner.Y
	switch m.page {
	case pageLive:
	case pageExperts:
		list := m.experts.list(m.scene())
		if place, ok := m.expertAt(inner, len(list), x, y); ok {
			m.experts.cursor = place
		}
	case pageKernels:
		n := len(m.kernels.launches(m.scene()))
		cursor := stepped(m.kernels.cursor, 0, n)
		place := firstLaunch(cursor, inner.H-1, n) + y - 1
		switch {
		case y < 1 || place >= n:
		case place == cursor:
			return m.chooseOnPage()
		default:
			m.kernels.cursor = place
		}
	case pageSweep:
		return m.clickedSweep(inner, x, y)
	}
	return nil
}

// expertAt returns the place in the list of the expert whose bar or letter lies there.
func (m *model) expertAt(inner grid.Rect, n, x, y int) (place int, ok bool) {
	top := expertsPanel{scene: m.scene(), state: m.experts}.top(inner.H)
	height := inner.H - top - expertDetailLines
	g := geometry(inner.W, height, n)
	y -= top
	if g.overview(height) {
		y--
	}
	strip, column := y/g.lines, (x-stripLabel)/g.bar
	if n == 0 || y < 0 || strip >= g.visible || x < stripLabel || column >= g.columns {
		return 0, false
	}
	place = (g.first(min(m.experts.cursor, n-1))+strip)*g.columns + column
	return place, place < n
}

// clickedSweep chooses a line of the form or a cell of the map.
func (m *model) clickedSweep(inner grid.Rect, x, y int) tea.Cmd {
	s := &m.sweeps
	if s.onForm() {
		if field := y - sweepFormFields; field >= 0 && field < numFields {
			s.form.field = field
		}
		return nil
	}
	panel := sweepPanel{scene: m.scene(), state: *s}
	n := len(s.shown.Plan.Tokens)
	row := firstLaunch(s.row, panel.mapHeight(inner.H), n) + y - sweepMapHead
	column := (x - sweepTokens) / panel.cellWidth(inner.W)
	if y < sweepMapHead || row >= n || x < sweepTokens || column >= len(sweepColumns()) {
		return nil
	}
	if row == s.row && column == s.column && s.moved {
		return m.openCell()
	}
	s.row, s.column, s.moved = row, column, true
	return nil
}
