package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/front"
)

// The exit codes; those of a signal are 128 and its number.
const (
	exitDone    = 0
	exitFailure = 1
	exitUsage   = 2
	exitNoGPU   = 3
	exitWrong   = 4
	exitSignal  = 128
)

// codeError ends the program with a code of its own. Without an error nothing is printed.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.code)
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// app is what all commands share.
type app struct {
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	program string   // how people call it
	environ []string // for the flags
}

// run is the whole program but for the process's end.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, program: "moetop", environ: os.Environ()}
	root := a.rootCommand()
	root.SetArgs(args[1:])
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := completeValues(root); err != nil {
		return a.exitCode(err)
	}
	cmd, err := root.ExecuteContextC(ctx)
	return a.exitCode(nameVariable(err, cmd.Flags()))
}

// exitCode tells people what went wrong, in one line, and chooses the exit code.
func (a *app) exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	// Whoever closed the pipe knows.
	if errors.Is(err, syscall.EPIPE) {
		return exitDone
	}
	code, silent := classify(err)
	if !silent {
		_, _ = fmt.Fprintf(a.stderr, "%s: %s\n", a.program, strings.TrimSpace(err.Error()))
	}
	return code
}

// classify returns the exit code of an error, and whether everything was already said.
func classify(err error) (code int, silent bool) {
	var coded *codeError
	var argument *profiler.ArgumentError
	var noGPU *profiler.NoGPUError
	var died *front.DiedError
	switch {
	case errors.As(err, &coded):
		return coded.code, coded.err == nil
	case errors.As(err, &died):
		return died.ExitCode, false
	case errors.As(err, &argument):
		return exitUsage, false
	case errors.As(err, &noGPU):
		return exitNoGPU, false
	default:
		return exitFailure, false
	}
}

// usage makes an error one of usage.
func usage(err error) error { return &codeError{code: exitUsage, err: err} }

func (a *app) rootCommand() *cobra.Command {
	opts := defaultOptions()
	root := &cobra.Command{
		Use:   "moetop",
		Short: "Profile an FP8 Mixture-of-Experts layer live, with expert specialization off and on",
		Long: `moetop runs an FP8 Mixture-of-Experts layer in a loop and shows, live, the latency of each stage
with expert specialization (ES) off and on, what the GPU did meanwhile, and what to deploy.

Without --json or --ndjson it is interactive. Every flag has an environment variable, such as
MOETOP_TOKENS for --tokens, and may stand in the config file; moetop config shows what holds.`,
		Version:           version,
		Args:              noArguments,
		PersistentPreRunE: a.configure,
		SilenceErrors:     true,
		SilenceUsage:      true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := opts.complete(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			switch {
			case opts.ndjson:
				return a.runWorker(cmd.Context(), opts)
			case opts.json:
				return a.runHeadless(cmd.Context(), opts)
			default:
				opts.configPath = configPath(givenConfig(cmd, a.environ), a.environ)
				return a.runInteractive(cmd.Context(), opts)
			}
		},
	}
	root.PersistentFlags().String("config", "", "read settings from `FILE` (default: $XDG_CONFIG_HOME/moetop/config.toml)")
	root.SetVersionTemplate(versionText())
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	opts.register(root.Flags())
	root.AddCommand(
		a.verifyCommand(), a.doctorCommand(),
		a.sweepCommand(), a.compareCommand(), a.reportCommand(),
		a.recordCommand(), a.replayCommand(), a.serveCommand(),
		a.ctlCommand(), a.configCommand(), a.manCommand(),
	)
	return root
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	allowed := "it takes none"
	if len(names) > 0 {
		allowed = "one of the commands " + strings.Join(names, ", ") + ", or flags"
	}
	return usage(fmt.Errorf("argument %q of %s is not allowed: %s", args[0], cmd.CommandPath(), allowed))
}
