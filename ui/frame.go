package ui

import (
	"fmt"
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// frame composes the screen and keeps the last one, so that a message that changes nothing costs
// nothing.
type frame struct {
	changed bool
	text    string
	cells   *grid.Grid
	// looks are the escape sequences of the theme that they were made for.
	looks      []string
	looksFor   themeName
	looksDepth colorDepth
}

func (f *frame) content(m *model) string {
	if !f.changed && f.text != "" {
		return f.text
	}
	f.changed = false
	if f.cells == nil {
		f.cells = grid.New(m.width, m.height, m.opts.ASCII)
	} else {
		f.cells.Reset(m.width, m.height, m.opts.ASCII)
	}
	if theme, depth := m.activeTheme(), m.depth(); f.looks == nil || theme != f.looksFor || depth != f.looksDepth {
		f.looks, f.looksFor, f.looksDepth = theme.sequences(depth), theme, depth
	}
	m.draw(f.cells)
	f.text = f.cells.Render(f.looks)
	return f.text
}

// layout divides the screen for what is to be shown now.
func (m *model) layout() regions {
	mode := screenMode{Whole: m.page != pageLive}
	switch {
	case m.playback() != nil:
		mode.Banner = 1
		if m.condition() == conditionDied {
			mode.Banner = 2
		}
	case m.bannerNow().word != "":
		mode.Banner = 1
	}
	return layout(m.width, m.height, mode)
}

func (m *model) bannerNow() banner {
	switch {
	case m.sweeps.update.active() && m.page == pageSweep:
		return banner{} // The page says it all.
	case m.sweeps.update.active():
		return m.sweeps.update.banner()
	}
	return m.condition().banner(m.view, m.restarts)
}

// scene is what the panels draw from: one view, and what the screen knows besides.
type scene struct {
	view      *profiler.View
	sample    *profiler.Sample         // nil before the first
	workload  *profiler.WorkloadRecord // nil before the first
	condition condition
	want      intent
	glyphs    glyphs
	opts      Options
}

func (m *model) scene() scene {
	s := scene{
		view: m.shown, condition: m.condition(), want: m.want, glyphs: m.glyphs, opts: m.opts,
	}
	if s.view == nil {
		s.view = &profiler.View{}
	}
	s.sample, s.workload = s.view.Sample, s.view.Workload
	return s
}

// cpu reports whether the CPU reference engine runs.
func (s scene) cpu() bool { return s.workload != nil && s.workload.Engine == "cpu" }

// replayed reports whether a recording is shown, in which no key changes what runs.
func (s scene) replayed() bool { return s.opts.Player != nil }

func (m *model) draw(cells *grid.Grid) {
	r := m.layout()
	if r.TooSmall {
		drawTooSmall(cells.All(), m.width, m.height)
		return
	}
	s := m.scene()
	header{scene: s, pulse: m.pulse, frozen: m.frozen}.draw(cells.Area(r.Header), r.Compact)
	if p := m.playback(); p != nil {
		m.drawReplay(cells.Area(r.Banner), p)
	} else {
		m.bannerNow().draw(cells.Area(r.Banner))
	}
	if m.page == pageLive {
		stageTable{scene: s, tall: r.Tall}.draw(cells.Area(r.Stages), r.Compact)
		gpuPanel{scene: s}.draw(cells.Area(r.GPU), r.Compact)
		timeline{scene: s}.draw(cells.Area(r.Chart), r.Compact)
	}
	m.drawPage(cells.Area(r.Body), s, r.Compact)
	if !s.condition.live() && s.condition != conditionPaused && m.page != pageSweep {
		// The figures stay, but nobody should take them for those of a run that goes on.
		for _, area := range []grid.Rect{r.Stages, r.GPU, r.Chart, r.Body} {
			cells.Area(area).Restyle(styleMuted)
		}
	}
	if m.page == pageSweep && !m.sweeps.onForm() {
		m.drawSweepVerdict(cells.Area(r.Verdict))
	} else {
		drawVerdict(cells.Area(r.Verdict), s)
	}
	m.drawFooter(cells.Area(r.Footer))
	if m.overlay.kind != overlayNone {
		m.overlay.draw(cells.Area(m.overlay.box(m.width, m.height)), m)
	}
}

func drawTooSmall(area grid.Area, width, height int) {
	text := []string{
		"moetop: this terminal is too small",
		fmt.Sprintf("it has %d x %d, %d x %d are needed", width, height, MinWidth, MinHeight),
		"ctrl-c quits", // While something is typed q is a letter.
	}
	top := max((area.Height()-len(text))/2, 0)
	for i, t := range text {
		area.Print(max((area.Width()-grid.Width(t))/2, 0), top+i, t, styleWarn)
	}
}

func (b banner) draw(area grid.Area) {
	if b.word == "" {
		return
	}
	style, text := styleBadgeInfo, styleText
	if b.bad {
		style, text = styleBadgeBad, styleBad
	}
	x := area.Print(0, 0, " "+b.word+" ", style)
	right := area.Width()
	if hint := b.fittingHint(area.Width() - x - 1); hint != "" {
		right = area.PrintRight(area.Width()-1, 0, hint, styleKey) - hintSpace
	}
	area.Sub(grid.Rect{X: x + 1, Y: 0, W: right - x - 1, H: 1}).Print(0, 0, b.text, text)
}

// hintSpace is between the text of a banner and its hint.
const hintSpace = 2

// fittingHint is the whole hint where the text has room beside it, and else its first part: what happened
// matters more than where to read about it.
func (b banner) fittingHint(room int) string {
	if grid.Width(b.text)+hintSpace+grid.Width(b.hint)+1 <= room {
		return b.hint
	}
	short, _, _ := strings.Cut(b.hint, ";")
	return short
}
