package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
)

// ctlVerb is one of the commands that moetop ctl knows.
type ctlVerb struct {
	name     string
	operands string // as the help shows them
	text     string
	choices  func() []string // what completion offers; nil for none
	many     bool            // takes more than one operand
	set      func(cmd *profiler.Command, operands []string) error
}

func ctlVerbs() []ctlVerb {
	onOff := func() []string { return []string{"on", "off"} }
	return []ctlVerb{
		{"es", "up=on|off down=on|off", "switch expert specialization of one stage or of both", func() []string {
			return []string{"up=on", "up=off", "down=on", "down=off"}
		}, true, setCtlES},
		{"ab", "on|off", "measure all ES masks interleaved", onOff, false, func(cmd *profiler.Command, operands []string) error {
			return setSwitch(&cmd.AB, operands[0])
		}},
		{"pause", "on|off", "stop launching steps, or go on", onOff, false, func(cmd *profiler.Command, operands []string) error {
			return setSwitch(&cmd.Pause, operands[0])
		}},
		{"tokens", "N", "tokens in a batch", nil, false, func(cmd *profiler.Command, operands []string) error {
			n, err := strconv.Atoi(operands[0])
			if err != nil {
				return fmt.Errorf("%q is not allowed: a whole number is", operands[0])
			}
			cmd.Tokens = &n
			return nil
		}},
		{"routing", "KIND", "distribution of the tokens over the experts", routingNames, false, func(cmd *profiler.Command, operands []string) error {
			cmd.Routing = &operands[0]
			return nil
		}},
		{"model", "NAME", "preset, with its shard", modelNames, false, func(cmd *profiler.Command, operands []string) error {
			cmd.Model = &operands[0]
			return nil
		}},
		{"kernels", "FAMILY", "family of the CUDA kernels", nil, false, func(cmd *profiler.Command, operands []string) error {
			cmd.Kernels = &operands[0]
			return nil
		}},
		{"interval", "DURATION", "time between samples", nil, false, func(cmd *profiler.Command, operands []string) error {
			cmd.Interval = new(profiler.AskedInterval)
			return cmd.Interval.UnmarshalText([]byte(operands[0]))
		}},
		{"reset", "", "forget all statistics", nil, false, func(cmd *profiler.Command, _ []string) error {
			cmd.Reset = true
			return nil
		}},
		{"cancel", "", "give up the workload that is being built", nil, false, func(cmd *profiler.Command, _ []string) error {
			cmd.Cancel = true
			return nil
		}},
		{"stop", "", "end the run in good order", nil, false, func(cmd *profiler.Command, _ []string) error {
			cmd.Stop = true
			return nil
		}},
	}
}

// parseCtl makes a command of the words that follow moetop ctl.
func parseCtl(args []string) (profiler.Command, error) {
	var cmd profiler.Command
	var names []string
	for _, verb := range ctlVerbs() {
		names = append(names, verb.name)
		if len(args) == 0 || args[0] != verb.name {
			continue
		}
		operands := args[1:]
		switch {
		case verb.operands == "" && len(operands) > 0:
			return cmd, fmt.Errorf("%s: %q is not allowed: it takes no more words", verb.name, operands[0])
		case verb.operands != "" && len(operands) == 0:
			return cmd, fmt.Errorf("%s: a word is missing: %s", verb.name, verb.operands)
		case len(operands) > 1 && !verb.many:
			return cmd, fmt.Errorf("%s: %q is not allowed: one word is: %s", verb.name, operands[1], verb.operands)
		}
		if err := verb.set(&cmd, operands); err != nil {
			return cmd, fmt.Errorf("%s: %w", verb.name, err)
		}
		return cmd, nil
	}
	if len(args) == 0 {
		return cmd, fmt.Errorf("a command is missing: one of %s", strings.Join(names, ", "))
	}
	return cmd, fmt.Errorf("command %q is not allowed: one of %s is", args[0], strings.Join(names, ", "))
}

func setCtlES(cmd *profiler.Command, operands []string) error {
	cmd.ES = &profiler.ESCommand{}
	for _, operand := range operands {
		stage, word, _ := strings.Cut(operand, "=")
		target := map[string]**bool{"up": &cmd.ES.Up, "down": &cmd.ES.Down}[stage]
		if target == nil || *target != nil {
			return fmt.Errorf("%q is not allowed: up=on, up=off, down=on and down=off are, each stage once", operand)
		}
		if err := setSwitch(target, word); err != nil {
			return fmt.Errorf("%s: %w", stage, err)
		}
	}
	return nil
}

func setSwitch(target **bool, word string) error {
	if word != "on" && word != "off" {
		return fmt.Errorf("%q is not allowed: on or off is", word)
	}
	on := word == "on"
	*target = &on
	return nil
}

// ctlHelp lists the commands.
func ctlHelp() string {
	lines := []string{"Commands:", ""}
	for _, verb := range ctlVerbs() {
		lines = append(lines, fmt.Sprintf("    %-26s %s", strings.TrimSpace(verb.name+" "+verb.operands), verb.text))
	}
	return strings.Join(lines, "\n")
}

// completeCtl offers what may stand after the words that are there.
func completeCtl(args []string) []string {
	var names []string
	for _, verb := range ctlVerbs() {
		if len(args) > 0 && args[0] == verb.name && verb.choices != nil && (verb.many || len(args) == 1) {
			return verb.choices()
		}
		names = append(names, verb.name)
	}
	if len(args) == 0 {
		return names
	}
	return nil
}

// modelNames are the presets, whole and in the shards that they are served in.
func modelNames() []string {
	var names []string
	for _, choice := range modelChoices() {
		names = append(names, choice.Name)
	}
	return names
}
