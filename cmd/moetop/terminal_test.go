package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// terminal is a real terminal with the real binary in it, under a shell that outlives it.
type terminal struct {
	t      *testing.T
	socket string
}

// openTerminal starts a shell in tmux, in which a test types.
func openTerminal(t *testing.T, width, height int) *terminal {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("these tests need tmux, and it is not installed")
		}
		t.Skip("tmux is not installed")
	}
	// Sockets have short names, unlike the folders of tests.
	dir, err := os.MkdirTemp("", "moetop-tmux-")
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, socket: filepath.Join(dir, "s")}
	t.Cleanup(func() {
		_ = exec.Command("tmux", "-S", term.socket, "kill-server").Run()
		_ = os.RemoveAll(dir)
	})
	term.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height), "env -u MOETOP_LIBRARY LC_ALL=C.UTF-8 PS1='ready> ' sh")
	return term
}

func (m *terminal) tmux(args ...string) string {
	m.t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", m.socket}, args...)...).CombinedOutput()
	if err != nil {
		m.t.Fatalf("tmux %q: %v: %s", args, err, out)
	}
	return string(out)
}

func (m *terminal) keys(keys ...string) {
	m.t.Helper()
	m.tmux(append([]string{"send-keys"}, keys...)...)
}

// click presses and releases the left button at a cell, counted from 1, as a terminal tells it.
func (m *terminal) click(x, y int) {
	m.t.Helper()
	m.keys("-l", fmt.Sprintf("\x1b[<0;%d;%dM\x1b[<0;%d;%dm", x, y, x, y))
}

func (m *terminal) screen() string {
	m.t.Helper()
	return m.tmux("capture-pane", "-p")
}

// await waits until the screen has all the texts.
func (m *terminal) await(texts ...string) {
	m.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		screen := m.screen()
		missing := ""
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			m.t.Fatalf("no %q on the screen:\n%s", missing, screen)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// state is what a program may leave a terminal in, as tmux and the tty see it.
func (m *terminal) state() string {
	m.t.Helper()
	flags := m.tmux("display-message", "-p",
		"alternate=#{alternate_on} cursor=#{cursor_flag} mouse=#{mouse_any_flag} keypad=#{keypad_flag}#{keypad_cursor_flag} wrap=#{wrap_flag}")
	tty := strings.TrimSpace(m.tmux("display-message", "-p", "#{pane_tty}"))
	settings, err := exec.Command("stty", "-g", "-F", tty).CombinedOutput()
	if err != nil {
		m.t.Fatalf("stty: %v: %s", err, settings)
	}
	return flags + string(settings)
}

// start runs the binary in the shell and returns the pid of its front.
func (m *terminal) start(args ...string) int {
	m.t.Helper()
	shell := 0
	if _, err := fmt.Sscan(m.tmux("display-message", "-p", "#{pane_pid}"), &shell); err != nil {
		m.t.Fatal(err)
	}
	m.await("ready>")
	m.keys(binary()+" "+strings.Join(args, " ")+"; echo exit=$?", "Enter")
	return childOf(m.t, shell, binary())
}

// restored compares the terminal with what it was before.
func (m *terminal) restored(before string) {
	m.t.Helper()
	after := ""
	eventually(m.t, patience, "the terminal restored", func() bool {
		after = m.state()
		return after == before
	})
}

// TestInteractive drives a whole session by keys. The toggles are checked by the labels of the stage
// table and by the log of the stream's own words.
func TestInteractive(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, 120, 40)
	term.await("ready>")
	before := term.state()
	front := term.start(small()...)
	worker := workerOf(t, front)

	term.await("CPU REFERENCE", "route", "quant", "up", "act", "down", "combine", "quit")
	// The table stands before the first step has run; until then the state of ES is not known.
	eventually(t, patience, "up off at the start", func() bool { return strings.Contains(rowOf(term.screen(), "up"), "off") })
	term.keys("u")
	eventually(t, patience, "up switched on", func() bool { return strings.Contains(rowOf(term.screen(), "up"), "ON") })
	term.keys("d")
	eventually(t, patience, "down switched on", func() bool { return strings.Contains(rowOf(term.screen(), "down"), "ON") })
	term.keys("a")
	term.await("A/B")

	term.keys("q")
	term.await("exit=0")
	term.restored(before)
	if !isGone(worker) {
		t.Error("the worker is still there")
	}
}

// rowOf returns the line of the stage table that begins with a stage's name.
func rowOf(screen, stage string) string {
	for line := range strings.Lines(screen) {
		fields := strings.Fields(strings.Trim(line, "│| \n"))
		if len(fields) > 1 && fields[0] == stage {
			return line
		}
	}
	return ""
}

// isUpOn reports whether up runs with ES, not only whether it was asked to.
func (m *terminal) isUpOn() bool {
	m.t.Helper()
	row := rowOf(m.screen(), "up")
	return strings.Contains(row, "ON") && !strings.Contains(row, "→")
}

// clickUntilOn clicks the row of up while it is off, and again where that came too early for the worker.
func (m *terminal) clickUntilOn() {
	m.t.Helper()
	again := time.Time{}
	eventually(m.t, patience, "up on by a click", func() bool {
		screen := m.screen()
		row := rowOf(screen, "up")
		if strings.Contains(row, "off") && !strings.Contains(row, "→") && time.Now().After(again) {
			above, _, _ := strings.Cut(screen, row)
			m.click(6, strings.Count(above, "\n")+1)
			again = time.Now().Add(patience / 6)
		}
		return m.isUpOn()
	})
}

func TestInteractiveWorkerDies(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, 120, 40)
	term.await("ready>")
	before := term.state()
	front := term.start(small()...)
	worker := workerOf(t, front)
	term.await("combine")
	if err := syscall.Kill(worker, syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	term.await("WORKER DIED", "segmentation fault", "combine")
	term.keys("r")
	eventually(t, patience, "a screen without the banner", func() bool { return !strings.Contains(term.screen(), "WORKER DIED") })
	second := workerOf(t, front)
	if second == worker {
		t.Error("the worker was not started again")
	}
	term.await("combine")
	term.keys("q")
	term.await("exit=0")
	term.restored(before)
}

func TestInteractiveEnds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end  func(t *testing.T, term *terminal, front, worker int)
		want string
	}{
		"ctrl-c": {func(_ *testing.T, term *terminal, _, _ int) { term.keys("C-c") }, "exit=0"},
		"TERM": {func(t *testing.T, _ *terminal, front, _ int) {
			t.Helper()
			if err := syscall.Kill(front, syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}, "exit=143"},
		"worker stopped": {func(t *testing.T, term *terminal, _, worker int) {
			t.Helper()
			if err := syscall.Kill(worker, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			term.await("WORKER SILENT", "combine")
			term.keys("q")
		}, "exit=0"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			term := openTerminal(t, 100, 30)
			term.await("ready>")
			before := term.state()
			front := term.start(small()...)
			worker := workerOf(t, front)
			term.await("combine")
			test.end(t, term, front, worker)
			term.await(test.want)
			term.restored(before)
			eventually(t, patience, "the worker's end", func() bool { return isGone(worker) })
		})
	}
}

func TestInteractiveEarlyFailure(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, 160, 30)
	term.await("ready>")
	term.keys(binary()+" --engine cuda; echo exit=$?", "Enter")
	term.await("no usable GPU", "exit=3")
	if strings.Contains(term.state(), "alternate=1") {
		t.Error("a screen was opened for nothing")
	}
	term.keys("clear; TERM=dumb "+binary()+"; echo exit=$?", "Enter")
	term.await("TERM is dumb", "--json", "exit=2")
}
