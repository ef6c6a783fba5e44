package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
	"github.com/moetop/moetop/ui"
)

// engineOptions choose an engine; every command that runs one has them.
type engineOptions struct {
	engine  string
	library string
	device  string
	kernels string
	timer   string
	launch  string // of ES
}

func defaultEngineOptions() engineOptions {
	return engineOptions{engine: "auto", kernels: "cutlass", timer: "auto", launch: "auto"}
}

func (o *engineOptions) register(flags *pflag.FlagSet) {
	flags.Var(choiceValue{&o.engine, []string{"auto", "cuda", "cpu"}}, "engine", "what runs the layer; auto is cuda where there is a usable GPU")
	flags.StringVar(&o.library, "library", "", "`PATH` of the CUDA engine's library (default: libmoetop.so near the executable)")
	flags.StringVar(&o.device, "device", "", "GPU by `INDEX` or UUID (default: the first that can be used)")
	flags.Var(choiceValue{&o.kernels, []string{"cutlass", "native", profiler.AutoKernels}}, "kernels",
		"family of the CUDA kernels: cutlass is what sglang runs, auto the fastest that the library has")
	flags.Var(choiceValue{&o.timer, []string{"auto", "cupti", "events", "none"}}, "timer", "how stages are timed on the GPU")
	flags.Var(choiceValue{&o.launch, []string{"auto", "pdl", "streams"}}, "es-launch", "how the launches of an ES stage are issued")
}

// options are the flags of the root command.
type options struct {
	engine engineOptions

	json, ndjson bool
	control      string

	es         string
	esSchedule string
	measuring  measuringOptions
	duration   time.Duration
	steps      int
	warmup     int
	interval   time.Duration

	model                               string
	modelFile                           string // config.json
	modelShape                          profiler.Workload
	experts, topK, hidden, intermediate int
	tp, ep, tokens                      int
	routing                             string
	seed                                uint64

	samples bool // in the report
	output  string
	theme   string
	ascii   bool
	noMouse bool
	// noMeasure leaves the GPU's ceilings unmeasured.
	noMeasure bool
	fps       int
	debug     string
	view      string
	// saveConfig writes what the session left into the file at configPath.
	saveConfig bool
	configPath string

	socket    string // set by a front for its worker: the path of --control
	remote    remoteOptions
	trace     string
	stages    bool   // in the raw steps of samples
	frontMode string // set by a front for its worker: how the front was called

	mask     profiler.ESMask
	schedule []profiler.ScheduleEntry
	given    map[string]string // flags that were set, by flag or environment, with their values
	order    []string          // their names, in a fixed order
}

// Defaults that both the help and the code need.
const (
	defaultDuration = 10 * time.Second
	defaultInterval = 100 * time.Millisecond
	defaultWarmup   = 10
)

func defaultOptions() *options {
	return &options{
		engine: defaultEngineOptions(), measuring: defaultMeasuringOptions(), es: profiler.ESOff.String(), interval: defaultInterval,
		warmup: defaultWarmup, seed: profiler.DefaultSeed, routing: string(profiler.Uniform),
		theme: "auto", view: "live", fps: 10,
	}
}

func (o *options) register(flags *pflag.FlagSet) {
	day := 24 * time.Hour
	flags.SortFlags = false
	addBool(flags, &o.json, "json", "run without a screen and print one JSON report")
	addBool(flags, &o.ndjson, "ndjson", "run without a screen and stream one JSON record a line")
	flags.Var(controlValue{&o.control}, "control", "read commands, one JSON object a line: - is stdin (with --ndjson), unix:PATH a socket")
	flags.StringVar(&o.socket, "control-socket", "", "socket that the worker of a front listens on")
	flags.Lookup("control-socket").Hidden = true
	flags.Var(choiceValue{&o.es, []string{"off", "up", "down", "both"}}, "es", "stages that start with expert specialization")
	flags.Var(parsedValue{&o.esSchedule, "LIST", func(text string) error {
		_, err := parseSchedule(text)
		return err
	}}, "es-schedule", "switch ES at times, such as 0s=off,5s=both")
	o.measuring.register(flags)
	flags.Var(durationValue{&o.duration, time.Millisecond, 30 * day}, "duration", "end after this time (with --json: 10s if no limit is given)")
	flags.Var(intValue{&o.steps, 1, math.MaxInt32}, "steps", "end after this many measured steps")
	flags.Var(intValue{&o.warmup, 0, 1_000_000}, "warmup", "steps that run first and are not measured")
	flags.Var(durationValue{&o.interval, 20 * time.Millisecond, 10 * time.Second}, "interval", "time between samples")
	flags.Var(parsedValue{&o.model, "NAME", parses(profiler.ParseModel)}, "model", "preset, such as dsv3-tp8 (default: dsv3-tp8 on a GPU, tiny on the CPU)")
	flags.Var(modelFileValue{&o.modelFile, &o.modelShape}, "config-json", "the shape of any MoE model, from its Hugging Face config.json")
	flags.Var(intValue{&o.experts, 1, profiler.MaxExperts}, "experts", "custom shape: experts")
	flags.Var(intValue{&o.topK, 1, profiler.MaxTopK}, "top-k", "custom shape: experts of a token")
	flags.Var(intValue{&o.hidden, profiler.BlockWidth, profiler.MaxWidth}, "hidden", "custom shape: hidden size, a multiple of 128")
	flags.Var(intValue{&o.intermediate, profiler.BlockWidth, profiler.MaxWidth}, "intermediate", "custom shape: intermediate size of an expert, a multiple of 128")
	flags.Var(intValue{&o.tp, 1, 1024}, "tp", "ranks that the intermediate size is divided over")
	flags.Var(intValue{&o.ep, 1, 1024}, "ep", "ranks that the experts are divided over")
	flags.Var(intValue{&o.tokens, 1, profiler.MaxRows}, "tokens", fmt.Sprintf("tokens in a batch (default %d)", profiler.DefaultTokens))
	flags.Var(parsedValue{&o.routing, "KIND", parses(profiler.ParseRouting)}, "routing", "uniform, zipf:S, hot, or trace:FILE for recorded ones")
	flags.Var(seedValue{&o.seed}, "seed", "of weights, inputs and routings")
	addBool(flags, &o.samples, "samples", "put the blocks of the run into the report, so that compare can test it")
	flags.StringVar(&o.output, "output", "", "write the report or the stream to `FILE` instead of stdout")
	o.engine.register(flags)
	addBool(flags, &o.noMeasure, "no-measure", "never measure the GPU's ceilings: take those of an earlier run, if there are any")
	flags.Var(choiceValue{&o.theme, []string{"auto", "dark", "light", "contrast"}}, "theme", "colours of the screen")
	addBool(flags, &o.ascii, "ascii", "no box or braille characters on the screen")
	addBool(flags, &o.noMouse, "no-mouse", "leave the mouse to the terminal")
	flags.Var(choiceValue{&o.view, ui.Views()}, "view", "view that the screen begins with")
	addBool(flags, &o.saveConfig, "save-config", "remember theme, view and what ran last in the config file, when the screen is left")
	flags.Var(intValue{&o.fps, 1, 60}, "fps", "frames a second at most")
	o.remote.register(flags)
	flags.StringVar(&o.trace, "trace", "", "also write a timeline of steps and stages to `FILE`, for ui.perfetto.dev")
	addBool(flags, &o.stages, "stage-times", "samples carry the starts and stages of their raw steps")
	flags.StringVar(&o.debug, "debug-log", "", "append what happens inside to `FILE`")
	flags.Var(choiceValue{&o.frontMode, []string{"json", "interactive", "serve"}}, "front-mode", "how the front of this worker was called")
	if hidden := flags.Lookup("front-mode"); hidden != nil {
		hidden.Hidden = true
	}
}

func addBool(flags *pflag.FlagSet, dst *bool, name, text string) {
	flags.Var(boolValue{dst}, name, text)
	flags.Lookup(name).NoOptDefVal = "true"
}

// parses turns a parser of the profiler into a check of a flag's value.
func parses[T any](parse func(string) (T, error)) func(string) error {
	return func(text string) error {
		_, err := parse(text)
		if argument, ok := errors.AsType[*profiler.ArgumentError](err); ok {
			return fmt.Errorf("%s is allowed", argument.Allowed)
		}
		return err
	}
}

// complete takes the environment in and checks what flags mean together.
func (o *options) complete(flags *pflag.FlagSet, environ []string) error {
	// A worker was told everything by its front. The variables that it inherits are the front's: one that
	// names the front's output, or where the worker runs, is not for the worker to follow.
	if o.frontMode == "" {
		if err := fromEnvironment(flags, environ); err != nil {
			return err
		}
	}
	o.given = make(map[string]string)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			o.given[f.Name] = f.Value.String()
			o.order = append(o.order, f.Name)
		}
	})
	if err := o.checkTogether(); err != nil {
		return err
	}
	var err error
	if o.mask, err = profiler.ParseES(o.es); err != nil {
		return fmt.Errorf("--es: %w", err)
	}
	if o.schedule, err = parseSchedule(o.esSchedule); err != nil {
		return fmt.Errorf("--es-schedule: %w", err)
	}
	if o.json && o.duration == 0 && o.steps == 0 && !o.measuring.until {
		o.duration = defaultDuration
	}
	return o.checkShape()
}

func (o *options) checkTogether() error {
	switch {
	case o.json && o.ndjson:
		return errors.New("--json and --ndjson: one of them is allowed")
	case o.control == "-" && !o.ndjson:
		return errors.New("--control -: only allowed with --ndjson")
	case o.saveConfig && (o.json || o.ndjson):
		return errors.New("--save-config: not allowed with --json or --ndjson, which leave nothing to remember")
	case o.output != "" && !o.json && !o.ndjson:
		return errors.New("--output: only allowed with --json or --ndjson")
	}
	if err := o.completeMeasuring(); err != nil {
		return err
	}
	if o.debug != "" && o.ndjson {
		return errors.New("--debug-log: not allowed with --ndjson, which says on stderr what happens inside")
	}
	if o.trace != "" && o.ndjson {
		return errors.New("--trace: not allowed with --ndjson: use moetop record, and moetop replay --trace")
	}
	return o.remote.checkTogether(o.ndjson)
}

// checkShape refuses at once what no engine could run.
func (o *options) checkShape() error {
	shape := map[string]int{"--experts": o.experts, "--top-k": o.topK, "--hidden": o.hidden, "--intermediate": o.intermediate}
	var missing []string
	for _, name := range []string{"--experts", "--top-k", "--hidden", "--intermediate"} {
		if shape[name] == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 && len(missing) < len(shape) {
		return fmt.Errorf("a custom shape needs %s too", strings.Join(missing, ", "))
	}
	if len(missing) == 0 && o.model != "" {
		return fmt.Errorf("--model and a custom shape: one of them is allowed")
	}
	if o.modelFile != "" && (len(missing) == 0 || o.model != "") {
		return fmt.Errorf("--config-json with --model or a custom shape: one of them is allowed")
	}
	// With auto the default model is not yet known: the worker refuses what only one of them cannot be.
	engines := []string{o.engine.engine}
	if o.engine.engine == kernels.Auto {
		engines = []string{kernels.CUDA, kernels.CPU}
	}
	var refused error
	for _, engine := range engines {
		_, err := o.workload(engine)
		if err == nil {
			return nil
		}
		refused = err
	}
	return flagError(refused)
}

// flagError names the field of an ArgumentError as the flag that it is.
func flagError(err error) error {
	if argument, ok := errors.AsType[*profiler.ArgumentError](err); ok {
		return fmt.Errorf("--%s: %s is not allowed: %s", argument.Field, argument.Value, argument.Allowed)
	}
	return err
}

// workload is what the flags ask for, on the engine that was chosen.
func (o *options) workload(engine string) (profiler.Workload, error) {
	var w profiler.Workload
	var err error
	switch {
	case o.experts != 0:
		w = profiler.CustomWorkload(o.experts, o.topK, o.hidden, o.intermediate)
	case o.modelFile != "":
		w = o.modelShape
	case o.model != "":
		w, err = profiler.ParseModel(o.model)
	case engine == kernels.CPU:
		w, err = profiler.ParseModel(profiler.TinyModel)
	default:
		w, err = profiler.ParseModel(defaultModel)
	}
	if err != nil {
		return profiler.Workload{}, err
	}
	if o.tp != 0 || o.ep != 0 {
		if w, err = shardOf(w, o.tp, o.ep); err != nil {
			return profiler.Workload{}, err
		}
	}
	if w.Routing, err = profiler.ParseRouting(o.routing); err != nil {
		return profiler.Workload{}, err
	}
	w.Tokens = first(o.tokens, w.Tokens)
	w.Seed = o.seed
	return w, w.Validate()
}

// described is the model of a file, with its shard; nil if none was given.
func (o *options) described() (*sweep.Described, error) {
	if o.modelFile == "" {
		return nil, nil
	}
	w, err := shardOf(o.modelShape, o.tp, o.ep)
	if err != nil {
		return nil, flagError(err)
	}
	return &sweep.Described{ConfigJSON: o.modelFile, Workload: w}, nil
}

// defaultModel is the shard of one GPU of eight, the way DeepSeek-V3 is most often served.
const defaultModel = "dsv3-tp8"

// shardOf divides a layer as --tp and --ep say; one that is not given, 0, leaves what the layer has.
func shardOf(w profiler.Workload, tp, ep int) (profiler.Workload, error) {
	return w.Shard(first(tp, w.TP), first(ep, w.EP))
}

// first returns the first number that is not zero.
func first(numbers ...int) int {
	for _, n := range numbers {
		if n != 0 {
			return n
		}
	}
	return 0
}

// maxScheduleEntries is more than anyone writes by hand.
const maxScheduleEntries = 1000

// parseSchedule reads 0s=off,5s=both: times since the start, ascending, and ES masks.
func parseSchedule(text string) ([]profiler.ScheduleEntry, error) {
	if text == "" {
		return nil, nil
	}
	const allowed = "TIME=MASK pairs such as 0s=off,5s=both are allowed, with ascending times and masks off, up, down, both"
	parts := strings.Split(text, ",")
	if len(parts) > maxScheduleEntries {
		return nil, fmt.Errorf("%d entries: at most %d are allowed", len(parts), maxScheduleEntries)
	}
	var entries []profiler.ScheduleEntry
	for _, part := range parts {
		at, name, ok := strings.Cut(strings.TrimSpace(part), "=")
		d, err := time.ParseDuration(at)
		if !ok || err != nil || d < 0 {
			return nil, fmt.Errorf("%s: %s", strconv.Quote(part), allowed)
		}
		mask, err := profiler.ParseES(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", strconv.Quote(part), allowed)
		}
		if n := len(entries); n > 0 && d <= entries[n-1].At {
			return nil, fmt.Errorf("%s: %s", strconv.Quote(part), allowed)
		}
		entries = append(entries, profiler.ScheduleEntry{At: d, Mask: mask})
	}
	return entries, nil
}
