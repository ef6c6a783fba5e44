package main

import (
	"slices"

	"github.com/moetop/moetop/profiler"
)

// notForWorker are flags that concern the front alone.
func notForWorker(name string) bool {
	if name == "config" || name == "control-socket" {
		return true // A worker gets what the file says as flags, and the socket from --control.
	}
	return slices.Contains([]string{
		"json", "ndjson", "control", "front-mode", "output", "listen", "theme", "ascii", "no-mouse", "fps", "debug-log", "help", "version",
		"append", "view", "save-config", "remote", "remote-command", "trace",
	}, name)
}

// flag writes a flag that was given, by the command line or the environment, as an argument.
func (o *options) flag(name string) string {
	return "--" + name + "=" + o.given[name]
}

// workerArgs are the arguments with which a front that was called so starts its worker.
func (o *options) workerArgs(frontMode string) []string {
	args := []string{"--ndjson", "--control=-", "--front-mode=" + frontMode}
	if path := o.controlSocket(); path != "" {
		args = append(args, "--control-socket="+path)
	}
	for _, name := range o.order {
		if !notForWorker(name) {
			args = append(args, o.flag(name))
		}
	}
	if _, given := o.given["duration"]; !given && o.duration != 0 {
		args = append(args, "--duration="+o.duration.String())
	}
	if o.trace != "" && !o.stages {
		args = append(args, "--stage-times=true")
	}
	return args
}

// controlSocket is the path of the socket that the session is steered through, or empty: a worker
// whose stdin belongs to its front listens for others, too.
func (o *options) controlSocket() string {
	if o.socket != "" {
		return o.socket
	}
	return socketPath(o.control)
}

// command is the argv that repeats the run: the flags that were given, and the choices that the
// program made in place of others.
func (o *options) command(program string, w profiler.Workload, engine string) []string {
	argv := []string{program}
	switch o.frontMode {
	case "json":
		argv = append(argv, "--json")
	case "serve":
		argv = append(argv, "serve")
	case "":
		argv = append(argv, "--ndjson")
	}
	for _, name := range o.order {
		if name != "engine" && name != "seed" && !notForWorker(name) {
			argv = append(argv, o.flag(name))
		}
	}
	argv = append(argv, "--engine="+engine)
	if o.model == "" && o.experts == 0 && o.modelFile == "" {
		argv = append(argv, "--model="+w.Name())
	}
	return append(argv, "--seed="+seedValue{&w.Seed}.String())
}
