package ui

import (
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// overlayKind says which overlay is open.
type overlayKind int

const (
	overlayNone overlayKind = iota
	overlayHelp
	overlayLog
	overlayModels
	overlayLaunch  // all of one kernel launch
	overlayCommand // the command that repeats the run
	overlayCell    // all of one cell of a sweep
)

// overlay is a box over the panels: help, log or the model picker. It takes all keys while it is open.
type overlay struct {
	kind   overlayKind
	place  int // first line of the help, lines back from the newest of the log, or the picked model
	filter string
	models []ModelChoice
}

// box returns where the overlay lies: in the middle, with a margin as long as there is room for one.
func (o overlay) box(width, height int) grid.Rect {
	w, h := min(width-4, 100), min(height-2, 30)
	if o.kind == overlayModels {
		h = min(h, len(o.models)+modelsAround)
	}
	switch o.kind {
	case overlayLaunch, overlayCell:
		h = min(h, launchBoxLines)
	case overlayCommand:
		h = min(h, commandBoxLines)
	case overlayNone, overlayHelp, overlayLog, overlayModels:
	}
	return grid.Rect{X: (width - w) / 2, Y: (height - h) / 2, W: w, H: h}
}

// Heights of the overlays that have little to say.
const (
	launchBoxLines  = 22
	commandBoxLines = 14
)

// modelsAround are the lines of the picker besides its models: border, filter, a blank, one to spare.
const modelsAround = 5

// lastPlace is the largest place that makes sense, for a box with so many lines inside.
func (o overlay) lastPlace(lines, visible int) int {
	if o.kind == overlayModels {
		return max(len(o.matches())-1, 0)
	}
	return max(lines-visible, 0)
}

// move goes by some lines; the log counts from its end.
func (o *overlay) move(by, last int) {
	if o.kind == overlayLog {
		by = -by
	}
	o.place = min(max(o.place+by, 0), last)
}

// matches are the models whose name or title holds what was typed.
func (o overlay) matches() []ModelChoice {
	var list []ModelChoice
	wanted := strings.ToLower(o.filter)
	for _, c := range o.models {
		if strings.Contains(strings.ToLower(c.Name+" "+c.Title), wanted) {
			list = append(list, c)
		}
	}
	return list
}

// chosen returns the model that is picked; ok is false if none matches.
func (o overlay) chosen() (choice ModelChoice, ok bool) {
	list := o.matches()
	if o.place >= len(list) {
		return ModelChoice{}, false
	}
	return list[o.place], true
}

// edit changes the filter by a key that is bound to nothing.
func (o *overlay) edit(name, text string) {
	switch name {
	case "backspace":
		if n := len(o.filter); n > 0 {
			runes := []rune(o.filter)
			o.filter, o.place = string(runes[:len(runes)-1]), 0
		}
	case "ctrl+u":
		o.filter, o.place = "", 0
	default:
		o.typed(text)
	}
}

// longestFilter keeps a paste by accident from filling the filter.
const longestFilter = 40

// typed adds text to the filter.
func (o *overlay) typed(text string) {
	if o.kind != overlayModels {
		return
	}
	for _, r := range text {
		if r >= ' ' && r != 0x7f && len(o.filter) < longestFilter {
			o.filter += string(r)
			o.place = 0
		}
	}
}

// line is one line of an overlay: a label and what belongs to it.
type line struct {
	label, text string
	labelStyle  grid.Style
	style       grid.Style
}

func (o overlay) draw(area grid.Area, m *model) {
	area.Fill(' ', styleText)
	area.Box(m.glyphs.border, styleTitle)
	title := map[overlayKind]string{
		overlayHelp: " Help ", overlayLog: " Log ", overlayModels: " Models ",
		overlayLaunch: " Launch ", overlayCommand: " Command ", overlayCell: " Figures ",
	}[o.kind]
	area.Sub(grid.Rect{X: 0, Y: 0, W: area.Width() - 1, H: 1}).Print(2, 0, title, styleTitle)
	foot := area.Sub(grid.Rect{X: 1, Y: area.Height() - 1, W: area.Width() - 2, H: 1})
	drawKeys(foot, m.keys())
	inner := area.Sub(grid.Rect{X: 2, Y: 1, W: area.Width() - 4, H: area.Height() - 2})
	if o.kind == overlayModels {
		o.drawModels(inner, m)
		return
	}
	o.drawLines(inner, m.overlayLines(inner.Width()))
}

func (o overlay) drawLines(area grid.Area, lines []line) {
	first := o.place
	if o.kind == overlayLog {
		first = max(len(lines)-area.Height()-o.place, 0)
	}
	for y := range area.Height() {
		if first+y >= len(lines) {
			return
		}
		l := lines[first+y]
		area.Print(0, y, l.label, l.labelStyle)
		area.Sub(grid.Rect{X: labelWidth, Y: y, W: area.Width() - labelWidth, H: 1}).Print(0, 0, l.text, l.style)
	}
}

func (o overlay) drawModels(area grid.Area, m *model) {
	x := area.Print(0, 0, "filter: ", styleMuted)
	x = area.Print(x, 0, o.filter, styleStrong)
	area.Set(x, 0, '_', styleKey)
	list := o.matches()
	if len(list) == 0 {
		area.Print(0, 2, "no model has that in its name; backspace deletes", styleWarn)
		return
	}
	body := area.Sub(grid.Rect{X: 0, Y: 2, W: area.Width(), H: area.Height() - 2})
	first := max(o.place-body.Height()+1, 0)
	for y := range body.Height() {
		if first+y >= len(list) {
			return
		}
		choice := list[first+y]
		mark, name, title := "  ", styleText, styleMuted
		if first+y == o.place {
			mark, name, title = "> ", styleSelected, styleSelected
			body.Line(y).Fill(' ', styleSelected)
		}
		at := body.Print(0, y, mark+choice.Name, name)
		body.Print(max(at+2, 22), y, choice.Title, title)
		if m.view != nil && m.view.Workload != nil && m.view.Workload.Workload.Name() == choice.Name {
			body.PrintRight(body.Width(), y, "runs now", title)
		}
	}
}

// modelAt returns the place of the model on a line of the overlay's box; ok is false elsewhere.
func (o overlay) modelAt(box grid.Rect, y int) (place int, ok bool) {
	visible := box.H - 4
	first := max(o.place-visible+1, 0)
	place = first + y - box.Y - 3
	return place, y >= box.Y+3 && y < box.Y+3+visible && place < len(o.matches())
}

// labelWidth is the column at which the text of a help or log line begins.
const labelWidth = 10

// overlayLines are the lines of the help or of the log, wrapped to a width.
func (m *model) overlayLines(width int) []line {
	switch m.overlay.kind {
	case overlayHelp:
		return m.helpLines(width)
	case overlayLaunch:
		return m.launchLines(width)
	case overlayCommand:
		return m.commandLines(width)
	case overlayCell:
		return m.cellLines(width)
	case overlayNone, overlayLog, overlayModels:
		return m.logLines(width)
	default:
		return nil
	}
}

func (m *model) helpLines(width int) []line {
	var lines []line
	state := m.keyState()
	state.overlay = overlayNone
	list := bindings(state)
	for _, b := range list {
		help := b.key.Help()
		if b.long == "" {
			continue
		}
		lines = append(lines, wrapped(help.Key, b.long, width, styleKey)...)
	}
	for _, p := range helpParagraphs() {
		lines = append(lines, line{})
		lines = append(lines, wrapped(p[0], p[1], width, styleTitle)...)
	}
	return lines
}

// helpParagraphs say how to read the screen.
func helpParagraphs() [][2]string {
	return [][2]string{
		{"ES", "expert specialization: the grouped GEMM picks its tile by the rows of each expert, not one " +
			"for all. up and down have a switch each, as in enable_es=(up, down)."},
		{"off, on", "medians in µs with ES off and on. Grey figures are those of a side that does not run " +
			"now; beside them stands how old they are."},
		{"off/on", "above 1 ES is faster. ▲ faster, ▼ slower, = no difference that the 95% interval " +
			"could prove. ≈ marks a plain quotient of two runs one after the other: not a verdict."},
		{"layer", "the whole step. (F,T) stands for enable_es=(False, True)."},
		{"gaps", "idle inside a step; launch: idle between two steps. Neither counts as a kernel's time."},
		{"TFLOP/s", "with GB/s: the work that the real routing asks of a stage over its median time; in A/B " +
			"mode with ES off. What is counted stands in docs/screens.md."},
		{"tiles", "on page 2 the letter and colour of an expert say which tile its rows get with ES on; padding " +
			"is the share of a tile's rows that nobody needs."},
		{"SM util", "share of SMs with work on them. Kernel active is the share of time with any kernel at " +
			"all: 100% says little."},
		{"n/a, ·", "cannot be read here; has no meaning here or was never measured. Never shown as 0."},
	}
}

func (m *model) logLines(width int) []line {
	if m.view == nil || len(m.view.Log) == 0 {
		return []line{{text: "nothing to report so far", style: styleMuted}}
	}
	var lines []line
	for _, e := range m.view.Log {
		lines = append(lines, wrapped(e.Time.Format("15:04:05"), logText(e), width, styleMuted)...)
	}
	return lines
}

func logText(e profiler.LogEntry) string {
	if e.Code == "" {
		return e.Text
	}
	return e.Code + ": " + e.Text
}

// wrapped breaks a text into lines beside a label.
func wrapped(label, text string, width int, labelStyle grid.Style) []line {
	var lines []line
	for _, part := range wrap(text, max(width-labelWidth, 10)) {
		lines = append(lines, line{label: label, text: part, labelStyle: labelStyle, style: styleText})
		label = ""
	}
	return lines
}

// wrap breaks a text at spaces; a word that is too long is broken where it must.
func wrap(text string, width int) []string {
	var lines []string
	current := ""
	for word := range strings.FieldsSeq(text) {
		for grid.Width(word) > width {
			if current != "" {
				lines, current = append(lines, current), ""
			}
			runes := []rune(word)
			lines, word = append(lines, string(runes[:width])), string(runes[width:])
		}
		switch {
		case current == "":
			current = word
		case grid.Width(current)+1+grid.Width(word) <= width:
			current += " " + word
		default:
			lines, current = append(lines, current), word
		}
	}
	if current != "" || len(lines) == 0 {
		lines = append(lines, current)
	}
	return lines
}
