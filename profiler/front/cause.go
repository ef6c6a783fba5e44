package front

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	keptLines   = 4   // the last lines of stderr that a cause of death may quote
	longestLine = 300 // bytes kept of each
)

// lastWords listens to a worker's stderr. It keeps the last lines and, since a crash of a Go process
// is followed by pages of stack, the line that names the crash.
type lastWords struct {
	tee io.Writer

	mu    sync.Mutex
	line  []byte
	lines []string
	crash string
}

func newLastWords(tee io.Writer) *lastWords { return &lastWords{tee: tee} }

// Write implements io.Writer; it never fails, so that the worker never gets stuck on its stderr.
func (l *lastWords) Write(p []byte) (int, error) {
	if l.tee != nil {
		_, _ = l.tee.Write(p)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for rest := p; len(rest) > 0; {
		head, tail, ended := bytes.Cut(rest, []byte{'\n'})
		if room := longestLine - len(l.line); room > 0 {
			l.line = append(l.line, head[:min(room, len(head))]...)
		}
		if ended {
			l.endLine()
		}
		rest = tail
	}
	return len(p), nil
}

// crashLine matches what Go's runtime says first about a fatal signal, a panic, or an error of its
// own.
var crashLine = regexp.MustCompile(`^(?:\[signal )?(SIG[A-Z0-9]+): |^(panic: .*|fatal error: .*)`)

func (l *lastWords) endLine() {
	text := strings.TrimSpace(string(l.line))
	l.line = l.line[:0]
	if text == "" {
		return
	}
	// A signal says more than the "fatal error" that precedes it.
	if crashLine.MatchString(text) && (l.crash == "" || strings.Contains(text, "SIG") && !strings.Contains(l.crash, "SIG")) {
		l.crash = text
	}
	if len(l.lines) == keptLines {
		l.lines = l.lines[1:]
	}
	l.lines = append(l.lines, text)
}

// end returns the crash line, if there was one, and the last lines as one.
func (l *lastWords) end() (crash, last string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endLine()
	return l.crash, strings.Join(l.lines, " / ")
}

// exitCause tells people how a process ended that did not end well: the signal by name, else the
// panic, else the exit status with the last words.
func exitCause(waited error, words *lastWords) string {
	crash, last := words.end()
	if m := crashLine.FindStringSubmatch(crash); m != nil {
		if m[1] != "" {
			return signalText(unix.SignalNum(m[1]))
		}
		return m[2]
	}
	var exit *exec.ExitError
	if !errors.As(waited, &exit) {
		return waited.Error()
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	text := exit.String()
	if ok && status.Signaled() {
		text = signalText(status.Signal())
	}
	if last != "" {
		text += ": " + last
	}
	return text
}

func signalText(sig syscall.Signal) string {
	return fmt.Sprintf("%v (%s)", sig, unix.SignalName(sig))
}
