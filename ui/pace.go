package ui

import (
	"reflect"
	"time"
	"unsafe"

	tea "charm.land/bubbletea/v2"
)

// pace has the terminal written to when a message may have changed something. bubbletea writes on a
// clock that never rests, and forty looks a second at a screen on which nothing changes are 1% of a
// core, most of it for waking up; fewer would make keys slow to answer. Its pull request 1796 proposes
// the same for itself: once a release has it, this file goes.
type pace struct {
	frames chan time.Time // each value has the newest view written
	newest time.Time
	asked  bool
}

// leastFrame is the least time between two writes.
const leastFrame = time.Second / MaxFPS

// drawnMsg follows the messages that it is about: when it comes, bubbletea has got their view.
type drawnMsg struct{}

func newPace() *pace { return &pace{frames: make(chan time.Time, 1)} }

// option gives the program's renderer our frames in place of its clock. A bubbletea without the field
// keeps its clock, and all works as it does without us; a test says so.
func (p *pace) option() tea.ProgramOption {
	return func(program *tea.Program) {
		field := reflect.ValueOf(program).Elem().FieldByName("ticker")
		if !field.IsValid() || field.Type() != reflect.TypeFor[*time.Ticker]() {
			return
		}
		// It stops and resets its clock, which has to be a real one; that nobody reads costs nothing.
		clock := time.NewTicker(time.Hour)
		clock.C = p.frames
		*(**time.Ticker)(unsafe.Pointer(field.UnsafeAddr())) = clock
	}
}

// follow asks for a drawnMsg: at once, or when the next frame may be.
func (p *pace) follow() tea.Cmd {
	if p.asked {
		return nil
	}
	p.asked = true
	if wait := leastFrame - time.Since(p.newest); wait > 0 {
		return tea.Tick(wait, func(time.Time) tea.Msg { return drawnMsg{} })
	}
	return func() tea.Msg { return drawnMsg{} }
}

// drawn has the newest view written. A writer that is busy writes it after the one that it is at.
func (p *pace) drawn() {
	p.asked, p.newest = false, time.Now()
	select {
	case p.frames <- p.newest:
	default:
	}
}
