package ui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

// pressed routes a key: to the overlay if one is open, else to what the key is bound to.
func (m *model) pressed(msg tea.KeyPressMsg) tea.Cmd {
	name := msg.String()
	if a, ok := find(m.keys(), name); ok {
		return m.act(a)
	}
	switch {
	case m.overlay.picks():
		m.overlay.edit(name, msg.Key().Text)
	case m.replays.asking:
		m.replays.edit(name, msg.Key().Text)
	case m.overlay.kind == overlayNone && m.experts.editing:
		m.experts.edit(name, msg.Key().Text)
	}
	return nil
}

// act carries out an action.
func (m *model) act(a action) tea.Cmd {
	switch a {
	case actQuit:
		return tea.Quit
	case actSuspend:
		return tea.Suspend
	case actFreeze:
		m.setFrozen(!m.frozen)
	case actTheme:
		m.theme = m.activeTheme().next()
		return m.say("theme: "+string(m.theme), styleTitle)
	case actHelp:
		m.overlay = overlay{kind: overlayHelp}
	case actLog:
		m.overlay = overlay{kind: overlayLog}
	case actModel, actRouting, actTokens:
		return m.openPicker(map[action]overlayKind{
			actModel: overlayModels, actRouting: overlayRoutings, actTokens: overlayTokens,
		}[a])
	case actSettings:
		m.overlay = overlay{kind: overlaySettings}
	case actCancel:
		return m.request(m.cancelBuild)
	case actClose:
		m.leave()
	case actPrevious:
		m.step(-1)
	case actNext:
		m.step(1)
	case actChoose:
		return m.choose()
	case actRestart:
		return m.restart()
	case actUp, actDown, actBoth:
		return m.request(func() tea.Cmd { return m.switchES(a) })
	case actAB:
		return m.request(m.switchAB)
	case actPause:
		return m.pause()
	case actReset:
		return m.request(func() tea.Cmd { return m.send(profiler.Command{Reset: true}) })
	case actFamily:
		return m.request(m.switchFamily)
	case actMoreTokens, actFewerTokens:
		return m.request(func() tea.Cmd { return m.changeTokens(a == actMoreTokens) })
	case actMoreSkew, actLessSkew:
		return m.request(func() tea.Cmd { return m.changeSkew(a == actMoreSkew) })
	case actLive, actExperts, actSweepPage, actKernels, actSweep, actRecord, actLeft, actRight, actPageUp, actPageDown, actOrder, actStage, actFilter,
		actSave, actCommand:
		return pageActions()[a](m)
	case actBack, actForth, actFarBack, actFarForth, actSlower, actFaster, actGoTo, actBegin, actEnd, actFixed:
		return m.replay(a)
	}
	return nil
}

// pause pauses the run, or a recording as it plays.
func (m *model) pause() tea.Cmd {
	if p := m.playback(); p != nil {
		return m.send(profiler.Command{Pause: new(!p.Paused)})
	}
	return m.request(m.switchPause)
}

// step goes on by a line: in the overlay if one is open, else on the page.
func (m *model) step(by int) {
	if m.overlay.kind == overlayNone {
		m.movePage(0, by)
		return
	}
	m.scroll(by)
}

// choose is enter: of a picker if one is open, else of the page.
func (m *model) choose() tea.Cmd {
	if m.replays.asking {
		return m.goTo()
	}
	if m.overlay.picks() {
		return m.pick()
	}
	return m.chooseOnPage()
}

// leave closes the overlay if one is open, else what the page has open.
func (m *model) leave() {
	if m.replays.asking {
		m.replays = replayState{}
		return
	}
	if m.overlay.kind == overlayNone {
		m.closeOnPage()
		return
	}
	m.overlay = overlay{}
}

func (m *model) setFrozen(on bool) {
	m.frozen = on
	m.shown = m.view
	m.showSweep()
	if m.view != nil && !on {
		m.pulse = pulse{} // What was not shown is no part of the second.
		m.pulse.take(m.view, m.opts.CPUTime)
	}
}

// request carries out what builds on the run's state, once there is one. It builds on what was asked
// for last, not only on what already holds, so that keys pressed in a hurry add up.
func (m *model) request(change func() tea.Cmd) tea.Cmd {
	if m.view == nil || m.view.Sample == nil {
		return m.say("the worker is still starting", styleWarn)
	}
	return change()
}

func (m *model) switchAB() tea.Cmd {
	on := !m.want.ab(m.view.Sample)
	m.want = intent{at: m.view.Time, mode: &on}
	return m.send(profiler.Command{AB: &on})
}

// cancelBuild goes back to the workload before.
func (m *model) cancelBuild() tea.Cmd {
	m.want = intent{}
	return m.send(profiler.Command{Cancel: true})
}

func (m *model) switchPause() tea.Cmd {
	on := m.view.Sample.State != profiler.StatePaused
	return m.send(profiler.Command{Pause: &on})
}

// switchES flips stages. In A/B mode no single mask runs, so there the key asks for its stage alone.
func (m *model) switchES(a action) tea.Cmd {
	mask := profiler.ESOff
	if !m.want.ab(m.view.Sample) {
		mask = m.want.mask(m.view.Sample)
	}
	switch {
	case a == actUp:
		mask ^= profiler.ESUp
	case a == actDown:
		mask ^= profiler.ESDown
	case mask == profiler.ESBoth:
		mask = profiler.ESOff
	default:
		mask = profiler.ESBoth
	}
	off := false
	m.want = intent{at: m.view.Time, es: &mask, mode: &off}
	up, down := mask.Has(profiler.Up), mask.Has(profiler.Down)
	return m.send(profiler.Command{ES: &profiler.ESCommand{Up: &up, Down: &down}})
}

// nextFamily is the kernel family after the one that runs or was asked for; empty if there is no other.
func (m *model) nextFamily() string {
	if m.view == nil || m.view.Workload == nil {
		return ""
	}
	families := m.view.Workload.KernelFamilies
	if len(families) < 2 {
		return ""
	}
	return families[(slices.Index(families, m.want.family(m.view.Workload))+1)%len(families)]
}

func (m *model) switchFamily() tea.Cmd {
	next := m.nextFamily()
	if next == "" {
		return nil
	}
	m.want = intent{at: m.view.Time, kernels: &next}
	return m.send(profiler.Command{Kernels: &next})
}

// changeTokens goes to the next power of two. The bounds are known here, so that the key says what
// they are instead of asking for what must be refused.
func (m *model) changeTokens(more bool) tea.Cmd {
	if m.view.Workload == nil {
		return m.say("the workload is not known yet", styleWarn)
	}
	now := m.want.tokens(m.view.Workload)
	most := m.mostTokens()
	next := 1
	if more {
		for next <= now {
			next *= 2
		}
	} else {
		for next*2 < now {
			next *= 2
		}
	}
	if next > most || next == now {
		return m.say(fmt.Sprintf("tokens: %s is the limit here: 1 to %s are allowed",
			grouped(int64(now)), grouped(int64(most))), styleWarn)
	}
	m.want = intent{at: m.view.Time, count: &next}
	return m.send(profiler.Command{Tokens: &next})
}

// skewSteps are the routings that the skew keys go through.
func skewSteps() []string {
	return []string{"uniform", "zipf:0.5", "zipf:0.8", "zipf:1.0", "zipf:1.2", "zipf:1.5", "hot"}
}

func (m *model) changeSkew(more bool) tea.Cmd {
	if m.view.Workload == nil {
		return m.say("the workload is not known yet", styleWarn)
	}
	steps := skewSteps()
	i := skewPlace(m.want.routing(m.view.Workload), more)
	if i < 0 || i >= len(steps) {
		return m.say("routing: "+map[bool]string{true: "hot is the most", false: "uniform is the least"}[more]+
			" skewed", styleWarn)
	}
	m.want = intent{at: m.view.Time, route: &steps[i]}
	return m.send(profiler.Command{Routing: &steps[i]})
}

// skewPlace returns the place of the next routing in the direction; a zipf exponent between two steps
// goes to its neighbour. A place outside the steps says that there is none.
func skewPlace(now profiler.Routing, more bool) int {
	below, above := -1, len(skewSteps())
	for i, text := range skewSteps() {
		step, err := profiler.ParseRouting(text)
		if err != nil {
			continue
		}
		if skew(step) < skew(now) {
			below = i
		}
		if skew(step) > skew(now) && i < above {
			above = i
		}
	}
	if more {
		return above
	}
	return below
}

// skew orders routings by how uneven they are.
func skew(r profiler.Routing) float64 {
	if r.Kind == profiler.Hot {
		return profiler.MaxExponent + 1
	}
	return r.Exponent
}

// send passes a command on. Whoever changes the run wants to see it, so a frozen screen goes on.
func (m *model) send(cmd profiler.Command) tea.Cmd {
	if m.frozen {
		m.setFrozen(false)
	}
	if err := m.post(cmd); err != nil {
		m.want = intent{}
		return m.say(err.Error(), styleBad)
	}
	return nil
}

// post gives a command its number and hands it to the source.
func (m *model) post(cmd profiler.Command) error {
	m.commands++
	cmd.ID = fmt.Sprintf("ui-%d", m.commands)
	m.debugf("send %s", cmd.ID)
	err := m.source.Send(cmd)
	if err != nil {
		m.debugf("send %s: %v", cmd.ID, err)
	}
	return err
}

// restart runs beside the screen, since ending a worker can take its time.
func (m *model) restart() tea.Cmd {
	if m.restarts {
		return nil
	}
	m.restarts = true
	m.setFrozen(false)
	m.want = intent{}
	source := m.source
	return guarded(func() tea.Msg { return restartedMsg{source.Restart()} })
}

func (m *model) restarted(err error) tea.Cmd {
	m.restarts = false
	if err != nil {
		m.debugf("restart: %v", err)
		return m.say(err.Error(), styleBad)
	}
	return nil
}
