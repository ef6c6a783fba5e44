package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/profiler"
)

// verifyRing is how many routings a check goes round: the two that are compared, and one between.
const verifyRing = 3

// verifyOptions are the flags of moetop verify.
type verifyOptions struct {
	engine  engineOptions
	json    bool
	output  string
	models  modelFlags
	tokens  []string
	routing []string
	seed    uint64

	exhaustive bool
	soak       int
	watchdog   time.Duration
	given      map[string]bool // flags that were set
}

// verifyReport is what verify prints with --json.
type verifyReport struct {
	SchemaVersion string           `json:"schema_version"`
	Version       string           `json:"version"`
	OK            bool             `json:"ok"`
	Engine        string           `json:"engine"`
	EngineReason  string           `json:"engine_reason,omitempty"`
	GPU           *profiler.Device `json:"gpu"`
	Cases         []verifyCase     `json:"cases"`
}

// verifyCase is one workload with one kernel family.
type verifyCase struct {
	profiler.CaseResult
	Kernels string `json:"kernels"` // that ran; empty if none did
	// Soak is set, and the results are empty, where the case is a soak.
	Soak *profiler.SoakResult `json:"soak,omitempty"`
}

func (a *app) verifyCommand() *cobra.Command {
	o := &verifyOptions{
		engine: defaultEngineOptions(), tokens: []string{"1", "16", "128", "1024"},
		routing: []string{"uniform", "zipf", "hot"}, seed: profiler.DefaultSeed,
		watchdog: profiler.KillAfter, given: map[string]bool{},
	}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every stage and every ES mask against a float64 reference",
		Long: `verify runs the layer with each of the four ES masks and compares every stage, value by value and row
by row, with a float64 reference made from the operands that the stage itself read. It exits with 4
if anything is wrong.

With --exhaustive it goes through a list of cases that are hard for a grouped GEMM in place of the
models: row counts around the edges of tiles, experts without rows, rows of zeros, tokens of NaN,
routings that change under captured graphs, and the same steps twice. With --soak it runs steps with
routings and masks that change at random, compares the bits of what comes out with those of the first
run of the same inputs, and gives a GPU up that hangs.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			cmd.Flags().VisitAll(func(f *pflag.Flag) { o.given[f.Name] = f.Changed })
			return a.runVerify(o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	addBool(flags, &o.json, "json", "print a JSON report instead of a table")
	flags.StringVar(&o.output, "output", "", "with --json: write to `FILE` instead of stdout")
	o.models.register(flags)
	flags.Var(listValue{&o.tokens, "LIST", numberIn(1, profiler.MaxRows), new(bool)}, "tokens", "tokens in a batch")
	flags.Var(listValue{&o.routing, "LIST", parses(profiler.ParseRouting), new(bool)}, "routing", "routings")
	addBool(flags, &o.exhaustive, "exhaustive", "check the cases that are hard for a grouped GEMM")
	flags.Var(intValue{&o.soak, 1, math.MaxInt32}, "soak", "run so many steps with routings and masks that change")
	flags.Var(durationValue{&o.watchdog, time.Second, time.Hour}, "watchdog", "give a GPU up that has not come back for so long")
	flags.Var(seedValue{&o.seed}, "seed", "of weights, inputs and routings")
	o.engine.register(flags)
	return cmd
}

// shapes are the models of the flags.
func (o *verifyOptions) shapes(engine string) ([]profiler.Workload, error) {
	names := o.models.names
	if !o.models.given() {
		names = []string{defaultModel}
		if engine == kernels.CPU {
			names = []string{profiler.TinyModel}
		}
	}
	var shapes []profiler.Workload
	for _, name := range names {
		w, err := profiler.ParseModel(name)
		if err != nil {
			return nil, err
		}
		shapes = append(shapes, w)
	}
	described, err := o.models.fromFile()
	if described != nil {
		shapes = append(shapes, *described)
	}
	return shapes, err
}

// workloads are all combinations of the flags.
func (o *verifyOptions) workloads(engine string) ([]profiler.Workload, error) {
	shapes, err := o.shapes(engine)
	if err != nil {
		return nil, usage(err)
	}
	var all []profiler.Workload
	for _, w := range shapes {
		for _, tokens := range o.tokens {
			for _, routing := range o.routing {
				if w.Tokens, err = strconv.Atoi(tokens); err != nil {
					return nil, fmt.Errorf("--tokens: %w", err)
				}
				if w.Routing, err = profiler.ParseRouting(routing); err != nil {
					return nil, err
				}
				w.Seed = o.seed
				if err := w.Validate(); err != nil {
					return nil, usage(flagError(err))
				}
				all = append(all, w)
			}
		}
	}
	return all, nil
}

// check refuses what the flags cannot mean together.
func (o *verifyOptions) check() error {
	if o.output != "" && !o.json {
		return errors.New("--output: only allowed with --json")
	}
	if _, err := o.models.fromFile(); err != nil {
		return err
	}
	for _, own := range []string{"model", "config-json", "tokens", "routing"} {
		switch {
		case !o.given[own]:
		case o.exhaustive:
			return fmt.Errorf("--exhaustive and --%s: one of them is allowed, since the cases have workloads of their own", own)
		case o.soak > 0 && own == "routing":
			return errors.New("--soak and --routing: one of them is allowed, since a soak changes its routings")
		}
	}
	return nil
}

func (a *app) runVerify(o *verifyOptions) error {
	if err := o.check(); err != nil {
		return usage(err)
	}
	selected, err := o.engine.choose()
	if err != nil {
		return err
	}
	if selected.Reason != "" {
		_, _ = fmt.Fprintf(a.stderr, "%s: verifying the CPU reference engine: %s\n", a.program, selected.Reason)
	}
	report := verifyReport{
		SchemaVersion: profiler.SchemaVersion, Version: version, OK: true,
		Engine: selected.Engine, EngineReason: selected.Reason, GPU: selected.Device, Cases: []verifyCase{},
	}
	table := newVerifyTable(a.stdout, a.stderr)
	for _, family := range o.engine.families(selected) {
		err := o.verifyFamily(selected, family, func(c verifyCase) error {
			report.Cases = append(report.Cases, c)
			report.OK = report.OK && c.Pass() && (c.Soak == nil || len(c.Soak.Problems) == 0)
			if o.json {
				return nil
			}
			return table.add(c)
		})
		if err != nil {
			return err
		}
	}
	if o.json {
		if err := a.writeJSON(o.output, report); err != nil {
			return err
		}
	}
	if !report.OK {
		return &codeError{exitWrong, errors.New("verify: the engine's results are wrong")}
	}
	return nil
}

// verifyFamily checks everything that the flags ask for with one kernel family.
func (o *verifyOptions) verifyFamily(selected kernels.Selection, family string, found func(verifyCase) error) error {
	switch {
	case o.exhaustive || o.soak > 0:
		if o.exhaustive {
			if err := o.verifyCases(selected, family, found); err != nil {
				return err
			}
		}
		if o.soak > 0 {
			return o.verifySoak(selected, family, found)
		}
		return nil
	default:
		return o.verifyModels(selected, family, found)
	}
}

// verifyModels checks the workloads of the flags.
func (o *verifyOptions) verifyModels(selected kernels.Selection, family string, found func(verifyCase) error) error {
	workloads, err := o.workloads(selected.Engine)
	if err != nil {
		return err
	}
	masks := []profiler.ESMask{profiler.ESOff, profiler.ESUp, profiler.ESDown, profiler.ESBoth}
	for _, w := range workloads {
		cfg, err := o.config(w, family)
		if err != nil {
			return err
		}
		c := verifyCase{CaseResult: profiler.CaseResult{Workload: w, Problems: []string{}}}
		err = o.withEngine(selected, cfg, func(engine profiler.OperandSetter) (err error) {
			c.Kernels = engine.Info().Kernels
			c.Results, err = profiler.Verify(engine, cfg, masks)
			return err
		})
		if err != nil {
			return fmt.Errorf("%s, %d tokens, %v: %w", w.Name(), w.Tokens, w.Routing, err)
		}
		if err := found(c); err != nil {
			return err
		}
	}
	return nil
}

// config draws the routings of a workload.
func (o *verifyOptions) config(w profiler.Workload, family string) (profiler.EngineConfig, error) {
	routings, err := profiler.Routings(w, verifyRing)
	return profiler.EngineConfig{
		Workload: w, Routings: routings, Kernels: family, Timer: o.engine.timer, ESLaunch: o.engine.launch,
	}, err
}
