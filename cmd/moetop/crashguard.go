package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/charmbracelet/x/ansi"
	"golang.org/x/sys/unix"

	"github.com/moetop/moetop/ui"
)

// The screen restores the terminal at every end that it lives to see. What ends the whole process at
// once (a panic in a goroutine that is not the screen's, a fatal error of the runtime, SIGKILL) is
// watched by a process beside it, which is told of an end in good order and else restores the
// terminal.

// guardName is what this program is called where it is the guard of another one.
const guardName = "moetop-crash-guard"

// goodEnd is what a guard is told when there is nothing to do.
const goodEnd = "moetop ended in good order\n"

// crashGuard is the process beside the screen.
type crashGuard struct {
	cmd  *exec.Cmd
	pipe *os.File
}

// startGuard starts the guard of a screen on a terminal. Without one the screen works all the same.
func startGuard(tty *os.File) (*crashGuard, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program to guard it: %w", err)
	}
	// Read here, since the screen will have changed them before the guard could.
	before, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		return nil, fmt.Errorf("read the settings of the terminal: %w", err)
	}
	settings, err := json.Marshal(before)
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	g := &crashGuard{cmd: exec.Command(path), pipe: writer}
	g.cmd.Args = []string{guardName, string(settings)}
	g.cmd.Stdin, g.cmd.Stdout, g.cmd.Stderr = reader, tty, os.Stderr
	// In a group of its own, so that what stops or ends the screen's does not take the guard along.
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = g.cmd.Start()
	if err = errors.Join(err, reader.Close()); err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	// The runtime writes what crashes the process there, too.
	if err := debug.SetCrashOutput(writer, debug.CrashOptions{}); err != nil {
		return nil, errors.Join(err, g.end())
	}
	return g, nil
}

// end tells the guard that there is nothing to do, and waits for it.
func (g *crashGuard) end() error {
	if g == nil {
		return nil
	}
	err := debug.SetCrashOutput(nil, debug.CrashOptions{})
	_, writeErr := io.WriteString(g.pipe, goodEnd)
	return errors.Join(err, writeErr, g.pipe.Close(), g.cmd.Wait())
}

// showScreen shows the screen, under a guard if there can be one.
func (a *app) showScreen(ctx context.Context, source ui.Source, opts ui.Options) error {
	var g *crashGuard
	if tty, ok := a.stdout.(*os.File); ok {
		var err error
		if g, err = startGuard(tty); err != nil && opts.DebugLog != nil {
			_, _ = fmt.Fprintf(opts.DebugLog, "no guard of the terminal: %v\n", err)
		}
	}
	err := ui.Run(ctx, source, opts)
	return errors.Join(err, g.end())
}

// guard watches the process that started it, until that has ended: this process's stdin says how, its
// stdout is the terminal, and its argument the settings that this had.
func guard(args []string) int {
	// It has to outlive the end of what it guards, and to write from the background.
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGTTOU, syscall.SIGTTIN)
	tty := int(os.Stdout.Fd())
	var before unix.Termios
	if len(args) != 1 || json.Unmarshal([]byte(args[0]), &before) != nil {
		return exitUsage
	}
	first := make([]byte, len(goodEnd))
	n, _ := io.ReadFull(os.Stdin, first)
	if string(first[:n]) == goodEnd {
		return 0
	}
	// At the first word of a crash, since the shell takes the terminal over when it is complete.
	restoreTerminal(tty, &before)
	words, _ := io.ReadAll(os.Stdin)
	words = append(first[:n:n], words...)
	if len(bytes.TrimSpace(words)) > 0 {
		_, _ = fmt.Fprintf(os.Stderr, "moetop crashed; the terminal was restored:\n%s", words)
	}
	return 0
}

// restoreTerminal undoes what the screen does to a terminal. Settings that are no longer those of the
// screen belong to the shell already.
func restoreTerminal(tty int, before *unix.Termios) {
	_, _ = io.WriteString(os.Stdout, ansi.ResetModeAltScreenSaveCursor+ansi.SetModeTextCursorEnable+
		ansi.ResetModeMouseButtonEvent+ansi.ResetModeMouseAnyEvent+ansi.ResetModeMouseExtSgr+ansi.ResetModeBracketedPaste+
		ansi.ResetModeFocusEvent+ansi.KittyKeyboard(0, 1)+ansi.ResetModifyOtherKeys+ansi.ResetStyle)
	now, err := unix.IoctlGetTermios(tty, unix.TCGETS)
	if err == nil && now.Oflag&unix.OPOST == 0 {
		_ = unix.IoctlSetTermios(tty, unix.TCSETSW, before)
	}
}
