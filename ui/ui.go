package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// Source delivers views and takes commands.
type Source interface {
	// Views is a channel of capacity 1 that holds the newest view; it is closed with the source.
	Views() <-chan *profiler.View
	// Send passes a command on and never blocks.
	Send(cmd profiler.Command) error
	// Restart ends what is left of the worker, if anything, and starts a new one.
	Restart() error
}

// ModelChoice is a model that the picker offers.
type ModelChoice struct {
	Name  string // as profiler.Command.Model takes it, such as dsv3-tp8
	Title string // for people, such as DeepSeek-V3 tp8
}

// Options say how the screen looks and where it is.
type Options struct {
	Input  io.Reader // nil is standard input
	Output io.Writer // nil is standard output
	// FPS caps the frames a second; 0 is DefaultFPS.
	FPS int
	// ASCII keeps box, block and braille characters away; it is also chosen by a locale or a terminal
	// that cannot show them.
	ASCII bool
	// NoMouse leaves the mouse to the terminal.
	NoMouse bool
	// Theme is auto (or empty), dark, light or contrast; auto follows the terminal's background.
	Theme string
	// NoColor switches colour off; a NO_COLOR in Environ that is not empty does too.
	NoColor bool
	// Models are what the picker offers, in this order.
	Models []ModelChoice
	// HistorySpan is how much time the charts show; 0 is DefaultHistorySpan.
	HistorySpan time.Duration
	// Save writes the report of a view to a file and says where; nil takes the key away. It is called
	// beside the screen and may take its time.
	Save func(view *profiler.View) (path string, err error)
	// Command is the command line that repeats what a view shows, each word quoted for a shell; nil
	// takes the key away. It must be quick.
	Command func(view *profiler.View) []string
	// View is the view that is shown first, one of Views; empty is live.
	View string
	// Settings are the flags with their values now; nil takes the key away. It must be quick.
	Settings func(view *profiler.View) []Setting
	// Ended is told what the screen showed when the user left it; nil is nobody.
	Ended func(Left)
	// Recorder records the stream; nil takes the key away.
	Recorder Recorder
	// FullRate says that others than the screen take the samples, too: they are to come as often as ever
	// while nobody looks.
	FullRate bool
	// Sweeps measures sweeps; nil takes the sweep view away.
	Sweeps Sweeper
	// Described is the model that the session was started with, if a file describes it, for sweeps of it.
	Described *sweep.Described
	// Player plays what the views show; nil if they are those of a run.
	Player Player
	// CPUTime is the CPU time that this process has used, of which the screen shows its share; nil hides it.
	CPUTime func() time.Duration
	// DebugLog takes a line for every command and every problem of the screen; nil drops them.
	DebugLog io.Writer
	// Environ is the environment; nil is that of the process.
	Environ []string
}

// Defaults and limits of Options.
const (
	DefaultFPS         = 10
	MaxFPS             = 60 // also of what keys change, which is shown at once
	DefaultHistorySpan = 60 * time.Second
)

// normalize fills in what was left out and refuses what is not allowed.
func (o Options) normalize() (Options, error) {
	if o.Input == nil {
		o.Input = os.Stdin
	}
	if o.Output == nil {
		o.Output = os.Stdout
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.FPS == 0 {
		o.FPS = DefaultFPS
	}
	if o.FPS < 1 || o.FPS > MaxFPS {
		return o, &profiler.ArgumentError{
			Field: "fps", Value: fmt.Sprint(o.FPS), Allowed: fmt.Sprintf("1 to %d", MaxFPS),
		}
	}
	if o.HistorySpan == 0 {
		o.HistorySpan = DefaultHistorySpan
	}
	if o.HistorySpan < time.Second {
		return o, &profiler.ArgumentError{
			Field: "history", Value: o.HistorySpan.String(), Allowed: "at least 1s",
		}
	}
	if _, err := parseTheme(o.Theme); err != nil {
		return o, err
	}
	if _, err := parseView(o.View); err != nil {
		return o, err
	}
	o.NoColor = o.NoColor || noColor(o.Environ)
	o.ASCII = o.ASCII || needsASCII(o.Environ)
	return o, nil
}

// SignalError says that a signal ended the screen.
type SignalError struct{ Signal os.Signal }

func (e *SignalError) Error() string { return "ended by signal: " + e.Signal.String() }

// Run shows the screen until the user quits, ctx is done or a signal comes, and restores the
// terminal in every case. It returns nil when the user quit or ctx is done, a *SignalError after
// SIGINT, SIGTERM, SIGHUP or SIGQUIT, and whatever else ended the screen. It does not close the
// source.
func Run(ctx context.Context, source Source, opts Options) error {
	opts, err := opts.normalize()
	if err != nil {
		return err
	}
	screen := newModel(source, opts)
	program := tea.NewProgram(screen,
		tea.WithContext(ctx),
		tea.WithInput(opts.Input),
		tea.WithOutput(opts.Output),
		tea.WithEnvironment(opts.Environ),
		tea.WithFPS(MaxFPS), screen.pace.option(),
		tea.WithoutSignalHandler(),
	)
	pumping, stop := context.WithCancel(ctx)
	defer stop()
	finished := make(chan struct{})
	// A program that is killed before it has set up the terminal would not restore it, so whoever
	// wants to end it waits for its first message.
	kill := func() {
		select {
		case <-screen.started:
			program.Kill()
		case <-finished:
		}
	}
	helpers := newHelpers(kill)
	helpers.start(func() { pumpViews(pumping, source.Views(), program.Send, frameTime(opts.FPS)) })
	if opts.Sweeps != nil {
		updates := opts.Sweeps.Updates()
		helpers.start(func() {
			pump(pumping, updates, frameTime(opts.FPS), func(u *SweepUpdate) { program.Send(sweepMsg{u}) })
		})
	}
	signals := newSignalWatch()
	helpers.start(func() { signals.watch(pumping, kill) })

	_, err = program.Run()
	close(finished)
	stop()
	helperErr := helpers.wait()
	switch {
	case signals.caught() != nil:
		return &SignalError{Signal: signals.caught()}
	case helperErr != nil:
		return helperErr
	case screen.failure != nil:
		return screen.failure
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return nil
	case err != nil:
		return fmt.Errorf("screen: %w", err)
	}
	if opts.Ended != nil {
		opts.Ended(screen.left())
	}
	return nil
}

func frameTime(fps int) time.Duration { return time.Second / time.Duration(fps) }
