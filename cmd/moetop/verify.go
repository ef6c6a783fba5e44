package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

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
	models  []string
	tokens  []string
	routing []string
	seed    uint64
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

// verifyCase is one workload.
type verifyCase struct {
	Workload profiler.Workload       `json:"workload"`
	Results  []profiler.VerifyResult `json:"results"`
}

func (a *app) verifyCommand() *cobra.Command {
	o := &verifyOptions{
		engine: defaultEngineOptions(), tokens: []string{"1", "16", "128", "1024"},
		routing: []string{"uniform", "zipf", "hot"}, seed: profiler.DefaultSeed,
	}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check every stage and every ES mask against a float64 reference",
		Long: `verify runs the layer with each of the four ES masks and compares every stage, value by value and row
by row, with a float64 reference made from the operands that the stage itself read. It exits with 4
if anything is wrong.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fromEnvironment(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			return a.runVerify(o)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	addBool(flags, &o.json, "json", "print a JSON report instead of a table")
	flags.StringVar(&o.output, "output", "", "with --json: write to `FILE` instead of stdout")
	flags.Var(listValue{&o.models, "NAMES", parses(profiler.ParseModel), new(bool)}, "model", "presets, by commas or repeated (default: dsv3-tp8 on a GPU, tiny on the CPU)")
	flags.Var(listValue{&o.tokens, "LIST", numberIn(1, profiler.MaxRows), new(bool)}, "tokens", "tokens in a batch")
	flags.Var(listValue{&o.routing, "LIST", parses(profiler.ParseRouting), new(bool)}, "routing", "routings")
	flags.Var(seedValue{&o.seed}, "seed", "of weights, inputs and routings")
	o.engine.register(flags)
	return cmd
}

// workloads are all combinations of the flags.
func (o *verifyOptions) workloads(engine string) ([]profiler.Workload, error) {
	models := o.models
	if len(models) == 0 {
		models = []string{defaultModel}
		if engine == kernels.CPU {
			models = []string{profiler.TinyModel}
		}
	}
	var all []profiler.Workload
	for _, model := range models {
		for _, tokens := range o.tokens {
			for _, routing := range o.routing {
				w, err := profiler.ParseModel(model)
				if err != nil {
					return nil, err
				}
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

func (a *app) runVerify(o *verifyOptions) error {
	if o.output != "" && !o.json {
		return usage(errors.New("--output: only allowed with --json"))
	}
	selected, err := o.engine.choose()
	if err != nil {
		return err
	}
	workloads, err := o.workloads(selected.Engine)
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
	for _, w := range workloads {
		results, err := verifyOne(selected, o, w)
		if err != nil {
			return fmt.Errorf("%s, %d tokens, %v: %w", w.Name(), w.Tokens, w.Routing, err)
		}
		report.Cases = append(report.Cases, verifyCase{w, results})
		for _, r := range results {
			report.OK = report.OK && r.Pass()
		}
		if !o.json {
			if err := table.add(w, results); err != nil {
				return err
			}
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

func verifyOne(selected kernels.Selection, o *verifyOptions, w profiler.Workload) ([]profiler.VerifyResult, error) {
	routings, err := profiler.Routings(w, verifyRing)
	if err != nil {
		return nil, err
	}
	cfg := profiler.EngineConfig{
		Workload: w, Routings: routings,
		Kernels: o.engine.kernels, Timer: o.engine.timer, ESLaunch: o.engine.launch,
	}
	masks := []profiler.ESMask{profiler.ESOff, profiler.ESUp, profiler.ESDown, profiler.ESBoth}
	var results []profiler.VerifyResult
	err = withEngine(selected.Open, cfg, func(engine profiler.Engine) (err error) {
		results, err = profiler.Verify(engine, cfg, masks)
		return err
	})
	return results, err
}
