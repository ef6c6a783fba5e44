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
	overlayRoutings
	overlayTokens
	overlayLaunch  // all of one kernel launch
	overlayCommand // the command that repeats the run
	overlayCell    // all of one cell of a sweep
	overlaySettings
)

// overlay is a box over the panels: help, log or a picker. It takes all keys while it is open.
type overlay struct {
	kind   overlayKind
	place  int // first line of the help, lines back from the newest of the log, or the picked choice
	filter string
	rows   int // of a picker: its choices when it was opened
}

// box returns where the overlay lies: in the middle, with a margin as long as there is room for one.
func (o overlay) box(width, height int) grid.Rect {
	w, h := min(width-4, 100), min(height-2, 30)
	if o.picks() {
		h = min(h, o.rows+pickerAround)
	}
	switch o.kind {
	case overlayLaunch, overlayCell:
		h = min(h, launchBoxLines)
	case overlayCommand:
		h = min(h, commandBoxLines)
	case overlayNone, overlayHelp, overlayLog, overlaySettings, overlayModels, overlayRoutings, overlayTokens:
	}
	return grid.Rect{X: (width - w) / 2, Y: (height - h) / 2, W: w, H: h}
}

// Heights of the overlays that have little to say.
const (
	launchBoxLines  = 22
	commandBoxLines = 14
)

// lastPlace is the largest place that makes sense, for a box with so many lines inside.
func (o overlay) lastPlace(lines, visible int) int { return max(lines-visible, 0) }

// move goes by some lines; the log counts from its end.
func (o *overlay) move(by, last int) {
	if o.kind == overlayLog {
		by = -by
	}
	o.place = stepped(o.place, by, last+1)
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
		overlayHelp: " Help ", overlayLog: " Log ", overlayModels: " Models ", overlayRoutings: " Routing ", overlayTokens: " Tokens ",
		overlayLaunch: " Launch ", overlayCommand: " Command ", overlayCell: " Figures ", overlaySettings: " Settings ",
	}[o.kind]
	area.Sub(grid.Rect{X: 0, Y: 0, W: area.Width() - 1, H: 1}).Print(2, 0, title, styleTitle)
	foot := footOf(grid.Rect{W: area.Width(), H: area.Height()})
	drawKeys(area.Sub(foot), placeKeys(m.keys(), foot.W, foot.H))
	inner := area.Sub(grid.Rect{X: 2, Y: 1, W: area.Width() - 4, H: area.Height() - 2})
	if o.picks() {
		m.drawPicker(inner)
		return
	}
	o.drawLines(inner, m.overlayLines(inner.Width()))
}

// footOf is the part of an overlay's border that names its keys.
func footOf(box grid.Rect) grid.Rect {
	return grid.Rect{X: box.X + 1, Y: box.Y + box.H - 1, W: box.W - 2, H: 1}
}

func (o overlay) drawLines(area grid.Area, lines []line) {
	first := min(o.place, o.lastPlace(len(lines), area.Height()))
	if o.kind == overlayLog {
		first = max(len(lines)-area.Height()-o.place, 0)
	}
	printLines(area, lines[first:])
}

// printLines prints as many lines as the area has.
func printLines(area grid.Area, lines []line) {
	for y, l := range lines[:min(area.Height(), len(lines))] {
		area.Print(0, y, l.label, l.labelStyle)
		area.Sub(grid.Rect{X: labelWidth, Y: y, W: area.Width() - labelWidth, H: 1}).Print(0, 0, l.text, l.style)
	}
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
	case overlaySettings:
		return m.settingLines(width)
	case overlayNone, overlayLog, overlayModels, overlayRoutings, overlayTokens:
		return m.logLines(width)
	default:
		return nil
	}
}

func (m *model) helpLines(width int) []line {
	var lines []line
	state := m.keyState()
	state.overlay, state.tabs = overlayNone, true
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
			"mode as the verdict would deploy it. What is counted stands in docs/screens.md."},
		{"tiles", "on page 2 the letter and colour of an expert say which tile its rows get with ES on; padding " +
			"is the share of a tile's rows that nobody needs."},
		{"attained", "how long the row would take if nothing but this GPU held it back, over its median. The limits " +
			"were measured on it; a small stage may show more than 100%."},
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
