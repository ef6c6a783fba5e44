package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"
	"golang.org/x/sys/unix"
)

// screenProcess is the real program on a pseudo-terminal whose output is counted and searched, which
// tmux, a program of its own, would keep from being timed.
type screenProcess struct {
	tb     testing.TB
	cmd    *exec.Cmd
	master *os.File
	begun  time.Time

	mu      sync.Mutex
	written bytes.Buffer
	screen  *vt.Emulator
	changed chan struct{}
	ended   func()
}

// The budgets are for a screen of this size.
const (
	screenWidth  = 160
	screenHeight = 48
)

func startScreen(tb testing.TB, env []string, args ...string) *screenProcess {
	tb.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		tb.Skipf("no pseudo-terminals here: %v", err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		tb.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		tb.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: screenHeight, Col: screenWidth}); err != nil {
		tb.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = slave.Close() }()
	p := &screenProcess{
		tb: tb, cmd: exec.Command(binary(), args...), master: master, changed: make(chan struct{}, 1), screen: vt.NewEmulator(screenWidth, screenHeight),
	}
	// What asks a multiplexer that the tests may run in for its colours would get the wrong answer.
	p.cmd.Env = environment(append([]string{"COLORTERM=truecolor", "LC_ALL=C.UTF-8", "TMUX=", "STY="}, env...)...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	p.begun = time.Now()
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	var readers sync.WaitGroup
	readers.Go(p.read)
	readers.Go(func() { _, _ = io.Copy(master, p.screen) }) // What the terminal replies to queries.
	p.ended = sync.OnceFunc(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
		if pipe, ok := p.screen.InputPipe().(io.Closer); ok {
			_ = pipe.Close()
		}
		readers.Wait()
		_ = master.Close()
	})
	tb.Cleanup(p.ended)
	return p
}

// read ends with the last process that has the terminal.
func (p *screenProcess) read() {
	buffer := make([]byte, 1<<16)
	for {
		n, err := p.master.Read(buffer)
		p.mu.Lock()
		_, _ = p.written.Write(buffer[:n])
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

// await returns when the text is on the screen.
func (p *screenProcess) await(text string) (when time.Time) {
	p.tb.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		seen := strings.Contains(ansi.Strip(p.screen.String()), text)
		p.mu.Unlock()
		if seen {
			return time.Now()
		}
		select {
		case <-p.changed:
		case <-deadline:
			p.mu.Lock()
			defer p.mu.Unlock()
			p.tb.Fatalf("no %q within %v on the screen:\n%s", text, patience, ansi.Strip(p.screen.String()))
		}
	}
}

// answered types a key and returns how long it takes until its text is there.
func (p *screenProcess) answered(key, text string) time.Duration {
	p.tb.Helper()
	from := time.Now()
	if _, err := p.master.WriteString(key); err != nil {
		p.tb.Fatal(err)
	}
	return p.await(text).Sub(from)
}

// output is all that was written to the terminal.
func (p *screenProcess) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written.String()
}

func (p *screenProcess) bytes() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.written.Len()
}

// cpuTime is what the front itself has used, without its worker.
func (p *screenProcess) cpuTime() time.Duration {
	p.tb.Helper()
	var usage struct{ user, system uint64 }
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.tb.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(after)
	const user, system, ticksPerSecond = 11, 12, 100
	if _, err := fmt.Sscan(fields[user]+" "+fields[system], &usage.user, &usage.system); err != nil {
		p.tb.Fatal(err)
	}
	return time.Duration(usage.user+usage.system) * time.Second / ticksPerSecond
}
