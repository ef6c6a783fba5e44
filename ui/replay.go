package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// Player plays a recording; its views tell where it is. None of its methods blocks.
type Player interface {
	// Seek goes forward by a time, or back if it is negative.
	Seek(by time.Duration)
	// SeekTo goes to a time since the beginning.
	SeekTo(at time.Duration)
	// Faster and Slower go to the next speed.
	Faster()
	Slower()
}

// How far the keys go.
const (
	shortSeek = 10 * time.Second
	longSeek  = time.Minute
)

// replayState is what the screen of a recording knows besides its views.
type replayState struct {
	asking bool // a place to go to is typed
	place  string
}

// replayBindings are the keys of a recording in place of those that change a run.
func replayBindings(s keyState) []binding {
	pause := bind(actPause, 1, "space", "pause", "stop at this moment of the recording (p too)", "space", "p")
	if s.stopped {
		pause = bind(actPause, 0, "space", "play", "play on (p too)", "space", "p")
	}
	back, forth := []string{","}, []string{"."}
	label := ",/."
	if s.page == pageLive {
		back, forth, label = append(back, "left"), append(forth, "right"), "←→"
	}
	return []binding{
		pause,
		bind(actBack, 2, label, "10 s", "10 s back or forward (, and . on every page)", back...),
		bind(actForth, hidden, "", "", "", forth...),
		bind(actFarBack, 6, "</>", "1 min", "a minute back or forward", "<"),
		bind(actFarForth, hidden, "", "", "", ">"),
		bind(actSlower, 3, "[/]", "speed", "slower or faster", "["),
		bind(actFaster, hidden, "", "", "", "]"),
		bind(actGoTo, 4, "g", "go to", "go to a place: 35%, or a time such as 90s or 1m30s", "g"),
		bind(actBegin, 8, "r", "begin", "play from the beginning (home too)", "r", "home"),
		bind(actEnd, hidden, "end", "end", "go to the end", "end"),
		bind(actFixed, hidden, "", "", "", "u", "d", "e", "a", "m", "n", "w", "+", "=", "-", "_"),
	}
}

// placeBindings are the keys while a place to go to is typed.
func placeBindings() []binding {
	return []binding{
		bind(actChoose, 1, "enter", "go", "go there", "enter"),
		bind(actClose, 1, "esc", "back", "stay here", "esc"),
		bind(actQuit, hidden, "ctrl-c", "quit", "leave", "ctrl+c"),
	}
}

// playback is where the recording is; nil for a run.
func (m *model) playback() *profiler.Playback {
	if m.opts.Player == nil || m.view == nil {
		return nil
	}
	return m.view.Playback
}

// replay carries out a key of a recording.
func (m *model) replay(a action) tea.Cmd {
	player := m.opts.Player
	if player == nil {
		return nil
	}
	switch a { //nolint:exhaustive // The others are not those of a recording, and do not come here.
	case actBack:
		player.Seek(-shortSeek)
	case actForth:
		player.Seek(shortSeek)
	case actFarBack:
		player.Seek(-longSeek)
	case actFarForth:
		player.Seek(longSeek)
	case actSlower:
		player.Slower()
	case actFaster:
		player.Faster()
	case actBegin:
		player.SeekTo(0)
	case actEnd:
		if p := m.playback(); p != nil {
			player.SeekTo(p.Length)
		}
	case actGoTo:
		m.replays = replayState{asking: true}
	case actFixed:
		return m.say("this is a replay: what was recorded cannot be changed", styleWarn)
	}
	return nil
}

// goTo goes to the place that was typed.
func (m *model) goTo() tea.Cmd {
	text := strings.TrimSpace(m.replays.place)
	m.replays = replayState{}
	p := m.playback()
	if p == nil || text == "" {
		return nil
	}
	at, ok := place(text, p.Length)
	if !ok {
		return m.say(strconv.Quote(text)+" is not allowed: a share such as 35%, or a time such as 90s or 1m30s", styleBad)
	}
	m.opts.Player.SeekTo(at)
	return nil
}

// place reads a share of the length, or a time; a plain number is seconds.
func place(text string, length time.Duration) (time.Duration, bool) {
	if share, ok := strings.CutSuffix(text, "%"); ok {
		percent, err := strconv.ParseFloat(share, 64)
		if err != nil || !(percent >= 0 && percent <= 100) {
			return 0, false
		}
		return time.Duration(percent / 100 * float64(length)), true
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(seconds, 'f', -1, 64) + "s"
	}
	at, err := time.ParseDuration(text)
	return at, err == nil && at >= 0
}

// edit changes the place by a key that is bound to nothing.
func (r *replayState) edit(name, text string) {
	const longest = 20
	switch {
	case name == "backspace" && r.place != "":
		r.place = r.place[:len(r.place)-1]
	case name == "ctrl+u":
		r.place = ""
	default:
		for _, c := range text {
			if c > ' ' && c < 0x7f && len(r.place) < longest {
				r.place += string(c)
			}
		}
	}
}

// What stands on both sides of the bar: a badge and the speed; the times and the share.
const (
	beforeBar = 20
	afterBar  = 26
)

// barOf is where the bar lies in the line of the recording.
func barOf(line grid.Rect) grid.Rect {
	return grid.Rect{X: line.X + beforeBar, Y: line.Y, W: max(line.W-beforeBar-afterBar, 1), H: 1}
}

// drawReplay shows where the recording is, and below it, where there is room, why it ended early.
func (m *model) drawReplay(area grid.Area, p *profiler.Playback) {
	x := area.Print(0, 0, " REPLAY ", styleBadgeInfo) + 1
	if m.replays.asking {
		x = area.Print(x, 0, "go to ", styleText)
		x = area.Print(x, 0, m.replays.place, styleStrong)
		x = area.Print(x, 0, "_", styleKey)
		area.Print(x+2, 0, "35%, 90s, 1m30s", styleMuted)
		return
	}
	word, style := fmt.Sprintf("%gx", p.Speed), styleText
	switch {
	case p.Ended:
		word, style = "at the end", styleWarn
	case p.Paused:
		word, style = "paused", styleWarn
	}
	area.Print(x, 0, word, style)
	share := p.Share()
	area.PrintRight(area.Width()-1, 0,
		fmt.Sprintf("%s of %s %3.0f%%", elapsed(p.At), elapsed(p.Length), 100*share), styleText)
	bar := area.Sub(barOf(grid.Rect{W: area.Width(), H: 1}))
	done, knob, left := '━', '●', '─'
	if m.opts.ASCII {
		done, knob, left = '=', 'o', '-'
	}
	at := int(share*float64(bar.Width()-1) + 0.5)
	for i := range bar.Width() {
		switch {
		case i < at:
			bar.Set(i, 0, done, styleES)
		case i == at:
			bar.Set(i, 0, knob, styleStrong)
		default:
			bar.Set(i, 0, left, styleMuted)
		}
	}
	if b := m.condition().banner(m.view, false); area.Height() > 1 && b.bad {
		b.word, b.hint = "RECORDING", ""
		b.draw(area.Line(1))
	}
}

// elapsed writes a time since the beginning as 1:02:03 or 2:03.
func elapsed(d time.Duration) string {
	s := int(d.Round(time.Second) / time.Second)
	if s < 3600 {
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
}

// clickedBar goes to the clicked place of the recording; false for a click elsewhere.
func (m *model) clickedBar(x, y int) bool {
	p, line := m.playback(), m.layout().Banner
	if p == nil || line.H == 0 {
		return false
	}
	bar := barOf(line)
	if y != bar.Y || x < bar.X || x >= bar.X+bar.W {
		return false
	}
	m.opts.Player.SeekTo(time.Duration(float64(x-bar.X) / float64(max(bar.W-1, 1)) * float64(p.Length)))
	return true
}
