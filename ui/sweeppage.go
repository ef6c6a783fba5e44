package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler/sweep"
)

// sweepState is what the sweep page remembers.
type sweepState struct {
	update *SweepUpdate // newest; nil before the first sweep
	shown  *SweepUpdate // as model.shown
	form   sweepForm
	// planning shows the form although there is a sweep to look at.
	planning bool
	// row and column are the cell under the cursor. While it was not moved it follows the sweep.
	row, column int
	moved       bool
}

// sweepMsg is the newest state of the sweep.
type sweepMsg struct{ update *SweepUpdate }

// onForm reports whether the page shows the form.
func (p *sweepState) onForm() bool { return p.shown == nil || p.planning }

// takeSweep makes an update the newest one, and tells of the sweep's end.
func (m *model) takeSweep(update *SweepUpdate) tea.Cmd {
	before := m.sweeps.update
	m.sweeps.update = update
	if !m.frozen {
		m.showSweep()
	}
	if update.active() {
		m.sweeps.planning = false
		return nil
	}
	if before != nil && before.State == update.State {
		return nil
	}
	done, total := update.finished()
	m.debugf("sweep ended in state %d with %d of %d points: %s", update.State, done, total, update.Problem)
	switch update.State {
	case SweepDone:
		return m.sayNews("the sweep is done: 3 shows it, s there saves it; the session comes back", styleGood)
	case SweepFailed:
		return m.sayNews("the sweep failed: "+update.Problem, styleBad)
	case SweepStopped, SweepMakingRoom, SweepRunning:
	}
	return nil
}

// showSweep shows the newest update. A cursor that was not moved goes to the point that runs, and in the end
// to what the session runs, since that is what people ask about.
func (m *model) showSweep() {
	p := &m.sweeps
	if p.shown == p.update {
		return
	}
	p.shown = p.update
	switch place := slices.Index(p.shown.Plan.Tokens, m.tokensNow()); {
	case p.moved:
	case p.shown.active():
		p.row = min(p.shown.Progress.Index, max(len(p.shown.Plan.Tokens)-1, 0))
	case p.shown.State == SweepDone && place >= 0:
		p.row = place
	}
}

// tokensNow is the session's batch; 0 while it is not known.
func (m *model) tokensNow() int {
	if m.view == nil || m.view.Workload == nil {
		return 0
	}
	return m.view.Workload.Workload.Tokens
}

// sweepKey is x: it starts, stops and goes on, and after the end begins another sweep.
func (m *model) sweepKey() tea.Cmd {
	p := &m.sweeps
	switch {
	case p.update.active():
		m.opts.Sweeps.Cancel()
		return m.say("the sweep stops; the session comes back", styleWarn)
	case p.onForm():
		return m.beginSweep()
	case p.update.State == SweepStopped || p.update.State == SweepFailed:
		return m.startSweep(p.update.Plan)
	default:
		p.planning = true
		return nil
	}
}

// beginSweep starts what the form says.
func (m *model) beginSweep() tea.Cmd {
	if m.view == nil || m.view.Workload == nil {
		return m.say("the workload is not known yet", styleWarn)
	}
	plan, err := m.sweeps.form.plan(m.view.Workload, m.opts.Described)
	if err != nil {
		return m.say(err.Error(), styleWarn)
	}
	m.sweeps.row, m.sweeps.column, m.sweeps.moved = 0, 0, false
	return m.startSweep(plan)
}

func (m *model) startSweep(plan sweep.Plan) tea.Cmd {
	if m.frozen {
		m.setFrozen(false)
	}
	m.want = intent{}
	if err := m.opts.Sweeps.Begin(m.view, plan); err != nil {
		m.debugf("sweep: %v", err)
		return m.say(err.Error(), styleBad)
	}
	return nil
}

// moveSweep moves the cursor of the map, or goes through the form.
func (m *model) moveSweep(columns, lines int) {
	p := &m.sweeps
	if !p.onForm() {
		p.moved = true
		p.row = min(max(p.row+lines, 0), max(len(p.shown.Plan.Tokens)-1, 0))
		p.column = min(max(p.column+columns, 0), len(sweepColumns())-1)
		return
	}
	p.form.field = min(max(p.form.field+lines, 0), numFields-1)
	if columns != 0 && m.view != nil && m.view.Workload != nil {
		p.form.change(columns, m.view.Workload)
	}
}

// saveSweep writes the points that the page shows, beside the screen.
func (m *model) saveSweep() tea.Cmd {
	update := m.sweeps.shown
	if update == nil || update.Document == nil || len(update.Document.Points) == 0 {
		return m.say("no point of a sweep was measured yet that could be saved; on another page s saves the report", styleWarn)
	}
	write := m.opts.Sweeps.Save
	return guarded(func() tea.Msg {
		path, err := write(update)
		return savedMsg{path, err}
	})
}

// sweepBindings are the keys of the page.
func sweepBindings(s keyState) []binding {
	words := map[sweepKeyState][2]string{
		sweepCanStart:  {"start", "start the sweep; the session makes room for it and comes back"},
		sweepCanStop:   {"stop", "stop the sweep; what was measured stays, and x goes on with it"},
		sweepCanGoOn:   {"go on", "go on with the sweep where it stopped"},
		sweepCanRepeat: {"new sweep", "choose and start another sweep"},
	}[s.sweep]
	rank := 0
	if s.sweepForm {
		rank = hidden // Enter does it, too.
	}
	list := []binding{bind(actSweep, rank, "x", words[0], words[1], "x")}
	switch {
	case s.sweepForm:
		list = append(list,
			bind(actPrevious, 3, "↑↓", "choose", "go to another line of the form (j and k too)", "up", "k"),
			bind(actLeft, 3, "←→", "change", "change the line's value (h and l too)", "left", "h"),
			bind(actChoose, 1, "enter", "start", "start the sweep", "enter"))
		if s.sweepShown {
			list = append(list, bind(actClose, 2, "esc", "back", "show the last sweep again", "esc"))
		}
	default:
		list = append(list,
			bind(actPrevious, 4, "←↓↑→", "move", "go to another cell (hjkl too)", "up", "k"),
			bind(actChoose, 2, "enter", "figures", "all figures of a cell, and the command that repeats its point", "enter"),
			bind(actLeft, hidden, "", "", "", "left", "h"))
	}
	return list
}

// sweepKeyState says what x does.
type sweepKeyState int

const (
	sweepCanStart sweepKeyState = iota
	sweepCanStop
	sweepCanGoOn
	sweepCanRepeat
)

func (p *sweepState) keyState() sweepKeyState {
	switch {
	case p.update.active():
		return sweepCanStop
	case p.onForm():
		return sweepCanStart
	case p.update.State == SweepStopped || p.update.State == SweepFailed:
		return sweepCanGoOn
	default:
		return sweepCanRepeat
	}
}

// banner says on the other pages that a sweep runs.
func (u *SweepUpdate) banner() banner {
	done, total := u.finished()
	b := banner{word: "SWEEP RUNS", text: grouped(int64(done)) + " of " + counted(total, "point") + leftText(u) +
		"; the session comes back", hint: "3 shows it"}
	if u.State == SweepMakingRoom {
		b.text = "the session's worker makes room"
	}
	return b
}
