package ui

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

// fakePlayer notes what is asked of it.
type fakePlayer struct{ asked []string }

func (p *fakePlayer) Seek(by time.Duration)   { p.asked = append(p.asked, "by "+by.String()) }
func (p *fakePlayer) SeekTo(at time.Duration) { p.asked = append(p.asked, "to "+at.String()) }
func (p *fakePlayer) Faster()                 { p.asked = append(p.asked, "faster") }
func (p *fakePlayer) Slower()                 { p.asked = append(p.asked, "slower") }

// playedView is a recording of ten minutes at a place.
func playedView(at time.Duration, paused bool) *profiler.View {
	return with(manualView(), func(v *profiler.View) {
		v.Playback = &profiler.Playback{At: at, Length: 10 * time.Minute, Speed: 2, Paused: paused}
		if paused {
			v.Sample.State = profiler.StatePaused
		}
	})()
}

// TestReplayKeys makes sure that each key of a recording asks for what it says.
func TestReplayKeys(t *testing.T) {
	t.Parallel()
	player := &fakePlayer{}
	m := testModel(t, 120, 40, playedView(3*time.Minute, false), func(o *Options) { o.Player = player })
	checkShown(t, m, "REPLAY  2x", "3:00 of 10:00  30%", "space pause", "g go to", "off and on were not measured side by side")
	if row := regexp.MustCompile(`up +(off|ON) +u `).FindString(plain(t, m)); row != "" {
		t.Errorf("a key that changes nothing is shown: %q", row)
	}
	for _, name := range []string{",", ".", "<", ">", "[", "]", "r", "g", "9", "9", "backspace", "0", "s", "enter", "g", "2", "5", "%", "enter", "g", "esc", "g", "-", "1", "enter"} {
		press(m, name)
	}
	want := []string{
		"by -10s", "by 10s", "by -1m0s", "by 1m0s", "slower", "faster", "to 0s", "to 1m30s", "to 2m30s",
	}
	if !slices.Equal(player.asked, want) {
		t.Errorf("asked for %q, want %q", player.asked, want)
	}
	checkShown(t, m, `"-1" is not allowed: a share such as 35%`)
	bar := barOf(m.layout().Banner)
	m.Update(tea.MouseClickMsg{X: bar.X + bar.W - 1, Y: bar.Y, Button: tea.MouseLeft})
	if got := player.asked[len(player.asked)-1]; got != "to 10m0s" {
		t.Errorf("a click on the end asked for %q", got)
	}
	for _, name := range []string{"u", "d", "a", "m", "n", "w"} {
		m.Update(noticeEndMsg{m.notice.id})
		press(m, name)
		checkShown(t, m, "what was recorded cannot be changed")
	}
}

// TestReplayIsDrawnWherePaused seeks a paused recording within a second of it, on screens of all sizes.
func TestReplayIsDrawnWherePaused(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{60, 16}, {80, 24}, {200, 60}} {
		for _, ascii := range []bool{false, true} {
			t.Run(fmt.Sprint(size, ascii), func(t *testing.T) {
				t.Parallel()
				m := testModel(t, size[0], size[1], playedView(0, true), func(o *Options) { o.Player, o.ASCII = &fakePlayer{}, ascii })
				checkShown(t, m, "REPLAY  paused", "0:00 of 10:00   0%")
				m.Update(viewMsg{playedView(10*time.Minute, true)})
				checkShown(t, m, "10:00 of 10:00 100%")
			})
		}
	}
}

func TestReplayThatEndsEarlySaysWhy(t *testing.T) {
	t.Parallel()
	view := with(playedView(time.Minute, false), func(v *profiler.View) {
		v.Playback.Ended = true
		v.Worker = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: "the recording is truncated"}
	})()
	m := testModel(t, 120, 40, view, func(o *Options) { o.Player = &fakePlayer{} })
	checkShown(t, m, "REPLAY  at the end", "RECORDING", "the recording is truncated")
}
