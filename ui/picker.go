package ui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// choice is a line of a picker.
type choice struct {
	name  string // as its command takes it
	title string
	note  string // at the right
	warn  bool   // the note says that it will not do
}

// picks reports whether the overlay chooses a value: it then takes what is typed as a filter.
func (o overlay) picks() bool {
	return o.kind == overlayModels || o.kind == overlayRoutings || o.kind == overlayTokens
}

// ofWorkload reports whether the choices depend on what runs.
func (o overlay) ofWorkload() bool { return o.kind == overlayRoutings || o.kind == overlayTokens }

// pickerAround are the lines of a picker besides its choices: border, filter, a blank, one to spare.
const pickerAround = 5

// openPicker opens a picker at what runs now.
func (m *model) openPicker(kind overlayKind) tea.Cmd {
	if kind != overlayModels && (m.view == nil || m.view.Workload == nil) {
		return m.say("the workload is not known yet", styleWarn)
	}
	m.overlay = overlay{kind: kind}
	list := m.choices()
	m.overlay.rows = len(list)
	for i, c := range list {
		if c.note == runsNow {
			m.overlay.place = i
		}
	}
	return nil
}

// runsNow is the note of what is already so.
const runsNow = "runs now"

// choices are those that fit what was typed. What is typed may be a value that no list has: it comes
// first then.
func (m *model) choices() []choice {
	var all []choice
	var typed func(string) (choice, bool)
	switch m.overlay.kind {
	case overlayModels:
		all, typed = m.modelChoices(), m.typedModel
	case overlayRoutings:
		all, typed = m.routingChoices(), typedRouting
	case overlayTokens:
		all, typed = m.tokenChoices(), m.typedTokens
	case overlayNone, overlayHelp, overlayLog, overlayLaunch, overlayCommand, overlayCell, overlaySettings:
		return nil
	}
	wanted := strings.ToLower(m.overlay.filter)
	var list []choice
	named := false
	for _, c := range all {
		fits := strings.Contains(strings.ToLower(c.name+" "+c.title), wanted)
		if m.overlay.kind == overlayTokens {
			fits = strings.HasPrefix(c.name, wanted) // A part of a number says nothing.
		}
		if fits {
			list = append(list, c)
			named = named || c.name == wanted
		}
	}
	if c, ok := typed(m.overlay.filter); ok && !named {
		list = append([]choice{c}, list...)
	}
	return list
}

func (m *model) modelChoices() []choice {
	list := make([]choice, 0, len(m.opts.Models))
	for _, known := range m.opts.Models {
		c := choice{name: known.Name, title: known.Title}
		if w, err := profiler.ParseModel(known.Name); err == nil {
			c.note, c.warn = m.memoryNote(w)
		}
		if m.view != nil && m.view.Workload != nil && m.view.Workload.Workload.Name() == known.Name {
			c.note, c.warn = runsNow, false
		}
		list = append(list, c)
	}
	return list
}

// typedModel is a model with a shard of the user's own, such as kimi-k2-tp2-ep8.
func (m *model) typedModel(text string) (choice, bool) {
	w, err := profiler.ParseModel(text)
	if err != nil {
		return choice{}, false
	}
	c := choice{name: w.Name(), title: w.Title()}
	c.note, c.warn = m.memoryNote(w)
	return c, true
}

// memoryNote says what a model would need with the tokens of now, and whether that is there once the
// engine of now has made room.
func (m *model) memoryNote(w profiler.Workload) (note string, warn bool) {
	ring, room := 1, uint64(0)
	if m.view != nil && m.view.Workload != nil {
		now := m.view.Workload
		w.Tokens, ring = now.Workload.Tokens, max(now.RingLength, 1)
		if s := m.view.Sample; s != nil && s.NVML != nil && s.NVML.MemoryFreeBytes != nil {
			room = *s.NVML.MemoryFreeBytes + total(now.Memory)
		}
	}
	need := total(w.Footprint(ring))
	note = "≈ " + bytesText(need)
	if room > 0 && need > room {
		return note + ", does not fit", true
	}
	return note, false
}

func total(m profiler.Memory) uint64 { return m.WeightsBytes + m.ActivationsBytes + m.WorkspaceBytes }

// routingChoices are the steps of the skew keys, in words.
func (m *model) routingChoices() []choice {
	words := map[string]string{
		"uniform": "every expert alike", "zipf:0.5": "somewhat uneven", "zipf:0.8": "uneven", "zipf:1.0": "popularity falls as 1/rank",
		"zipf:1.2": "more uneven", "zipf:1.5": "a few experts get most", "hot": "one expert that every token visits",
	}
	var list []choice
	for _, name := range skewSteps() {
		c := choice{name: name, title: words[name]}
		if r, err := profiler.ParseRouting(name); err == nil && r == m.view.Workload.Workload.Routing {
			c.note = runsNow
		}
		list = append(list, c)
	}
	return list
}

// typedRouting is one between the steps, or recorded ones in a file.
func typedRouting(text string) (choice, bool) {
	r, err := profiler.ParseRouting(text)
	if err != nil {
		return choice{}, false
	}
	title := "popularity falls as 1/rank^" + strconv.FormatFloat(r.Exponent, 'g', -1, 64)
	if r.Kind == profiler.Trace {
		title = "recorded routings"
	}
	return choice{name: r.String(), title: title}, true
}

// mostTokens is the largest batch that the layer that runs can have.
func (m *model) mostTokens() int { return profiler.MaxRows / max(m.view.Workload.Workload.TopK, 1) }

// tokenChoices are the powers of two that the layer can have.
func (m *model) tokenChoices() []choice {
	var list []choice
	for n := 1; n <= m.mostTokens(); n *= 2 {
		list = append(list, m.tokenChoice(n))
	}
	return list
}

func (m *model) tokenChoice(n int) choice {
	w := m.view.Workload.Workload
	c := choice{name: strconv.Itoa(n), title: formatFixed(float64(n*w.TopK)/float64(w.Experts), 1) + " rows an expert"}
	if n == w.Tokens {
		c.note = runsNow
		return c
	}
	w.Tokens = n
	w.Routing = profiler.Routing{Kind: profiler.Uniform}
	need := total(w.Footprint(max(m.view.Workload.RingLength, 1)))
	c.note = "≈ " + bytesText(need)
	return c
}

func (m *model) typedTokens(text string) (choice, bool) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > m.mostTokens() {
		return choice{}, false
	}
	return m.tokenChoice(n), true
}

// pick is enter in a picker.
func (m *model) pick() tea.Cmd {
	list, kind := m.choices(), m.overlay.kind
	if m.overlay.place >= len(list) {
		return nil
	}
	name := list[m.overlay.place].name
	m.overlay = overlay{}
	if m.view == nil || m.condition().restartable() {
		return m.say("the worker does not run", styleWarn)
	}
	if kind == overlayRoutings {
		m.want = intent{at: m.view.Time, route: &name}
		return m.send(profiler.Command{Routing: &name})
	}
	if n, err := strconv.Atoi(name); kind == overlayTokens && err == nil {
		m.want = intent{at: m.view.Time, count: &n}
		return m.send(profiler.Command{Tokens: &n})
	}
	m.want = intent{at: m.view.Time, model: &name}
	return m.send(profiler.Command{Model: &name})
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

// longestFilter keeps a paste by accident from filling the filter. The path of a trace has to fit.
const longestFilter = 200

// typed adds text to the filter.
func (o *overlay) typed(text string) {
	if !o.picks() {
		return
	}
	for _, r := range text {
		if r >= ' ' && r != 0x7f && len(o.filter) < longestFilter {
			o.filter += string(r)
			o.place = 0
		}
	}
}

// pickerHint says what may be typed besides a part of a name.
func (m *model) pickerHint() string {
	switch m.overlay.kind { //nolint:exhaustive // The others pick nothing.
	case overlayModels:
		return "or type a shard of your own, such as kimi-k2-tp2-ep8"
	case overlayRoutings:
		return "or type zipf:S, or trace:FILE for recorded ones"
	default:
		return "or type any number up to " + grouped(int64(m.mostTokens()))
	}
}

func (m *model) drawPicker(area grid.Area) {
	o := m.overlay
	x := area.Print(0, 0, "filter: ", styleMuted)
	x = area.Print(x, 0, o.filter, styleStrong)
	area.Set(x, 0, '_', styleKey)
	list := m.choices()
	if o.filter == "" {
		area.Print(x+2, 0, m.pickerHint(), styleMuted)
	}
	if len(list) == 0 {
		area.Print(0, 2, "nothing has that in its name; backspace deletes, "+m.pickerHint(), styleWarn)
		return
	}
	body := area.Sub(grid.Rect{X: 0, Y: 2, W: area.Width(), H: area.Height() - 2})
	first := max(o.place-body.Height()+1, 0)
	for y := range body.Height() {
		if first+y >= len(list) {
			return
		}
		drawChoice(body.Line(y), list[first+y], first+y == o.place)
	}
}

func drawChoice(area grid.Area, c choice, chosen bool) {
	mark, name, title, note := "  ", styleText, styleMuted, styleMuted
	if c.warn {
		note = styleWarn
	}
	if chosen {
		mark, name, title, note = "> ", styleSelected, styleSelected, styleSelected
		area.Fill(' ', styleSelected)
	}
	at := area.Print(0, 0, mark+c.name, name)
	start := area.PrintRight(area.Width(), 0, c.note, note)
	if from := max(at+2, 22); from < start {
		area.Sub(grid.Rect{X: from, W: start - from - 1, H: 1}).Print(0, 0, c.title, title)
	}
}

// choiceAt returns the place of the choice on a line of the picker's box; ok is false elsewhere.
func (m *model) choiceAt(box grid.Rect, y int) (place int, ok bool) {
	visible := box.H - 4
	first := max(m.overlay.place-visible+1, 0)
	place = first + y - box.Y - 3
	return place, y >= box.Y+3 && y < box.Y+3+visible && place < len(m.choices())
}
