package ui

import (
	"slices"

	"charm.land/bubbles/v2/key"
)

// action is what a key does.
type action int

const (
	actUp action = iota
	actDown
	actBoth
	actAB
	actFreeze
	actPause
	actMoreTokens
	actFewerTokens
	actMoreSkew
	actLessSkew
	actModel
	actFamily
	actReset
	actRestart
	actLog
	actTheme
	actHelp
	actQuit
	actSuspend
	actClose
	actChoose
	actPrevious
	actNext
	actLive
	actExperts
	actKernels
	actSweepPage
	actSweep
	actRecord
	actRouting
	actTokens
	actCancel
	actSettings
	actLeft
	actRight
	actPageUp
	actPageDown
	actOrder
	actStage
	actFilter
	actSave
	actCommand
	actBack
	actForth
	actFarBack
	actFarForth
	actSlower
	actFaster
	actGoTo
	actBegin
	actEnd
	actFixed
)

// binding joins an action with its keys and words. Footer, help and dispatch all read the same list,
// so no key is shown that does nothing and none works unseen.
type binding struct {
	action action
	key    key.Binding
	long   string // for the help screen
	// rank orders the footer's bindings when there is no room for all: low ranks stay.
	rank int
	// chosen says that what the key does is done: it is the tab of the page that is shown.
	chosen bool
}

func bind(a action, rank int, label, short, long string, keys ...string) binding {
	return binding{
		action: a, rank: rank, long: long,
		key: key.NewBinding(key.WithKeys(keys...), key.WithHelp(label, short)),
	}
}

// keyState is what decides which keys do something.
type keyState struct {
	overlay  overlayKind
	down     bool // the worker does not answer: only a restart helps
	frozen   bool
	building bool   // a workload in place of another
	hasModel bool   // there are models to pick from
	family   string // that comes next; empty where the engine offers no other
	page     page
	tabs     bool // there is room for the name of each view
	byRows   bool // the experts' order
	// stage is the other one whose tiles can be shown, empty where both have the same.
	stage    string
	editing  bool // a filter is being typed
	filtered bool // there is a filter
	// chosenMask says that the kernels' page does not follow the run.
	chosenMask  bool
	canSave     bool
	canRecord   bool
	canSettings bool
	recording   bool
	canSweep    bool
	sweep       sweepKeyState
	sweepForm   bool // the sweep page shows its form
	sweepShown  bool // there is a sweep to look at
	resting     bool // the session made room for a sweep
	canRepeat   bool // the command of the current state is known
	replay      bool // it is a recording that is shown
	stopped     bool // it is paused
	asking      bool // a place of it to go to is typed
}

// bindings returns the keys that do something now, in the order in which they are shown.
func bindings(s keyState) []binding {
	if s.overlay != overlayNone {
		return overlayBindings(s.overlay)
	}
	if s.editing {
		return filterBindings()
	}
	if s.asking {
		return placeBindings()
	}
	var list []binding
	if s.building && !s.replay {
		list = append(list, bind(actCancel, 0, "esc", "cancel", "give up the workload that is being built; the one before goes on", "esc"))
	}
	list = append(list, moveBindings(s)...)
	switch {
	case s.replay:
		list = append(list, replayBindings(s)...)
	case s.resting:
	case s.down:
		list = append(list, bind(actRestart, 1, "r", "restart", "end what is left of the worker and start a new one", "r"))
	default:
		list = append(list, runBindings(s)...)
	}
	freeze := bind(actFreeze, 6, "space", "pause", "hold the screen still; the run and its measurements go on", "space")
	if s.frozen {
		freeze = bind(actFreeze, 0, "space", "go on", "let the screen follow the run again", "space")
	}
	list = append(list, pageBindings(s)...)
	switch {
	case s.canSave && s.page == pageSweep:
		rank := 2
		if !s.sweepShown {
			rank = hidden // There is nothing to save, and the key only says so.
		}
		list = append(list, bind(actSave, rank, "s", "save", "write the sweep's points, as moetop sweep --json prints them, into the current directory", "s"))
	case s.canSave:
		list = append(list, bind(actSave, 8, "s", "save", "write the report so far, as --json prints it, into the current directory", "s"))
	}
	if s.canRecord {
		record := bind(actRecord, 9, "R", "record", "record the stream into a file in the current directory, for moetop replay", "R")
		if s.recording {
			record = bind(actRecord, 2, "R", "end recording", "end the recording and say where it is", "R")
		}
		list = append(list, record)
	}
	if s.canRepeat {
		list = append(list, bind(actCommand, 9, "c", "command", "the command line that measures the same without a screen", "c"))
	}
	if s.canSettings {
		list = append(list, bind(actSettings, 11, ",", "settings", "every flag with its value now: what changes it live, or why nothing does", ","))
	}
	log := bind(actLog, 9, "L", "log", "warnings, refusals and errors", "L")
	if s.page == pageLive {
		// Elsewhere l moves, so that L is what is told.
		log.key.SetKeys("L", "l")
	}
	if !s.replay {
		list = append(list, freeze)
	}
	return reachable(append(list, log,
		bind(actTheme, 12, "t", "theme", "next theme: dark, light, high contrast", "t"),
		bind(actHelp, 0, "?", "help", "this page", "?"),
		bind(actQuit, 0, "q", "quit", "end the run and leave (ctrl-c too)", "q", "ctrl+c"),
		bind(actSuspend, hidden, "ctrl-z", "suspend", "back to the shell; fg returns", "ctrl+z"),
	))
}

// reachable leaves out the bindings whose keys others before them take, as esc of a page while it cancels
// a build.
func reachable(list []binding) []binding {
	taken := map[string]bool{}
	return slices.DeleteFunc(list, func(b binding) bool {
		free := false
		for _, k := range b.key.Keys() {
			free = free || !taken[k]
			taken[k] = true
		}
		return !free
	})
}

// hidden keeps a binding out of the footer; the help screen shows it.
const hidden = 100

func runBindings(s keyState) []binding {
	list := []binding{
		bind(actUp, 1, "u", "up", "ES of up on or off; in A/B mode: leave it with up alone on", "u"),
		bind(actDown, 1, "d", "down", "ES of down on or off; in A/B mode: leave it with down alone on", "d"),
		bind(actBoth, 2, "e", "both", "ES of both stages on, or off where both are on", "e"),
		bind(actAB, 1, "a", "A/B", "A/B mode: all four tuples interleaved, the only fair comparison", "a"),
		bind(actMoreTokens, 4, "+/-", "tokens", "twice or half the tokens, through powers of two", "+", "="),
		bind(actFewerTokens, hidden, "", "", "", "-", "_"),
		bind(actMoreSkew, 7, "[/]", "skew", "less or more skew: uniform, zipf:0.5 to zipf:1.5, hot", "]"),
		bind(actLessSkew, hidden, "", "", "", "["),
		bind(actTokens, 11, "n", "tokens", "pick or type a number of tokens", "n"),
		bind(actRouting, 11, "w", "routing", "pick or type a routing: where the tokens go", "w"),
	}
	if s.hasModel {
		list = append(list, bind(actModel, 5, "m", "model", "pick a model", "m"))
	}
	if s.family != "" {
		list = append(list, bind(actFamily, 6, "g", s.family, "run the "+s.family+" kernels in place of these", "g"))
	}
	return append(list,
		bind(actReset, 8, "r", "reset", "forget all statistics and begin again", "r"),
		bind(actPause, 10, "p", "idle", "stop the steps, or let them run again: shows the GPU idle", "p"),
	)
}

func overlayBindings(kind overlayKind) []binding {
	quit := bind(actQuit, hidden, "ctrl-c", "quit", "leave", "ctrl+c")
	if (overlay{kind: kind}).picks() {
		return []binding{
			bind(actPrevious, 1, "↑↓", "move", "move", "up", "ctrl+p"),
			bind(actNext, hidden, "", "", "", "down", "ctrl+n"),
			bind(actChoose, 1, "enter", "run it", "run it", "enter"),
			bind(actClose, 1, "esc", "back", "back", "esc"),
			quit,
		}
	}
	toggle := map[overlayKind]string{overlayHelp: "?", overlayLog: "l", overlayCommand: "c", overlayLaunch: "4", overlayCell: "3", overlaySettings: ","}[kind]
	closing := []string{"esc", "enter", toggle}
	if kind == overlayLog {
		closing = append(closing, "L")
	}
	return []binding{
		bind(actPrevious, 1, "↑↓", "scroll", "scroll", "up", "k", "pgup"),
		bind(actNext, hidden, "", "", "", "down", "j", "pgdown"),
		bind(actClose, 1, "esc", "back", "back", closing...),
		bind(actQuit, 1, "q", "quit", "leave", "q", "ctrl+c"),
	}
}

// find returns the action of a key; ok is false for a key that does nothing now.
func find(list []binding, pressed string) (a action, ok bool) {
	for _, b := range list {
		if key.Matches(keyName(pressed), b.key) {
			return b.action, true
		}
	}
	return 0, false
}

type keyName string

func (k keyName) String() string { return string(k) }
