package ui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// model is the one tea.Model. Update dispatches; the panels draw what the newest view holds.
type model struct {
	source  Source
	opts    Options
	started chan struct{} // closed at the first message: from then on the program can be killed

	width, height int
	dark          bool // the terminal's background
	sixteen       bool // colours are all that the terminal has
	theme         themeName
	glyphs        glyphs

	view   *profiler.View // newest
	shown  *profiler.View // what the screen shows: the newest, or the one it was frozen at
	frozen bool
	closed bool // the source has closed: there will be no more views

	want      intent
	commands  int // sent so far, for their ids
	notice    notice
	lastEntry profiler.LogEntry
	restarts  bool // a restart is under way
	rate      askedRate

	page    page
	experts expertsState
	kernels kernelsState
	sweeps  sweepState
	replays replayState

	overlay overlay
	failure error // ended the program

	pulse pulse
	frame frame
	pace  *pace
}

// notice is a line that is shown for a while in place of the footer.
type notice struct {
	text  string
	style grid.Style
	id    int // of the newest notice, so that an older one's end does not clear it
	// kept says that news do not take its place: it names a file.
	kept bool
}

// noticeTime is how long a notice stays.
const noticeTime = 5 * time.Second

type (
	noticeEndMsg struct{ id int }
	restartedMsg struct{ err error }
	savedMsg     struct {
		path string
		err  error
	}
)

func newModel(source Source, opts Options) *model {
	theme, _ := parseTheme(opts.Theme)
	first, _ := parseView(opts.View)
	if first == pageSweep && opts.Sweeps == nil {
		first = pageLive
	}
	return &model{
		page:   first,
		source: source, opts: opts, started: make(chan struct{}),
		width: standardWidth, height: standardHeight,
		dark: true, theme: theme, glyphs: newGlyphs(opts.ASCII), sweeps: sweepState{form: newSweepForm()},
		pace: newPace(),
	}
}

// Init implements tea.Model. The background is asked for only where it decides something.
func (m *model) Init() tea.Cmd {
	if m.theme == themeAuto && !m.opts.NoColor {
		return tea.RequestBackgroundColor
	}
	return nil
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	if _, drawn := msg.(drawnMsg); drawn {
		m.pace.drawn()
		return m, nil
	}
	cmd := m.update(msg)
	m.settleRate()
	return m, tea.Batch(cmd, m.pace.follow())
}

func (m *model) update(msg tea.Msg) tea.Cmd {
	select {
	case <-m.started:
	default:
		close(m.started)
	}
	m.frame.changed = true
	switch msg := msg.(type) {
	case viewMsg:
		before := m.look()
		cmd := m.takeView(msg.view)
		m.frame.changed = m.look() != before
		return cmd
	case sweepMsg:
		return m.takeSweep(msg.update)
	case sourceClosedMsg:
		m.closed = true
	case tea.WindowSizeMsg:
		m.width, m.height = screenSize(msg.Width, msg.Height)
	case tea.BackgroundColorMsg:
		m.dark = msg.IsDark()
	case tea.ColorProfileMsg:
		m.sixteen = msg.Profile == colorprofile.ANSI
	case tea.KeyPressMsg:
		return m.pressed(msg)
	case tea.PasteMsg:
		m.pasted(msg.Content)
	case tea.MouseClickMsg:
		return m.clicked(msg)
	case tea.MouseWheelMsg:
		m.wheeled(msg)
	case noticeEndMsg:
		if msg.id == m.notice.id {
			m.notice.text = ""
		}
	case restartedMsg:
		return m.restarted(msg.err)
	case recordingMsg:
		return m.recorded(msg)
	case savedMsg:
		return m.saved(msg)
	case panicMsg:
		m.failure = msg.err
		return tea.Quit
	default:
		m.frame.changed = false
	}
	return nil
}

// View implements tea.Model.
func (m *model) View() tea.View {
	view := tea.NewView(m.frame.content(m))
	view.AltScreen = true
	view.WindowTitle = "moetop"
	if !m.opts.NoMouse {
		view.MouseMode = tea.MouseModeCellMotion
	}
	return view
}

// look is what decides whether a new view changes anything on the screen. A frozen screen changes with
// what is said about the run alone; one of a paused run each other second, since little happens there.
type look struct {
	shown  *profiler.View
	banner banner
	notice int
	when   int64
}

func (m *model) look() look {
	l := look{shown: m.shown, banner: m.bannerNow(), notice: m.notice.id}
	// A recording that is paused has a new view only where it was sought.
	if m.condition() == conditionPaused && m.playback() == nil {
		l.shown, l.when = nil, m.view.Time.Unix()/2
	}
	return l
}

// takeView makes a view the newest one. A new line of its log is shown for a while.
func (m *model) takeView(view *profiler.View) tea.Cmd {
	if view == nil {
		return nil
	}
	m.view = view
	if !m.frozen {
		m.shown = view
		m.pulse.take(view, m.opts.CPUTime)
	}
	m.want.settle(view)
	if view.Workload == nil && m.overlay.ofWorkload() {
		m.overlay = overlay{}
	}
	n := len(view.Log)
	if n == 0 || view.Log[n-1] == m.lastEntry {
		return nil
	}
	m.lastEntry = view.Log[n-1]
	m.debugf("log %s: %s", m.lastEntry.Code, m.lastEntry.Text)
	if m.lastEntry.Notice() {
		return m.sayNews(m.lastEntry.Text, styleText)
	}
	m.want = intent{}
	return m.sayNews(m.lastEntry.Text, styleWarn)
}

// say shows a notice and ends it after a while.
func (m *model) say(text string, style grid.Style) tea.Cmd {
	id := m.notice.id + 1
	m.notice = notice{text: text, style: style, id: id}
	return guarded(tea.Tick(noticeTime, func(time.Time) tea.Msg { return noticeEndMsg{id} }))
}

// sayNews is say for what no key has asked for. What it would tell is on the screen or in the log, too.
func (m *model) sayNews(text string, style grid.Style) tea.Cmd {
	if m.notice.kept && m.notice.text != "" {
		return nil
	}
	return m.say(text, style)
}

// sayFile is say for a notice that names a file.
func (m *model) sayFile(text string) tea.Cmd {
	cmd := m.say(text, styleGood)
	m.notice.kept = true
	return cmd
}

func (m *model) debugf(format string, args ...any) {
	if m.opts.DebugLog == nil {
		return
	}
	// The log is for whoever looks into a problem of the screen; that it cannot be written must not
	// become another one.
	_, _ = fmt.Fprintf(m.opts.DebugLog, format+"\n", args...)
}

// depth is how many colours the screen uses.
func (m *model) depth() colorDepth {
	switch {
	case m.opts.NoColor:
		return colorless
	case m.sixteen:
		return sixteenColors
	default:
		return manyColors
	}
}

func (m *model) activeTheme() themeName {
	if m.theme != themeAuto {
		return m.theme
	}
	if m.dark {
		return themeDark
	}
	return themeLight
}

// condition is how the run fares, as far as the screen can tell.
func (m *model) condition() condition { return conditionOf(m.view, m.closed) }

// keys are the bindings that do something now.
func (m *model) keys() []binding {
	return bindings(m.keyState())
}

func (m *model) keyState() keyState {
	return keyState{
		overlay: m.overlay.kind, down: m.condition().restartable(),
		// Between a sweep's end and the session's return there is no worker yet.
		resting:  m.sweeps.update.active() || m.condition() == conditionResting,
		building: m.condition() == conditionBuilding && m.view.Workload != nil && !m.view.Sample.GivenUp() && !m.sweeps.update.active(),
		frozen:   m.frozen, family: m.nextFamily(), hasModel: len(m.opts.Models) > 0,
		page: m.page, tabs: m.width >= tabsWidth, byRows: m.experts.byRows, editing: m.page == pageExperts && m.experts.editing,
		filtered: m.experts.filter != "", chosenMask: m.kernels.mask != nil,
		stage:    m.otherStage(),
		canSweep: m.opts.Sweeps != nil, sweep: m.sweeps.keyState(), sweepForm: m.sweeps.onForm(),
		sweepShown: m.sweeps.shown != nil,
		canRecord:  m.opts.Recorder != nil, canSettings: m.opts.Settings != nil, recording: m.recordingOn(),
		canSave: m.opts.Save != nil, canRepeat: m.opts.Command != nil,
		replay: m.opts.Player != nil, asking: m.replays.asking,
		stopped: m.playback() != nil && m.playback().Paused,
	}
}

// otherStage is the one whose tiles the experts' page does not show, if they are others.
func (m *model) otherStage() string {
	s := m.scene()
	switch {
	case !s.tilesDiffer():
		return ""
	case m.experts.stage(s) == profiler.Up:
		return profiler.Down.String()
	default:
		return profiler.Up.String()
	}
}

// pasted adds a pasted text to what is being typed.
func (m *model) pasted(text string) {
	if m.replays.asking {
		m.replays.edit("", text)
		return
	}
	if m.overlay.kind == overlayNone && m.keyState().editing {
		m.experts.typed(text)
		return
	}
	m.overlay.typed(text)
}
