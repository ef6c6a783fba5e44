package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/moetop/moetop/profiler"
)

// ctlOptions are the flags of moetop ctl.
type ctlOptions struct {
	socket  string
	json    bool
	timeout time.Duration
}

// defaultCtlTimeout leaves time for the largest model to be built.
const defaultCtlTimeout = 2 * time.Minute

func (a *app) ctlCommand() *cobra.Command {
	o := &ctlOptions{timeout: defaultCtlTimeout}
	cmd := &cobra.Command{
		Use:   "ctl --socket PATH COMMAND",
		Short: "Steer a session that runs with --control unix:PATH",
		Long: `ctl sends one command to a session that was started with --control unix:PATH, prints the answer, and
exits with 0 if the command was carried out, 1 if it was refused or nobody answered, 2 on wrong usage.

` + ctlHelp(),
		Example: `  moetop --control unix:/tmp/moetop.sock          # in one terminal
  moetop ctl --socket /tmp/moetop.sock es up=on   # in another`,
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return completeCtl(args), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := fromEnvironment(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			return a.runCtl(cmd.Context(), o, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.socket, "socket", "", "`PATH` that the session was given as --control unix:PATH")
	addBool(flags, &o.json, "json", "print the answer as the record that stands in the stream, too")
	flags.Var(durationValue{&o.timeout, time.Millisecond, 24 * time.Hour}, "timeout", "wait so long for the answer")
	return cmd
}

func (a *app) runCtl(ctx context.Context, o *ctlOptions, args []string) error {
	cmd, err := parseCtl(args)
	if err != nil {
		return usage(err)
	}
	path := strings.TrimPrefix(o.socket, socketScheme)
	if path == "" {
		return usage(errors.New("--socket: the path is missing that the session was given as --control unix:PATH"))
	}
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	answer, err := askSession(ctx, path, cmd)
	if err != nil {
		return err
	}
	if err := a.tellAnswer(o, args, answer); err != nil {
		return err
	}
	if !answer.Ack.OK {
		return &codeError{exitFailure, fmt.Errorf("refused: %s", answer.Ack.Error)}
	}
	return nil
}

// askSession sends one command and returns its answer.
func askSession(ctx context.Context, path string, cmd profiler.Command) (profiler.Record, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return profiler.Record{}, fmt.Errorf("--socket: no session listens: %w", err)
	}
	defer func() { _ = conn.Close() }()
	// A signal or the time limit ends the wait for the answer.
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	line, err := profiler.EncodeCommand(cmd)
	if err != nil {
		return profiler.Record{}, err
	}
	if _, err := conn.Write(line); err != nil {
		return profiler.Record{}, noAnswer(ctx, path, err)
	}
	decoder := profiler.NewDecoder(conn)
	for {
		record, err := decoder.Next()
		if err != nil {
			return profiler.Record{}, noAnswer(ctx, path, err)
		}
		if record.Ack != nil {
			return record, nil
		}
	}
}

func noAnswer(ctx context.Context, path string, err error) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return fmt.Errorf("the session at %s gave no answer: %w", path, err)
}

// tellAnswer prints what was answered. In words, a refusal goes to stderr alone.
func (a *app) tellAnswer(o *ctlOptions, args []string, answer profiler.Record) error {
	restore := keepBrokenPipe()
	defer restore()
	var err error
	switch {
	case o.json:
		err = profiler.NewEncoder(a.stdout).Encode(answer)
	case answer.Ack.OK:
		_, err = fmt.Fprintf(a.stdout, "%s: ok from step %d on, generation %d\n",
			strings.Join(args, " "), answer.Step, answer.Generation)
	}
	if err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}
