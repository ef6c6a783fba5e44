package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// defaultSweepTokens are what a sweep goes through where nothing else is said.
const defaultSweepTokens = "1..8192"

// sweepOptions are the flags of moetop sweep.
type sweepOptions struct {
	engine engineOptions

	json, csv, benchfmt    bool
	deploy, output, resume string

	models                   modelFlags
	tokens, routing, kernels []string
	seed                     uint64
	pairs                    int
	time                     time.Duration

	plan        sweep.Plan
	given       map[string]bool // flags that were set
	engineFlags []string        // those for the engine that were given, as arguments
}

func (a *app) sweepCommand() *cobra.Command {
	o := &sweepOptions{
		engine: defaultEngineOptions(), tokens: []string{defaultSweepTokens}, routing: []string{string(profiler.Uniform)},
		seed: profiler.DefaultSeed, pairs: sweep.DefaultPairs, time: sweep.DefaultTime,
	}
	o.kernels = []string{o.engine.kernels}
	cmd := &cobra.Command{
		Use:   "sweep",
		Short: "Measure many models, batches and routings with all ES masks, and print what to deploy",
		Long: `sweep measures every combination of models, kernel families, routings and numbers of tokens. At each
point all four ES masks run interleaved. It ends with the deployment table: for each range of tokens
what to pass to sglang as enable_es, and what that gains.

Every finished point is on disk at once: with --resume FILE in that file, from which the same command
goes on after a kill. A file whose points are all there is printed again without measuring.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			o.note(cmd.Flags())
			if err := o.check(); err != nil {
				return usage(err)
			}
			return a.runSweep(cmd.Context(), o)
		},
	}
	o.register(cmd.Flags())
	return cmd
}

func (o *sweepOptions) register(flags *pflag.FlagSet) {
	flags.SortFlags = false
	addBool(flags, &o.json, "json", "print a JSON document instead of tables")
	addBool(flags, &o.csv, "csv", "print a row for each point")
	addBool(flags, &o.benchfmt, "benchfmt", "print Go's benchmark format, for benchstat")
	flags.Var(choiceValue{&o.deploy, []string{"python"}}, "deploy", "print the deployment table alone, as a Python function")
	flags.StringVar(&o.output, "output", "", "write to `FILE` instead of stdout")
	flags.StringVar(&o.resume, "resume", "", "keep the finished points in `FILE`, and leave out those that it has")
	o.models.register(flags)
	flags.Var(listValue{&o.tokens, "LIST", parses(sweep.ParseTokens), new(bool)}, "tokens", "tokens in a batch; a range such as 1..8192 stands for its ends and the powers of two between")
	flags.Var(listValue{&o.routing, "LIST", parses(profiler.ParseRouting), new(bool)}, "routing", "routings: uniform, zipf:S, hot")
	engine := engineFlagSet(&o.engine)
	families := engine.Lookup("kernels")
	flags.Var(listValue{&o.kernels, families.Value.Type(), families.Value.Set, new(bool)}, "kernels",
		"families of the CUDA kernels, which take turns at each point; auto is all that the library has")
	flags.Var(intValue{&o.pairs, 1, 1 << 16}, "pairs", "interleaved cycles after which a point ends")
	flags.Var(durationValue{&o.time, 10 * time.Millisecond, 24 * time.Hour}, "time", "measured time after which a point ends at the latest")
	flags.Var(seedValue{&o.seed}, "seed", "of weights, inputs and routings")
	engine.VisitAll(func(f *pflag.Flag) {
		if f != families {
			flags.AddFlag(f)
		}
	})
}

// engineFlagSet holds the flags of an engine alone.
func engineFlagSet(o *engineOptions) *pflag.FlagSet {
	flags := pflag.NewFlagSet("engine", pflag.ContinueOnError)
	flags.SortFlags = false
	o.register(flags)
	return flags
}

// note keeps which flags were given, by command line or environment.
func (o *sweepOptions) note(flags *pflag.FlagSet) {
	o.given = make(map[string]bool)
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			o.given[f.Name] = true
		}
	})
	o.noteEngine(flags)
}

// noteEngine keeps those for the engine that were given.
func (o *sweepOptions) noteEngine(flags *pflag.FlagSet) {
	ofEngine := engineFlagSet(new(engineOptions))
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed && ofEngine.Lookup(f.Name) != nil && f.Name != "kernels" {
			o.given[f.Name] = true
			o.engineFlags = append(o.engineFlags, "--"+f.Name+"="+f.Value.String())
		}
	})
}

// check refuses formats together and makes the plan of what the flags say.
func (o *sweepOptions) check() error {
	if formats := o.formats(); len(formats) > 1 {
		return fmt.Errorf("%s: one of them is allowed", strings.Join(formats, " and "))
	}
	var err error
	if o.plan.Models, err = sweep.ParseModels(o.models.names); err != nil {
		return flagError(err)
	}
	described, err := o.models.fromFile()
	if err != nil {
		return err
	}
	if described != nil {
		o.plan.Describe(o.models.file, *described)
	}
	if o.plan.Tokens, err = sweep.ParseTokenList(o.tokens); err != nil {
		return flagError(err)
	}
	if o.plan.Routings, err = sweep.ParseRoutings(o.routing); err != nil {
		return flagError(err)
	}
	if slices.Contains(o.kernels, profiler.AutoKernels) && len(o.kernels) > 1 {
		return errors.New("--kernels: auto beside a family is not allowed: it stands for all of them")
	}
	for _, family := range o.kernels {
		if !slices.Contains(o.plan.Kernels, family) {
			o.plan.Kernels = append(o.plan.Kernels, family)
		}
	}
	o.plan.Seed, o.plan.Pairs, o.plan.TimeS = o.seed, o.pairs, o.time.Seconds()
	return flagError(o.plan.Validate())
}

// formats are the flags that choose what is printed, with their values.
func (o *sweepOptions) formats() []string {
	var given []string
	for _, format := range []struct {
		flag string
		set  bool
	}{{"--json", o.json}, {"--csv", o.csv}, {"--benchfmt", o.benchfmt}, {"--deploy=" + o.deploy, o.deploy != ""}} {
		if format.set {
			given = append(given, format.flag)
		}
	}
	return given
}

// adopt takes from the plan of an earlier run what the flags do not say.
func (o *sweepOptions) adopt(earlier *sweep.Plan) error {
	if o.given["seed"] && o.plan.Seed != earlier.Seed {
		return usage(fmt.Errorf("--seed: %d is not allowed: the points of %s have %d", o.plan.Seed, o.resume, earlier.Seed))
	}
	whole := *earlier
	for flag, take := range map[string]func(){
		"tokens":  func() { whole.Tokens = o.plan.Tokens },
		"routing": func() { whole.Routings = o.plan.Routings },
		"kernels": func() {
			// Several families are what auto came to before; one may have been asked for by name.
			if !slices.Contains(o.plan.Kernels, profiler.AutoKernels) || len(earlier.Kernels) == 1 {
				whole.Kernels = o.plan.Kernels
			}
		},
		"pairs": func() { whole.Pairs = o.plan.Pairs },
		"time":  func() { whole.TimeS = o.plan.TimeS },
	} {
		if o.given[flag] {
			take()
		}
	}
	if o.given["model"] || o.given["config-json"] {
		if err := earlier.CheckDescribed(&o.plan); err != nil {
			return usage(fmt.Errorf("--resume: %s: %w", o.resume, err))
		}
		whole.Models, whole.Described = o.plan.Models, o.plan.Described
	}
	if err := whole.Validate(); err != nil {
		return usage(fmt.Errorf("--resume: %s: %w", o.resume, err))
	}
	o.plan = whole
	return nil
}

// adoptEngine takes from the command of an earlier run how its engine was chosen, where the flags do not
// say it: the points of one GPU belong together.
func (o *sweepOptions) adoptEngine(earlier []string) error {
	all := defaultEngineOptions()
	flags := engineFlagSet(&all)
	for _, word := range slices.Concat(o.engineFlags, earlier) {
		name, value := flagOf(word)
		if f := flags.Lookup(name); f == nil || f.Changed || name == "kernels" {
			continue
		}
		if err := flags.Set(name, value); err != nil {
			return usage(fmt.Errorf("--resume: %s: %w", o.resume, err))
		}
	}
	o.engine, o.engineFlags = all, nil
	o.noteEngine(flags)
	return nil
}

// command is the argv that repeats the sweep.
func (o *sweepOptions) command(program string) []string {
	argv := append([]string{program, "sweep"}, o.formats()...)
	if presets := o.plan.Presets(); len(presets) > 0 {
		argv = append(argv, "--model="+commas(presets))
	}
	if d := o.plan.Described; d != nil {
		argv = append(argv, d.Flags()...)
	}
	argv = append(argv,
		"--tokens="+commas(o.plan.Tokens), "--routing="+commas(o.plan.Routings),
		"--kernels="+commas(o.plan.Kernels), "--pairs="+strconv.Itoa(o.plan.Pairs), "--time="+o.pointTime().String(),
		"--seed="+strconv.FormatUint(o.plan.Seed, 10))
	return append(argv, o.engineFlags...)
}

// commas writes the values of a list as its flag takes them.
func commas[T any](values []T) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = fmt.Sprint(value)
	}
	return strings.Join(texts, ",")
}

// pointTime is the plan's limit for a point.
func (o *sweepOptions) pointTime() time.Duration {
	return time.Duration(o.plan.TimeS * float64(time.Second)).Round(time.Microsecond)
}

// runSweep measures what is missing and prints everything.
func (a *app) runSweep(ctx context.Context, o *sweepOptions) error {
	if err := keepInput("output", o.output, o.resume); err != nil {
		return err
	}
	signals := watchInterrupts()
	defer signals.stop()
	run, err := a.openSweep(o)
	if err != nil {
		return err
	}
	progress := newSweepProgress(a.stderr, a.program)
	defer progress.clear()
	run.progress = progress.show
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- run.measure(ctx) }()
	select {
	case err = <-ended:
	case <-signals.first:
		cancel()
		select {
		case err = <-ended:
		case <-signals.second:
			return signals.outcome(nil)
		}
	}
	interrupted := errors.Is(err, context.Canceled)
	switch {
	case interrupted:
		err = run.print()
	case err == nil || run.measured > 0:
		err = errors.Join(err, run.print())
	}
	return signals.outcome(errors.Join(run.close(err == nil && !interrupted), err))
}

// statePath is where the points go that no file was named for.
func statePath(environ []string, now time.Time) (string, error) {
	dir := baseFolder(environ, "XDG_STATE_HOME", filepath.Join(".local", "state"))
	if dir == "" {
		return "", errors.New("neither XDG_STATE_HOME nor HOME is set")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return filepath.Join(dir, fmt.Sprintf("sweep-%s-%d.ndjson", now.Format("20060102-150405"), os.Getpid())), nil
}
