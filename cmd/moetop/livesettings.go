package main

import (
	"strconv"

	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui"
)

// liveKeys say which keys change a flag's value on the screen, and what they do.
func liveKeys(name string) (keys, does string) {
	both := map[string][2]string{
		"es":      {"u d e", "flip a stage, or both"},
		"ab":      {"a", "A/B mode on or off"},
		"model":   {"m", "pick one, or type it with a shard of its own"},
		"tp":      {"m", "type a shard, such as dsv3-tp2"},
		"ep":      {"m", "type a shard, such as dsv3-ep4"},
		"tokens":  {"+ - n", "twice, half, or any number"},
		"routing": {"[ ] w", "less or more skew, or any routing and trace"},
		"theme":   {"t", "the next one"},
		"kernels": {"g", "the next family that the library offers"},
		"view":    {"1-4", "another view"},
	}[name]
	return both[0], both[1]
}

// whyFixed says why a flag cannot be changed while the screen runs.
func whyFixed(name string) string {
	const (
		engine   = "an engine keeps it from its worker's start on: start moetop again"
		whole    = "it is about the whole run, which has begun"
		mixing   = "figures from before and after would be mixed"
		terminal = "it says how the terminal is opened: start moetop again"
		headless = "it is for runs without a screen; s saves a report"
		steering = "it is how others reach the worker, which has started"
	)
	return map[string]string{
		"engine": engine, "library": engine, "device": engine, "timer": engine, "es-launch": engine,
		"no-measure":  "the ceilings of the GPU are measured at the start, before the first step",
		"es-schedule": "a schedule begins with the run; the first key that flips ES ends it",
		"aa":          "it tests the comparison itself, for a whole run", "until-significant": whole, "max-duration": whole, "until-width": whole,
		"duration": whole, "steps": whole, "duty": mixing, "warmup": mixing, "interval": mixing,
		"config-json": "m picks known models; another shape needs a new start", "experts": "m picks known models; another shape needs a new start",
		"top-k": "m picks known models; another shape needs a new start", "hidden": "m picks known models; another shape needs a new start",
		"intermediate": "m picks known models; another shape needs a new start",
		"seed":         "weights and inputs are drawn from it: start moetop again", "samples": headless, "output": headless, "stage-times": headless,
		"ascii": terminal, "no-mouse": terminal, "fps": terminal,
		"remote": steering, "remote-command": steering, "control": steering,
		"trace": "a timeline is whole or nothing; R records from here on", "debug-log": whole, "save-config": "it is done at the end",
	}[name]
}

// liveSettings are the flags of the session with their values now.
func (o *options) liveSettings(view *profiler.View) []ui.Setting {
	flags := pflag.NewFlagSet("moetop", pflag.ContinueOnError)
	flags.SortFlags = false
	defaultOptions().register(flags)
	running := o.runningValues(view)
	var list []ui.Setting
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "json" || f.Name == "ndjson" {
			return
		}
		s := ui.Setting{Flag: f.Name, Value: f.Value.String(), Why: whyFixed(f.Name)}
		if given, ok := o.given[f.Name]; ok {
			s.Value = given
		}
		if now, ok := running[f.Name]; ok {
			s.Value = now
		}
		if s.Value == "" {
			s.Value = "-"
		}
		if keys, does := liveKeys(f.Name); keys != "" {
			s.Keys, s.Why = keys, does
		}
		list = append(list, s)
	})
	return list
}

// runningValues are the values of what keys change, as the view shows them.
func (o *options) runningValues(view *profiler.View) map[string]string {
	values := make(map[string]string)
	if w := view.Workload; w != nil {
		values["model"], values["tokens"] = w.Workload.Name(), strconv.Itoa(w.Workload.Tokens)
		values["routing"], values["kernels"], values["engine"] = w.Workload.Routing.String(), w.Kernels, w.Engine
		values["tp"], values["ep"] = strconv.Itoa(w.Workload.TP), strconv.Itoa(w.Workload.EP)
		values["timer"] = w.Timer
	}
	if s := view.Sample; s != nil {
		values["ab"] = strconv.FormatBool(s.AB)
		if values["es"] = s.ES.String(); s.AB {
			values["es"] = "all, in turn"
		}
	}
	return values
}
