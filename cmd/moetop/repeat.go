package main

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// changeable are the flags that a key can have overtaken since the start, or that a live session does
// not have: they are said anew for what runs now.
func changeable(name string) bool {
	return slices.Contains(slices.Concat(untilFlags(), []string{
		"ndjson", "json", "es", "es-schedule", "ab", "aa", "model", "experts", "top-k", "hidden", "intermediate", "tp", "ep",
		"tokens", "routing", "seed", "kernels", "config-json",
	}), name)
}

// untilFlags are those of a run that ends with its verdict.
func untilFlags() []string { return []string{"until-significant", "max-duration", "until-width"} }

// flagOf takes a word of a command that moetop wrote apart, such as --tokens=8.
func flagOf(word string) (name, value string) {
	name, value, _ = strings.Cut(strings.TrimPrefix(word, "--"), "=")
	return name, value
}

// repeatCommand is the command line that measures what a view shows, without a screen. It keeps the
// flags of the worker's own command that no key changes.
func repeatCommand(view *profiler.View) []string {
	if view.Header == nil || view.Workload == nil || len(view.Header.Command) == 0 {
		return nil
	}
	argv := []string{view.Header.Command[0], "--json"}
	for _, word := range view.Header.Command[1:] {
		name, _ := flagOf(word)
		if !changeable(name) {
			argv = append(argv, word)
		}
	}
	return append(argv, runningFlags(view, view.Header.Command)...)
}

// steering follows a session without a screen that takes commands: its report is of what ran last, which
// the command that started it may not repeat any more.
type steering struct {
	fold  *profiler.Fold
	begun *profiler.WorkloadRecord
}

func (s *steering) note(r profiler.Record) {
	if s.begun == nil {
		s.begun = r.Workload
	}
	s.fold.Apply(r)
}

// elsewhere reports whether something else runs than the flags say. A schedule switches ES by itself.
func (s *steering) elsewhere(o *options) bool {
	view := s.fold.View()
	if s.begun == nil || view.Workload == nil || view.Sample == nil {
		return false
	}
	compares := o.measuring.ab || o.measuring.aa
	return view.Workload.Workload != s.begun.Workload || view.Workload.Kernels != s.begun.Kernels || view.Sample.AB != compares ||
		!compares && len(o.schedule) == 0 && view.Sample.ES != o.mask
}

// resumeArgs are the arguments with which a worker that made room comes back: those of the session, with
// what the view shows in place of what it was started with.
func (o *options) resumeArgs(view *profiler.View) ([]string, error) {
	if view == nil || view.Workload == nil {
		return nil, errors.New("the workload is not known yet")
	}
	var args []string
	started := o.workerArgs("interactive")
	for _, word := range started {
		name, _ := flagOf(word)
		if name == "ndjson" || !changeable(name) {
			args = append(args, word)
		}
	}
	args = append(args, runningFlags(view, started)...)
	if !o.remote.away() {
		return args, nil
	}
	argv, err := o.remote.argv(args)
	if err != nil {
		return nil, err
	}
	return argv[1:], nil
}

// runningFlags say what runs in a session that was started with the words.
func runningFlags(view *profiler.View, started []string) []string {
	w := view.Workload.Workload
	argv := append(shapeFlags(w, started), "--tokens="+strconv.Itoa(w.Tokens), "--routing="+w.Routing.String(),
		"--seed="+strconv.FormatUint(w.Seed, 10))
	if kernels := view.Workload.Kernels; view.Workload.Engine != "cpu" && kernels != "" {
		argv = append(argv, "--kernels="+kernels)
	}
	if view.Sample == nil {
		return argv
	}
	return append(argv, modeFlags(view.Sample, started)...)
}

// modeFlags say what is switched on. A session that was started to end with its verdict ends with it as
// long as it compares: without that there is none, and the flags would be refused.
func modeFlags(sample *profiler.Sample, started []string) []string {
	mask := sample.ES
	if sample.PendingES != nil {
		mask = *sample.PendingES
	}
	flags := []string{"--ab"}
	switch {
	case !sample.AB:
		return []string{"--es=" + mask.String()}
	case sample.AA:
		flags = []string{"--aa", "--es=" + mask.String()}
	}
	for _, word := range started {
		name, _ := flagOf(word)
		if slices.Contains(untilFlags(), name) {
			flags = append(flags, word)
		}
	}
	return flags
}

// shapeFlags say the shape and the shard of a workload: by its name, by the file that the session was
// started with, or whole, with its shards apart, as the flags take it. A key chooses only what has a name.
func shapeFlags(w profiler.Workload, started []string) []string {
	if _, err := profiler.ParseModel(w.Name()); err == nil {
		return []string{"--model=" + w.Name()}
	}
	for _, word := range started {
		if path, found := strings.CutPrefix(word, "--config-json="); found {
			described := sweep.Described{ConfigJSON: path, Workload: w}
			return described.Flags()
		}
	}
	number := func(name string, n int) string { return "--" + name + "=" + strconv.Itoa(n) }
	flags := []string{
		number("experts", w.Experts*w.EP), number("top-k", w.TopK), number("hidden", w.Hidden),
		number("intermediate", w.Intermediate*w.TP),
	}
	if w.TP > 1 || w.EP > 1 {
		flags = append(flags, number("tp", w.TP), number("ep", w.EP))
	}
	return flags
}

// shownCommand is repeatCommand in words that can be pasted into a shell.
func shownCommand(view *profiler.View) []string {
	argv := repeatCommand(view)
	for i, word := range argv {
		argv[i] = shellQuote(word)
	}
	return argv
}
