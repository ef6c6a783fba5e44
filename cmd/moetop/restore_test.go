package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTerminalIsRestoredAfterEveryEnd ends the real program in every way there is, under a real shell
// in a real terminal. ABRT is a crash of the runtime, as a panic in any goroutine is; KILL leaves the
// program no last word at all.
func TestTerminalIsRestoredAfterEveryEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		signal syscall.Signal
		exit   string
	}{
		"INT": {syscall.SIGINT, "exit=130"}, "TERM": {syscall.SIGTERM, "exit=143"}, "HUP": {syscall.SIGHUP, "exit=129"},
		"QUIT": {syscall.SIGQUIT, "exit=131"}, "ABRT": {syscall.SIGABRT, ""}, "KILL": {syscall.SIGKILL, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			term := openTerminal(t, 100, 30)
			term.await("ready>")
			before := term.state()
			front := term.start(small()...)
			worker := workerOf(t, front)
			term.await("combine")
			if term.state() == before {
				t.Fatal("the screen has changed nothing that could be restored")
			}
			if err := syscall.Kill(front, c.signal); err != nil {
				t.Fatal(err)
			}
			if c.exit == "" {
				// The shell may say how it ended on the screen that is then left.
				eventually(t, patience, "the end", func() bool { return isGone(front) })
			} else {
				term.await(c.exit)
			}
			term.restored(before)
			if c.signal == syscall.SIGABRT {
				// The dump is long: what it begins with is above it. The guard has it when the program is gone.
				eventually(t, patience, "who says why", func() bool {
					return strings.Contains(term.tmux("capture-pane", "-p", "-S", "-"), "moetop crashed; the terminal was restored")
				})
			}
			eventually(t, patience, "the worker's end", func() bool { return isGone(worker) })
			// The shell works: what is typed is seen and run.
			term.keys("clear; echo still $((6*7))", "Enter")
			term.await("still 42")
			noGuardLeft(t, front)
		})
	}
}

// noGuardLeft looks for a guard of a screen that is gone.
func noGuardLeft(t *testing.T, front int) {
	t.Helper()
	eventually(t, patience, "the guard's end", func() bool {
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, path := range stats {
			var pid int
			if _, err := fmt.Sscanf(path, "/proc/%d/stat", &pid); err == nil && hasArgument(pid, guardName) && ppidOf(path) == front {
				return false
			}
		}
		return true
	})
}

// TestSuspendedAndBack goes to the shell by the key and by the signal, and back.
func TestSuspendedAndBack(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, 100, 30)
	term.await("ready>")
	before := term.state()
	// Jobs need a shell that controls them.
	term.keys("set -m", "Enter")
	front := term.start(small()...)
	workerOf(t, front)
	term.await("combine")
	on := term.state()
	term.keys("C-z")
	term.restored(before)
	term.await("Stopped")
	term.keys("fg", "Enter")
	term.await("combine", "quit")
	term.restored(on)
	term.keys("q")
	term.restored(before)
}

// TestColorsOfATerminal looks for the amber of what ES is compared with: as the terminal has it, and in
// sixteen colours as yellow, since the nearest one is the red of what is slower.
func TestColorsOfATerminal(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env   []string
		amber string
		never *regexp.Regexp
	}{
		"sixteen":  {[]string{"TERM=xterm", "COLORTERM="}, "\x1b[93m", regexp.MustCompile(`[34]8[;:][25][;:]`)},
		"256":      {[]string{"TERM=xterm-256color", "COLORTERM="}, "\x1b[38;5;179m", regexp.MustCompile(`[34]8[;:]2[;:]`)},
		"all":      {nil, "\x1b[38;2;227;179;65m", regexp.MustCompile(`[34]8[;:]5[;:]`)},
		"NO_COLOR": {[]string{"NO_COLOR=1"}, "\x1b[1m", regexp.MustCompile(`\x1b\[[0-9;:]*\b([39][0-7]|[34]8[;:][0-9;:]*)m`)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startScreen(t, c.env, faked("--ab", "--theme", "dark")...)
			p.await("cycles")
			p.await("DEPLOY")
			got := p.output()
			if !strings.Contains(got, c.amber) {
				t.Errorf("no %q in what is written", c.amber)
			}
			if odd := c.never.FindString(got); odd != "" {
				t.Errorf("%q is written to a terminal that does not have it", odd)
			}
		})
	}
}

// TestResizesInMidFrame changes the size again and again while the screen draws and keys come: what
// stands at the end is a whole frame of the last size.
func TestResizesInMidFrame(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, 120, 40)
	term.await("ready>")
	before := term.state()
	front := term.start(small("--fps", "60", "--interval", "20ms")...)
	workerOf(t, front)
	term.await("combine", "quit")
	sizes := [][2]int{{80, 24}, {200, 60}, {60, 16}, {50, 12}, {133, 37}, {61, 17}, {100, 50}}
	for i := range 40 {
		size := sizes[i%len(sizes)]
		term.tmux("resize-window", "-x", fmt.Sprint(size[0]), "-y", fmt.Sprint(size[1]))
		term.keys(string("1234"[i%4]))
		time.Sleep(time.Duration(i%5) * 7 * time.Millisecond)
	}
	term.tmux("resize-window", "-x", "80", "-y", "24")
	term.keys("1")
	wholeFrame := func() bool {
		lines := strings.Split(strings.TrimRight(term.screen(), "\n"), "\n")
		return len(lines) == 24 && strings.HasPrefix(lines[0], " moetop") && strings.HasPrefix(lines[2], "╭─ Stages") &&
			strings.HasSuffix(lines[2], "╮") && strings.Contains(lines[23], "q quit") &&
			strings.Count(term.screen(), "─ Stages") == 1
	}
	eventually(t, patience, "a whole frame of 80x24", wholeFrame)
	term.keys("q")
	term.restored(before)
}

// TestMouseOnTheScreen clicks as a terminal reports it: a stage, an overlay's outside, a tab. With
// --no-mouse the terminal keeps its mouse.
func TestMouseOnTheScreen(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, 120, 40)
	term.await("ready>")
	front := term.start(small()...)
	workerOf(t, front)
	term.await("combine")
	term.clickUntilOn()
	term.keys("?")
	term.await("Help")
	term.click(1, 1)
	eventually(t, patience, "the help closed by a click outside", func() bool { return !strings.Contains(term.screen(), "Help") })
	if !strings.Contains(term.state(), "mouse=1") {
		t.Error("the mouse is not asked for")
	}
	before, _, found := strings.Cut(term.screen(), "2 experts")
	if !found {
		t.Fatalf("no tabs:\n%s", term.screen())
	}
	line := strings.LastIndex(before, "\n") + 1
	term.click(len([]rune(before[line:]))+1, strings.Count(before, "\n")+1)
	term.await("Experts by id")
	term.keys("q")
	term.await("exit=0")
	term.keys("clear", "Enter")
	front = term.start(small("--no-mouse")...)
	workerOf(t, front)
	term.await("combine")
	if !strings.Contains(term.state(), "mouse=0") {
		t.Error("--no-mouse takes the mouse")
	}
	term.keys("q")
	term.await("exit=0")
}

// TestTerminalsOfManyKinds starts the real program where terminals differ: what they cannot show is not
// sent to them.
func TestTerminalsOfManyKinds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env        string
		box, color bool
	}{
		"tmux":    {"TERM=tmux-256color", true, true},
		"screen":  {"TERM=screen", true, true},
		"console": {"TERM=linux", false, true},
		"latin1":  {"TERM=tmux-256color LC_ALL=de_DE.ISO-8859-1", false, true},
		"plain":   {"TERM=tmux-256color NO_COLOR=yes", true, false},
		"wide":    {"TERM=tmux-256color LC_ALL=ja_JP.UTF-8", true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			term := openTerminal(t, 100, 30)
			term.await("ready>")
			before := term.state()
			term.keys("env "+c.env+" "+binary()+" "+strings.Join(small("--theme", "dark"), " ")+"; echo exit=$?", "Enter")
			term.await("combine", "q quit")
			screen := term.screen()
			if strings.Contains(screen, "╭") != c.box || strings.Contains(screen, "+-") == c.box {
				t.Errorf("boxes of lines %v, want %v:\n%s", !c.box, c.box, screen)
			}
			colored := regexp.MustCompile(`\x1b\[[0-9;:]*\b([349][0-7]|[34]8[;:][0-9;:]*)m`).MatchString(term.tmux("capture-pane", "-p", "-e"))
			if colored != c.color {
				t.Errorf("colour %v, want %v", colored, c.color)
			}
			term.keys("q")
			term.await("exit=0")
			term.restored(before)
		})
	}
}
