package ui

import (
	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

// scroll moves the open overlay.
func (m *model) scroll(by int) {
	box := m.overlay.box(m.width, m.height)
	if m.overlay.picks() {
		m.overlay.move(by, max(len(m.choices())-1, 0))
		return
	}
	m.overlay.move(by, m.overlay.lastPlace(len(m.overlayLines(box.W-4)), box.H-2))
}

// wheelLines is how far one notch of the wheel scrolls.
const wheelLines = 3

func (m *model) wheeled(msg tea.MouseWheelMsg) {
	by := wheelLines
	if m.overlay.picks() {
		by = 1
	}
	switch {
	case m.overlay.kind == overlayNone && msg.Button == tea.MouseWheelUp:
		m.movePage(0, -1)
	case m.overlay.kind == overlayNone && msg.Button == tea.MouseWheelDown:
		m.movePage(0, 1)
	case m.overlay.kind == overlayNone:
	case msg.Button == tea.MouseWheelUp:
		m.scroll(-by)
	case msg.Button == tea.MouseWheelDown:
		m.scroll(by)
	}
}

// clicked does what the key does that was clicked, flips the stage whose row was, moves a page's cursor, or
// picks a model; a click outside closes an overlay.
func (m *model) clicked(msg tea.MouseClickMsg) tea.Cmd {
	if msg.Button != tea.MouseLeft {
		return nil
	}
	if m.overlay.kind != overlayNone {
		return m.clickedOverlay(msg.X, msg.Y)
	}
	if m.clickedBar(msg.X, msg.Y) {
		return nil
	}
	r := m.layout()
	if a, ok := m.keyAt(m.keysOfFooter(r.Footer), msg.X, msg.Y); ok {
		return m.act(a)
	}
	if m.page != pageLive {
		return m.clickedPage(msg.X, msg.Y)
	}
	if msg.X < r.Stages.X || msg.X >= r.Stages.X+r.Stages.W {
		return nil
	}
	first := r.Stages.Y + 1
	if !r.Compact {
		first++
	}
	stage := profiler.Stage(msg.Y - first)
	// A click does what the row's key does now, which is nothing while no worker runs.
	if a, ok := find(m.keys(), stageKeys()[stage]); ok {
		return m.act(a)
	}
	return nil
}

func (m *model) clickedOverlay(x, y int) tea.Cmd {
	box := m.overlay.box(m.width, m.height)
	if x < box.X || x >= box.X+box.W || y < box.Y || y >= box.Y+box.H {
		m.overlay = overlay{}
		return nil
	}
	if a, ok := m.keyAt(footOf(box), x, y); ok {
		return m.act(a)
	}
	if !m.overlay.picks() {
		return nil
	}
	place, ok := m.choiceAt(box, y)
	switch {
	case !ok:
		return nil
	case place == m.overlay.place:
		return m.pick()
	default:
		m.overlay.place = place
		return nil
	}
}
