package main

import (
	"errors"
	"fmt"

	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// modelFlags choose the models of a command that goes through several: presets by name, and one that
// its own config.json describes.
type modelFlags struct {
	names  []string
	file   string
	shape  profiler.Workload // of the file
	tp, ep int               // its shard
}

func (m *modelFlags) register(flags *pflag.FlagSet) {
	flags.Var(listValue{&m.names, "NAMES", parses(profiler.ParseModel), new(bool)}, "model", "presets, by commas or repeated (default: dsv3-tp8 on a GPU, tiny on the CPU)")
	flags.Var(modelFileValue{&m.file, &m.shape}, "config-json", "a model more: the shape of any MoE model, from its Hugging Face config.json")
	flags.Var(intValue{&m.tp, 1, 1024}, "tp", "with --config-json: ranks that the intermediate size is divided over")
	flags.Var(intValue{&m.ep, 1, 1024}, "ep", "with --config-json: ranks that the experts are divided over")
}

// given reports whether any model was named.
func (m *modelFlags) given() bool { return len(m.names) > 0 || m.file != "" }

// fromFile is the shard of the model that a file describes; nil if none was given.
func (m *modelFlags) fromFile() (*profiler.Workload, error) {
	if m.file == "" {
		if m.tp != 0 || m.ep != 0 {
			return nil, errors.New("--tp and --ep: only allowed with --config-json: a preset has its shard in its name, such as dsv3-tp8")
		}
		return nil, nil
	}
	w, err := shardOf(m.shape, m.tp, m.ep)
	if err != nil {
		return nil, flagError(err)
	}
	return &w, nil
}

// checkDescribed makes sure that the file of a sweep's model still describes it.
func checkDescribed(d *sweep.Described) error {
	if d == nil {
		return nil
	}
	w, err := profiler.ReadModelConfig(d.ConfigJSON)
	if err == nil {
		w, err = w.Shard(d.Workload.TP, d.Workload.EP)
	}
	if err == nil && w != d.Workload {
		err = fmt.Errorf("its shape is another one than when the sweep began")
	}
	if err != nil {
		return usage(fmt.Errorf("--resume: %s, of which the sweep is: %w", d.ConfigJSON, err))
	}
	return nil
}
