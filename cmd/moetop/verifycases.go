package main

import (
	"errors"
	"fmt"

	"github.com/moetop/moetop/kernels"
	"github.com/moetop/moetop/profiler"
)

// verifyCases goes through the cases of an exhaustive check.
func (o *verifyOptions) verifyCases(selected kernels.Selection, family string, found func(verifyCase) error) error {
	for _, hard := range profiler.VerifyCases(o.seed, selected.Engine == kernels.CPU) {
		if hard.Large && selected.Engine == kernels.CPU {
			left := profiler.CaseResult{
				Name: hard.Name, Workload: hard.Workload, Results: []profiler.VerifyResult{}, Problems: []string{},
				Skipped: "too large for the CPU engine",
			}
			if err := found(verifyCase{CaseResult: left}); err != nil {
				return err
			}
			continue
		}
		cfg := hard.Config(family, o.engine.timer, o.engine.launch)
		var c verifyCase
		err := o.withEngine(selected, cfg, func(engine profiler.OperandSetter) (err error) {
			c.Kernels = engine.Info().Kernels
			c.CaseResult, err = hard.Run(engine, cfg)
			return err
		})
		if _, isMemory := errors.AsType[*profiler.MemoryError](err); isMemory && hard.Large {
			c.CaseResult = profiler.CaseResult{
				Name: hard.Name, Workload: hard.Workload, Results: []profiler.VerifyResult{}, Problems: []string{}, Skipped: err.Error(),
			}
			err = nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", hard.Name, err)
		}
		if err := found(c); err != nil {
			return err
		}
	}
	return nil
}

// soakTokens are those of the shape that a soak runs where no model is named: several tiles and some
// experts without rows, in steps so short that 100,000 of them take seconds on a GPU.
const soakTokens = 96

// verifySoak runs the soak on each workload that the flags name.
func (o *verifyOptions) verifySoak(selected kernels.Selection, family string, found func(verifyCase) error) error {
	w := profiler.CustomWorkload(32, 8, 512, 256)
	if selected.Engine == kernels.CPU {
		w = profiler.CustomWorkload(8, 2, 128, 128)
	}
	w.Tokens, w.Seed = soakTokens, o.seed
	if selected.Engine == kernels.CPU {
		w.Tokens /= 4
	}
	workloads := []profiler.Workload{w}
	if o.given["model"] || o.given["config-json"] || o.given["tokens"] {
		one := *o
		one.routing = []string{string(profiler.Uniform)}
		var err error
		if workloads, err = one.workloads(selected.Engine); err != nil {
			return err
		}
	}
	for _, w := range workloads {
		cfg, err := o.config(w, family)
		if err != nil {
			return err
		}
		c := verifyCase{CaseResult: profiler.CaseResult{
			Name: fmt.Sprintf("soak of %d steps", o.soak), Workload: w,
			Results: []profiler.VerifyResult{}, Problems: []string{},
		}}
		err = o.withEngine(selected, cfg, func(engine profiler.OperandSetter) error {
			c.Kernels = engine.Info().Kernels
			soak, err := profiler.Soak(engine, cfg, o.soak)
			c.Soak, c.Problems = &soak, soak.Problems
			return err
		})
		if err != nil {
			return fmt.Errorf("soak of %s, %d tokens: %w", w.Name(), w.Tokens, err)
		}
		if err := found(c); err != nil {
			return err
		}
	}
	return nil
}

// withEngine lends an engine to a check. One on a GPU is watched: a kernel that hangs ends the check,
// with the name of the call that has not come back.
func (o *verifyOptions) withEngine(selected kernels.Selection, cfg profiler.EngineConfig, use func(profiler.OperandSetter) error) error {
	watch := newWatchdog(o.watchdog)
	done := make(chan error, 1)
	go func() {
		done <- withEngine(selected.Open, cfg, func(engine profiler.Engine) error {
			setter, ok := engine.(profiler.OperandSetter)
			if !ok {
				return fmt.Errorf("the engine %s does not let its operands be set", engine.Info().Engine)
			}
			if selected.Engine == kernels.CUDA {
				setter = watchedEngine{setter, watch}
			}
			return use(setter)
		})
	}()
	stop := watch.start()
	defer stop()
	select {
	case err := <-done:
		return err
	case err := <-watch.hung:
		return &codeError{exitWrong, err}
	}
}
