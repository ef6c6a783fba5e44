package ui

import (
	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// Setting is a flag with its value now, and the keys that change it, or why none does.
type Setting struct {
	Flag  string
	Value string
	Keys  string // empty if nothing changes it live
	Why   string // what the keys do, or why there are none
}

// Left is what the screen showed when it ended.
type Left struct {
	Theme string // one of Themes
	View  string // one of Views
	Last  *profiler.View
}

// Views lists the names that Options.View takes.
func Views() []string { return []string{"live", "experts", "sweep", "kernels"} }

func parseView(name string) (page, error) {
	switch name {
	case "", "live":
		return pageLive, nil
	case "experts":
		return pageExperts, nil
	case "sweep":
		return pageSweep, nil
	case "kernels":
		return pageKernels, nil
	default:
		return pageLive, &profiler.ArgumentError{Field: "view", Value: name, Allowed: "live, experts, sweep, kernels"}
	}
}

// String is the name as Options.View takes it.
func (p page) String() string {
	return map[page]string{pageLive: "live", pageExperts: "experts", pageSweep: "sweep", pageKernels: "kernels"}[p]
}

func (m *model) left() Left {
	return Left{Theme: string(m.theme), View: m.page.String(), Last: m.view}
}

// settingLines list the settings, what can be changed live before what cannot.
func (m *model) settingLines(width int) []line {
	view := m.view
	if view == nil {
		view = &profiler.View{}
	}
	const flag, value = 18, 14
	var live, fixed []line
	for _, s := range m.opts.Settings(view) {
		switch s.Flag { // The screen's own are not in the view.
		case "theme":
			s.Value = string(m.theme)
		case "view":
			s.Value = m.page.String()
		}
		style, why := styleMuted, s.Why
		into := &fixed
		if s.Keys != "" {
			why, style, into = s.Keys+": "+why, styleText, &live
		}
		head := padded("--"+s.Flag, flag) + padded(s.Value, value)
		for _, part := range wrap(why, max(width-flag-value, 16)) {
			*into = append(*into, line{label: head + part, labelStyle: style})
			head = padded("", flag+value)
		}
	}
	lines := append([]line{{label: "changed while it runs, by these keys:", labelStyle: styleTitle}}, live...)
	lines = append(lines, line{}, line{label: "fixed while it runs, and why:", labelStyle: styleTitle})
	return append(lines, fixed...)
}

// padded fills a text up to a width, and cuts what does not leave a blank behind it.
func padded(text string, width int) string {
	runes := []rune(text)
	if len(runes) > width-1 {
		runes = append(runes[:width-2], '…')
	}
	for grid.Width(string(runes)) < width {
		runes = append(runes, ' ')
	}
	return string(runes)
}
