package ui

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
)

// stillModel never asks for a frame by itself.
type stillModel struct{ updated chan struct{} }

func (m stillModel) Init() tea.Cmd { return nil }

func (m stillModel) Update(tea.Msg) (tea.Model, tea.Cmd) {
	select {
	case m.updated <- struct{}{}:
	default:
	}
	return m, nil
}

func (m stillModel) View() tea.View { return tea.NewView("still here") }

// lockedBuffer is a terminal that is read while it is written to.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) has(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Contains(b.buffer.Bytes(), []byte(text))
}

// TestPaceTakesThePlaceOfTheClock fails when bubbletea keeps its clock in another place, or writes when
// there is something to write by itself: then pace.go has to change, or to go.
func TestPaceTakesThePlaceOfTheClock(t *testing.T) {
	t.Parallel()
	p := newPace()
	reader, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	out, m := &lockedBuffer{}, stillModel{make(chan struct{}, 1)}
	program := tea.NewProgram(m, tea.WithInput(reader), tea.WithOutput(out), tea.WithWindowSize(80, 24), tea.WithFPS(MaxFPS),
		tea.WithEnvironment([]string{"TERM=xterm-256color"}), tea.WithoutSignalHandler(), p.option())
	done := make(chan error, 1)
	go func() {
		_, err := program.Run()
		done <- err
	}()
	<-m.updated
	time.Sleep(10 * leastFrame)
	if out.has("still here") {
		t.Error("the view was written without being asked for: bubbletea's clock runs on")
	}
	p.drawn()
	for deadline := time.Now().Add(patience); !out.has("still here"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the view is not written when it is asked for")
		}
	}
	program.Quit()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestPaceJoinsWhatComesInAFrame asks for one frame for many messages, at once after a rest and a frame
// later in a hurry.
func TestPaceJoinsWhatComesInAFrame(t *testing.T) {
	t.Parallel()
	p := newPace()
	if p.follow() == nil || p.follow() != nil {
		t.Error("want one frame for two messages")
	}
	p.drawn()
	hurried := p.follow()
	if hurried == nil {
		t.Fatal("no frame for what came after the newest one")
	}
	if msg := hurried(); msg != (drawnMsg{}) || time.Since(p.newest) < leastFrame {
		t.Errorf("%v after %v, want a frame of %v", msg, time.Since(p.newest), leastFrame)
	}
}
