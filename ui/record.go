package ui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Recorder keeps the session's stream in a file while it is on.
type Recorder interface {
	// Start begins a recording in a new file and returns its path; Stop ends it. Both may take their
	// time.
	Start() (path string, err error)
	Stop() (Recording, error)
	// Status is quick; ok is false while nothing is recorded.
	Status() (r Recording, ok bool)
}

// Recording is how a recording fares.
type Recording struct {
	Path    string
	Elapsed time.Duration // of the stream
	Bytes   int64         // of the file so far
	Lost    int           // samples that a slow disk has lost
	Err     error         // why it has ended before it was stopped
}

// recordingMsg is the outcome of R.
type recordingMsg struct {
	started string // the path of a recording that has begun
	ended   Recording
	err     error
}

// switchRecording starts a recording, or ends the one that runs, beside the screen: a disk can be slow.
func (m *model) switchRecording() tea.Cmd {
	recorder := m.opts.Recorder
	_, on := recorder.Status()
	if !on {
		if m.view == nil || m.view.Workload == nil {
			return m.say("nothing is streamed yet that could be recorded", styleWarn)
		}
		return guarded(func() tea.Msg {
			path, err := recorder.Start()
			return recordingMsg{started: path, err: err}
		})
	}
	return guarded(func() tea.Msg {
		ended, err := recorder.Stop()
		return recordingMsg{ended: ended, err: err}
	})
}

func (m *model) recorded(msg recordingMsg) tea.Cmd {
	switch {
	case msg.err != nil:
		m.debugf("record: %v", msg.err)
		return m.say(msg.err.Error(), styleBad)
	case msg.started != "":
		return m.sayFile("recording to " + msg.started + "; R ends it")
	default:
		return m.sayFile("recorded " + msg.ended.text() + ": moetop replay " + msg.ended.Path)
	}
}

// text says how much there is.
func (r Recording) text() string {
	text := r.Elapsed.Round(100*time.Millisecond).String() + ", " + sizeText(r.Bytes)
	if r.Lost > 0 {
		text += fmt.Sprintf(", %d samples lost to a slow disk", r.Lost)
	}
	return text
}

// sizeText is a file's size in a few columns.
func sizeText(bytes int64) string {
	if bytes < 1e6 {
		return formatFixed(float64(bytes)/1e3, 1) + " kB"
	}
	return formatFixed(float64(bytes)/1e6, 1) + " MB"
}

// recordingBadge shows that a recording runs, or that it has failed.
func recordingBadge(recorder Recorder, compact bool) (badge item, on bool) {
	if recorder == nil {
		return item{}, false
	}
	r, on := recorder.Status()
	switch {
	case !on:
		return item{}, false
	case r.Err != nil:
		return item{text: " REC FAILED ", style: styleBadgeWarn}, true
	case compact:
		return item{text: " ● REC ", style: styleBadgeBad}, true
	}
	return item{text: fmt.Sprintf(" ● REC %d:%02d ", int(r.Elapsed.Minutes()), int(r.Elapsed.Seconds())%60), style: styleBadgeBad}, true
}

func (m *model) recordingOn() bool {
	if m.opts.Recorder == nil {
		return false
	}
	_, on := m.opts.Recorder.Status()
	return on
}
