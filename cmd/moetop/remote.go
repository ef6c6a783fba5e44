package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/front"
)

// defaultRemoteCommand uses the user's own ssh with its configuration. It must not ask for a password:
// the terminal is the screen's. Exec saves a shell on the other side.
const defaultRemoteCommand = `ssh -T -o BatchMode=yes {host} "exec moetop {quoted}"`

// connectTime is how long the screen waits for a worker on another host to say its first word.
const connectTime = 15 * time.Second

// remoteOptions say where the worker runs, if not here.
type remoteOptions struct {
	host    string
	command string // a template; empty is the default
}

func (o *remoteOptions) register(flags *pflag.FlagSet) {
	flags.Var(parsedValue{&o.host, "HOST", checkHost}, "remote", "run the worker on HOST, through ssh")
	flags.Var(parsedValue{&o.command, "TEMPLATE", checkRemoteCommand}, "remote-command",
		"how to start moetop elsewhere; {host}, {args} and, for a shell, {quoted} are filled in")
}

// away reports whether the worker runs elsewhere.
func (o *remoteOptions) away() bool { return o.host != "" || o.command != "" }

// place is what the other side is called in messages.
func (o *remoteOptions) place() string {
	if o.host != "" {
		return o.host
	}
	words, err := splitWords(o.command)
	if err != nil || len(words) == 0 {
		return "another host"
	}
	return "the other side of " + words[0]
}

// checkTogether checks what the flags mean with others.
func (o *remoteOptions) checkTogether(ndjson bool) error {
	hasPlace := o.command == "" || strings.Contains(o.command, "{host}")
	switch {
	case o.away() && ndjson:
		return errors.New("--remote: not allowed with --ndjson: run moetop --ndjson on the other host, or use moetop record")
	case o.host != "" && !hasPlace:
		return fmt.Errorf("--remote-command: %q has no {host} for --remote %s: one is needed", o.command, o.host)
	case o.host == "" && o.command != "" && hasPlace:
		return fmt.Errorf("--remote-command: %q has a {host}, so --remote HOST is needed", o.command)
	}
	return nil
}

var hostPattern = regexp.MustCompile(`^[^\s\x00-\x1f-][^\s\x00-\x1f]*$`)

// checkHost keeps a host from being read as an option.
func checkHost(text string) error {
	if !hostPattern.MatchString(text) {
		return errors.New("a host as ssh takes it is allowed, such as user@gpu7: no blanks, and no dash at its beginning")
	}
	return nil
}

func checkRemoteCommand(text string) error {
	words, err := splitWords(text)
	if err != nil {
		return err
	}
	args, quoted := slices.Contains(words, "{args}"), strings.Contains(text, "{quoted}")
	switch {
	case len(words) == 0 || args == quoted:
		return errors.New("a command with either {args}, for words that no shell reads, or {quoted}, for a shell, is allowed")
	case strings.Count(text, "{args}") > 1 || quoted && strings.Contains(text, "{args}"):
		return errors.New("{args} is allowed once, as a word of its own")
	}
	return nil
}

// argv fills the template in.
func (o *remoteOptions) argv(args []string) ([]string, error) {
	template := o.command
	if template == "" {
		template = defaultRemoteCommand
	}
	words, err := splitWords(template)
	if err != nil {
		return nil, fmt.Errorf("--remote-command: %w", err)
	}
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = shellQuote(arg)
	}
	fill := strings.NewReplacer("{host}", o.host, "{quoted}", strings.Join(quoted, " "))
	var argv []string
	for _, word := range words {
		if word == "{args}" {
			argv = append(argv, args...)
			continue
		}
		argv = append(argv, fill.Replace(word))
	}
	return argv, nil
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// shellQuote makes a word that every shell reads as the text.
func shellQuote(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// splitWords splits a command into words as a shell does, without expanding anything.
func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	open, quote, escaped := false, rune(0), false
	for _, r := range text {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			open, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			open, quote = true, r
		case r == ' ' || r == '\t' || r == '\n':
			if open {
				words = append(words, word.String())
				word.Reset()
			}
			open = false
		default:
			open = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, errors.New("a command whose quotes are closed is allowed")
	}
	if open {
		words = append(words, word.String())
	}
	return words, nil
}

// startFront starts this program again as the worker, here or elsewhere.
func (a *app) startFront(ctx context.Context, o *options, mode string, stderr io.Writer, tap func(profiler.Record)) (*front.Front, error) {
	return a.launch(ctx, o.remote, front.Config{Args: o.workerArgs(mode), Stderr: stderr, Tap: tap})
}

// launch starts this program again with the arguments of a configuration, here or elsewhere.
func (a *app) launch(ctx context.Context, remote remoteOptions, cfg front.Config) (*front.Front, error) {
	if !remote.away() {
		path, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program to start its worker: %w", err)
		}
		cfg.Path = path
		return front.Start(ctx, cfg)
	}
	argv, err := remote.argv(cfg.Args)
	if err != nil {
		return nil, usage(err)
	}
	cfg.Path, cfg.Args = argv[0], argv[1:]
	cfg.Place, cfg.Version = remote.place(), version
	return front.Start(ctx, cfg)
}

// tellVersion says on stderr, where there is no screen to say it, that the other side is not the same
// moetop.
func (a *app) tellVersion(place string, tap func(profiler.Record)) func(profiler.Record) {
	return func(r profiler.Record) {
		if r.Header != nil && r.Header.Version != version {
			_, _ = fmt.Fprintf(a.stderr, "%s: %s runs moetop %s, and this is %s\n", a.program, place, r.Header.Version, version)
		}
		if tap != nil {
			tap(r)
		}
	}
}
