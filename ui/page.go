package ui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// page is what fills the screen between header and verdict.
type page int

const (
	pageLive page = iota
	pageExperts
	pageKernels
	pageSweep
)

// tabsWidth is from where on the footer names each view.
const tabsWidth = 120

// pageBindings are the views, as tabs where there is room for them, else in few words.
func pageBindings(s keyState) []binding {
	rank := 3
	if s.page != pageLive {
		rank = 1
	}
	list := []binding{
		bind(actLive, rank, "1", "live", "the stages live", "1"),
		bind(actExperts, rank, "2", "experts", "the experts and their tiles", "2"),
		bind(actSweepPage, rank, "3", "sweep", "a sweep over batch sizes", "3"),
		bind(actKernels, rank, "4", "kernels", "the kernels of a step", "4"),
	}
	for i, of := range []page{pageLive, pageExperts, pageSweep, pageKernels} {
		list[i].chosen = s.page == of
	}
	digits := "1-4"
	if !s.canSweep {
		digits, list = "1 2 4", slices.Delete(list, 2, 3)
	}
	if s.tabs {
		return list
	}
	for i := range list {
		list[i].rank = hidden
	}
	list[0].rank, list[0].chosen = rank, false
	list[0].key.SetHelp(digits, "views")
	return list
}

// moveBindings are the keys that move on a page with a cursor.
func moveBindings(s keyState) []binding {
	var list []binding
	switch s.page {
	case pageLive:
		return nil
	case pageExperts:
		other, words := "by rows", "order the experts by their rows, the busiest first"
		if s.byRows {
			other, words = "by id", "order the experts by their ids"
		}
		list = append(list,
			bind(actPrevious, 3, "←↓↑→", "move", "go to another expert (hjkl, page up and page down too)", "up", "k"),
			bind(actOrder, 2, "o", other, words, "o"),
			bind(actFilter, 2, "/", "filter", "show some experts only: classes (S M), ids (17), ranges (0-31) or idle", "/"))
		if s.stage != "" {
			list = append(list, bind(actStage, 1, "tab", "tiles of "+s.stage, "the tiles of "+s.stage+", which are others", "tab"))
		}
		if s.filtered {
			list = append(list, bind(actClose, 1, "esc", "all", "show all experts again", "esc"))
		}
	case pageKernels:
		list = append(list,
			bind(actPrevious, 3, "↑↓", "move", "go to another launch (j and k too)", "up", "k"),
			bind(actLeft, 2, "←→", "tuple", "the launches with another enable_es (h and l too)", "left", "h"),
			bind(actChoose, 2, "enter", "details", "all of a launch: its full name, its memory, its tiles", "enter"))
		if s.chosenMask {
			list = append(list, bind(actClose, 1, "esc", "follow", "the launches of what runs now again", "esc"))
		}
	case pageSweep:
		list = sweepBindings(s)
	}
	return append(list,
		bind(actLeft, hidden, "", "", "", "left", "h"),
		bind(actRight, hidden, "", "", "", "right", "l"),
		bind(actNext, hidden, "", "", "", "down", "j"),
		bind(actPageUp, hidden, "", "", "", "pgup"),
		bind(actPageDown, hidden, "", "", "", "pgdown"),
	)
}

// filterBindings are the keys while a filter is typed.
func filterBindings() []binding {
	return []binding{
		bind(actChoose, 1, "enter", "keep", "keep the filter", "enter"),
		bind(actClose, 1, "esc", "all", "show all experts again", "esc"),
		bind(actQuit, hidden, "ctrl-c", "quit", "leave", "ctrl+c"),
	}
}

// pageActions are what concerns the pages.
func pageActions() map[action]func(*model) tea.Cmd {
	quietly := func(do func(*model)) func(*model) tea.Cmd {
		return func(m *model) tea.Cmd {
			do(m)
			return nil
		}
	}
	return map[action]func(*model) tea.Cmd{
		actLive:      quietly(func(m *model) { m.page = pageLive }),
		actExperts:   quietly(func(m *model) { m.page = pageExperts }),
		actKernels:   quietly(func(m *model) { m.page = pageKernels }),
		actSweepPage: quietly(func(m *model) { m.page = pageSweep }),
		actSweep:     (*model).sweepKey,
		actOrder:     quietly(func(m *model) { m.experts.reorder(m.scene()) }),
		actStage:     quietly(func(m *model) { m.experts.down = m.experts.stage(m.scene()) == profiler.Up }),
		actFilter:    quietly(func(m *model) { m.experts.editing = true }),
		actLeft:      quietly(func(m *model) { m.movePage(-1, 0) }),
		actRight:     quietly(func(m *model) { m.movePage(1, 0) }),
		actPageUp:    quietly(func(m *model) { m.movePage(0, -pageLines) }),
		actPageDown:  quietly(func(m *model) { m.movePage(0, pageLines) }),
		actSave:      (*model).save,
		actRecord:    (*model).switchRecording,
		actCommand:   (*model).showCommand,
	}
}

// pageLines is how far page up and page down go.
const pageLines = 5

// movePage moves the cursor of the page.
func (m *model) movePage(columns, lines int) {
	s := m.scene()
	switch m.page {
	case pageLive:
	case pageExperts:
		list := m.experts.list(s)
		columns += lines * m.expertsGeometry(len(list)).columns
		m.experts.cursor = stepped(m.experts.cursor, columns, len(list))
	case pageKernels:
		m.kernels.move(s, columns, lines)
	case pageSweep:
		m.moveSweep(columns, lines)
	}
}

// stepped goes from a place in a list of n by some lines. The list may have been longer when the place was
// chosen, and the last one is shown as chosen then.
func stepped(place, by, n int) int {
	last := max(n-1, 0)
	return min(max(min(place, last)+by, 0), last)
}

// chooseOnPage is enter outside an overlay.
func (m *model) chooseOnPage() tea.Cmd {
	switch {
	case m.page == pageExperts:
		m.experts.editing = false
	case m.page == pageSweep && m.sweeps.onForm():
		return m.beginSweep()
	case m.page == pageSweep:
		return m.openCell()
	case m.page == pageKernels && len(m.kernels.launches(m.scene())) > 0:
		m.overlay = overlay{kind: overlayLaunch}
	}
	return nil
}

// closeOnPage is esc outside an overlay.
func (m *model) closeOnPage() {
	switch m.page {
	case pageLive:
	case pageExperts:
		m.experts.editing, m.experts.filter, m.experts.cursor = false, "", 0
	case pageKernels:
		m.kernels.mask = nil
	case pageSweep:
		m.sweeps.planning = false
	}
}

// save writes a report of what the screen shows, beside the screen: a disk can be slow.
func (m *model) save() tea.Cmd {
	if m.page == pageSweep {
		return m.saveSweep()
	}
	view := m.shown
	if view == nil || view.Sample == nil {
		return m.say("nothing was measured yet that could be saved", styleWarn)
	}
	write := m.opts.Save
	return guarded(func() tea.Msg {
		path, err := write(view)
		return savedMsg{path, err}
	})
}

func (m *model) saved(msg savedMsg) tea.Cmd {
	if msg.err != nil {
		m.debugf("save: %v", msg.err)
		return m.say(msg.err.Error(), styleBad)
	}
	return m.sayFile("saved " + msg.path)
}

func (m *model) showCommand() tea.Cmd {
	if m.shown == nil || m.shown.Header == nil || m.shown.Workload == nil {
		return m.say("the workload is not known yet", styleWarn)
	}
	m.overlay = overlay{kind: overlayCommand}
	return nil
}

// commandLines show the command that repeats what is on the screen, in a form that a shell takes when
// it is copied with its line ends.
func (m *model) commandLines(width int) []line {
	if m.shown == nil || m.shown.Header == nil || m.shown.Workload == nil {
		return nil
	}
	lines := []line{{label: "this measures the same without a screen:", labelStyle: styleMuted}, {}}
	current := ""
	for i, word := range m.opts.Command(m.shown) {
		switch {
		case i == 0:
			current = word
		case grid.Width(current)+1+grid.Width(word)+2 <= width:
			current += " " + word
		default:
			lines = append(lines, line{label: current + ` \`, labelStyle: styleStrong})
			current = "  " + word
		}
	}
	lines = append(lines, line{label: current, labelStyle: styleStrong}, line{})
	for _, text := range wrap("--json prints one report; --ndjson in its place streams; --output FILE writes to a file.", width) {
		lines = append(lines, line{label: text, labelStyle: styleMuted})
	}
	return lines
}

// drawPage draws what fills the screen in place of the live panels.
func (m *model) drawPage(area grid.Area, s scene, compact bool) {
	switch m.page {
	case pageLive:
	case pageExperts:
		expertsPanel{scene: s, state: m.experts}.draw(area, compact)
	case pageKernels:
		kernelsPanel{scene: s, state: m.kernels}.draw(area, compact)
	case pageSweep:
		sweepPanel{scene: s, state: m.sweeps}.draw(area, compact)
	}
}

// framed draws a panel's border with title and caption, and returns what is inside. A compact panel
// has its title in a line instead.
func framed(area grid.Area, g glyphs, compact bool, title, caption string) grid.Area {
	if compact {
		area.Print(0, 0, title, styleTitle)
		return area.Sub(grid.Rect{Y: 1, W: area.Width(), H: area.Height() - 1})
	}
	area.Box(g.border, styleBorder)
	area.Sub(grid.Rect{W: area.Width() - 1, H: 1}).Print(2, 0, " "+title+" ", styleTitle)
	area.Sub(grid.Rect{Y: area.Height() - 1, W: area.Width() - 1, H: 1}).Print(2, 0, " "+caption+" ", styleMuted)
	return area.Inner()
}

// pythonTuple names a mask as sglang takes it.
func pythonTuple(mask profiler.ESMask) string { return fmt.Sprintf("enable_es=%s", mask.Tuple()) }
