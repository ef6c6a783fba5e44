package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec" //nolint:depguard // Whether a terminal is restored can only be seen from outside the process.
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"golang.org/x/sys/unix"

	"github.com/moetop/moetop/profiler"
)

// childVariable makes the test binary run the screen instead of the tests, so that a test can see what
// becomes of a terminal when the process ends in one way or another.
const childVariable = "MOETOP_UI_TEST_CHILD"

func TestMain(m *testing.M) {
	if way := os.Getenv(childVariable); way != "" {
		runChild(way)
		return
	}
	os.Exit(m.Run())
}

// poisonedSource panics where its way says.
type poisonedSource struct {
	*fakeSource
	way string
}

func (s *poisonedSource) Views() <-chan *profiler.View {
	if s.way == "panic-goroutine" {
		panic("poisoned")
	}
	return s.fakeSource.Views()
}

func (s *poisonedSource) Send(profiler.Command) error {
	if s.way == "panic-update" {
		panic("poisoned")
	}
	return nil
}

func (s *poisonedSource) Restart() error { panic("poisoned") }

func runChild(way string) {
	source := &poisonedSource{newFakeSource(), way}
	view := manualView()
	switch way {
	case "panic-view":
		view.Sample.ES = 9 // A mask that no stream can hold.
	case "panic-command":
		view = diedView()
	}
	source.views <- view
	err := Run(context.Background(), source, Options{Models: testModels()})
	var ended *SignalError
	switch {
	case err == nil:
		os.Exit(0)
	case errors.As(err, &ended):
		os.Exit(100 + int(ended.Signal.(syscall.Signal)))
	default:
		fmt.Fprintln(os.Stderr, err)
		os.Exit(50)
	}
}

// terminal is a pseudo-terminal with a virtual one behind it, and the process that runs in it.
type terminal struct {
	t       *testing.T
	master  *os.File
	slave   *os.File
	command *exec.Cmd
	before  unix.Termios
	mu      sync.Mutex
	screen  *vt.Emulator
	cursor  bool
	words   bytes.Buffer // standard error
	changed chan struct{}
	exited  chan error
}

func startChild(t *testing.T, way string) *terminal {
	t.Helper()
	master, slave := openPTY(t)
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	p := &terminal{
		t: t, master: master, slave: slave, before: *before, screen: vt.NewEmulator(80, 24), cursor: true,
		changed: make(chan struct{}, 1), exited: make(chan error, 1),
	}
	p.screen.SetCallbacks(vt.Callbacks{CursorVisibility: func(on bool) { p.cursor = on }})
	p.command = exec.Command(os.Args[0], "-test.run=^$")
	p.command.Env = append(os.Environ(), childVariable+"="+way, "TERM=xterm-256color", "LANG=C.UTF-8", "LC_ALL=", "NO_COLOR=", "GOTRACEBACK=single")
	p.command.Stdin, p.command.Stdout, p.command.Stderr = slave, slave, &p.words
	p.command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	readers.Go(p.read)
	readers.Go(p.answer)
	go func() { p.exited <- p.command.Wait() }()
	t.Cleanup(func() {
		_ = p.command.Process.Kill()
		_ = slave.Close()
		_ = master.Close()
		endReplies(p.screen)
		readers.Wait()
	})
	return p
}

func (p *terminal) read() {
	buffer := make([]byte, 1<<16)
	for {
		n, err := p.master.Read(buffer)
		p.mu.Lock()
		_, _ = p.screen.Write(buffer[:n])
		p.mu.Unlock()
		select {
		case p.changed <- struct{}{}:
		default:
		}
		if err != nil {
			return
		}
	}
}

// answer passes on what the virtual terminal replies to queries.
func (p *terminal) answer() {
	buffer := make([]byte, 4096)
	for {
		n, err := p.screen.Read(buffer)
		if err != nil {
			return
		}
		if _, err := p.master.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// endReplies ends the reads of what a virtual terminal replies. Its own Close may not be called while
// somebody reads.
func endReplies(screen *vt.Emulator) {
	if pipe, ok := screen.InputPipe().(io.Closer); ok {
		_ = pipe.Close()
	}
}

const patience = 20 * time.Second

// waitFor waits until the terminal is in a state.
func (p *terminal) waitFor(what string, ready func() bool) {
	p.t.Helper()
	deadline := time.After(patience)
	again := time.NewTicker(10 * time.Millisecond) // Settings change without a word on the terminal.
	defer again.Stop()
	for {
		p.mu.Lock()
		ok := ready()
		p.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-p.changed:
		case <-again.C:
		case <-deadline:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.t.Fatalf("%s does not come; the screen:\n%s", what, ansi.Strip(p.screen.String()))
		}
	}
}

func (p *terminal) waitText(text string) {
	p.t.Helper()
	p.waitFor(text, func() bool { return strings.Contains(ansi.Strip(p.screen.String()), text) })
}

func (p *terminal) checkRaw() {
	p.t.Helper()
	now, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	if *now == p.before {
		p.t.Error("the terminal is not raw while the screen runs")
	}
}

func (p *terminal) typed(text string) {
	p.t.Helper()
	if _, err := p.master.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

// checkRestored fails unless the terminal is as it was before.
func (p *terminal) checkRestored() {
	p.t.Helper()
	p.waitFor("the main screen with a cursor", func() bool { return !p.screen.IsAltScreen() && p.cursor })
	p.waitFor("the settings from before", func() bool {
		now, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
		return err == nil && *now == p.before
	})
}

func (p *terminal) waitExit() int {
	p.t.Helper()
	select {
	case err := <-p.exited:
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			p.t.Fatal(err)
		}
		return p.command.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
		return -1
	}
}

func openPTY(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	// Fd switched the file to blocking reads, which Close would not end.
	if err := unix.SetNonblock(int(master.Fd()), true); err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return master, slave
}

func TestTerminalIsRestored(t *testing.T) {
	t.Parallel()
	signal := func(s syscall.Signal) func(*terminal) {
		return func(p *terminal) { _ = p.command.Process.Signal(s) }
	}
	keys := func(text string) func(*terminal) { return func(p *terminal) { p.typed(text) } }
	cases := []struct {
		way  string
		show string // what is on the screen first; empty if it may never come to that
		end  func(*terminal)
		exit int
		says string // on standard error
	}{
		{way: "quit", show: "2 366 steps/s", end: keys("q"), exit: 0},
		{way: "ctrl-c", show: "2 366 steps/s", end: keys("\x03"), exit: 0},
		{way: "overlay", show: "2 366 steps/s", end: keys("?q"), exit: 0},
		{way: "sigterm", show: "2 366 steps/s", end: signal(syscall.SIGTERM), exit: 100 + int(syscall.SIGTERM)},
		{way: "sigint", show: "2 366 steps/s", end: signal(syscall.SIGINT), exit: 100 + int(syscall.SIGINT)},
		{way: "sighup", show: "2 366 steps/s", end: signal(syscall.SIGHUP), exit: 100 + int(syscall.SIGHUP)},
		{way: "sigquit", show: "2 366 steps/s", end: signal(syscall.SIGQUIT), exit: 100 + int(syscall.SIGQUIT)},
		{way: "panic-update", show: "2 366 steps/s", end: keys("u"), exit: 50, says: "poisoned"},
		{way: "panic-command", show: "WORKER DIED", end: keys("r"), exit: 50, says: "poisoned"},
		{way: "panic-view", exit: 50, says: "index out of range"},
		{way: "panic-goroutine", exit: 50, says: "poisoned"},
	}
	for _, c := range cases {
		t.Run(c.way, func(t *testing.T) {
			t.Parallel()
			p := startChild(t, c.way)
			if c.show != "" {
				p.waitText(c.show)
				p.checkRaw()
			}
			if c.end != nil {
				c.end(p)
			}
			if code := p.waitExit(); code != c.exit {
				t.Errorf("exit status %d, want %d; it said: %s", code, c.exit, p.words.String())
			}
			p.checkRestored()
			if !strings.Contains(p.words.String(), c.says) {
				t.Errorf("it said %q, want %q in it", p.words.String(), c.says)
			}
		})
	}
}

// wake lets a suspended child go on. The child is alone in its session, so nobody else can; and it may
// not listen yet when its terminal is already restored, so the signal is repeated until it is heard.
func (p *terminal) wake() {
	p.t.Helper()
	repeat := time.NewTicker(20 * time.Millisecond)
	defer repeat.Stop()
	deadline := time.After(patience)
	for {
		if err := p.command.Process.Signal(syscall.SIGCONT); err != nil {
			p.t.Fatal(err)
		}
		select {
		case <-repeat.C:
		case <-deadline:
			p.t.Fatal("the screen does not come back")
		}
		p.mu.Lock()
		back := p.screen.IsAltScreen()
		p.mu.Unlock()
		if back {
			return
		}
	}
}

func TestSuspendAndResize(t *testing.T) {
	t.Parallel()
	p := startChild(t, "suspend")
	p.waitText("2 366 steps/s")
	p.typed("\x1a")
	p.checkRestored()
	p.wake()
	p.waitText("2 366 steps/s")
	p.mu.Lock()
	p.screen.Resize(50, 12)
	p.mu.Unlock()
	if err := unix.IoctlSetWinsize(int(p.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 12, Col: 50}); err != nil {
		t.Fatal(err)
	}
	p.waitText("this terminal is too small")
	p.typed("q")
	if code := p.waitExit(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	p.checkRestored()
}
