package main

import (
	"fmt"
	"math"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
)

// configReport is what config prints with --json.
type configReport struct {
	SchemaVersion string          `json:"schema_version"`
	Version       string          `json:"version"`
	File          configFileState `json:"file"`
	Settings      []setting       `json:"settings"`
}

// configFileState says which file was looked for.
type configFileState struct {
	Path  *string `json:"path"` // null without a place to look
	Found bool    `json:"found"`
}

// setting is one flag's value and where it came from.
type setting struct {
	Flag     string  `json:"flag"`
	Variable string  `json:"variable"`
	Value    any     `json:"value"` // null if it is not set; a duration in seconds
	Unit     *string `json:"unit"`
	Source   source  `json:"source"`

	text string
}

func (a *app) configCommand() *cobra.Command {
	o := defaultOptions()
	asJSON := false
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show every setting and where it came from",
		Long: `config prints what flags, environment and config file make of each setting, and which of them said so.
The order is: flag, MOETOP_* environment variable, $XDG_CONFIG_HOME/moetop/config.toml (or --config), default.
It takes the flags of moetop itself, to try them.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, err := a.readConfig(cmd)
			if err != nil {
				return usage(err)
			}
			sources, err := a.settle(cmd, file)
			if err != nil {
				return usage(err)
			}
			return a.tellConfig(newConfigReport(cmd.Flags(), file, sources), asJSON)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	addBool(flags, &asJSON, "json", "print JSON instead of a table")
	all := pflag.NewFlagSet("moetop", pflag.ContinueOnError)
	o.register(all)
	all.VisitAll(func(f *pflag.Flag) {
		if settable(f) {
			flags.AddFlag(f)
		}
	})
	return cmd
}

func newConfigReport(flags *pflag.FlagSet, file *configFile, sources map[string]source) *configReport {
	report := &configReport{
		SchemaVersion: profiler.SchemaVersion, Version: version,
		File: configFileState{Found: file.found}, Settings: []setting{},
	}
	if file.path != "" {
		report.File.Path = &file.path
	}
	flags.VisitAll(func(f *pflag.Flag) {
		if !settable(f) {
			return
		}
		from := sources[f.Name]
		if from == "" {
			from = fromDefault
		}
		s := setting{Flag: f.Name, Variable: environmentName(f.Name), Source: from, text: "-"}
		if s.Value, s.Unit = settingValue(f.Value); s.Value != nil {
			s.text = f.Value.String()
		}
		report.Settings = append(report.Settings, s)
	})
	return report
}

// settingValue is a flag's value as JSON has it: numbers are numbers, and what is not set is null.
func settingValue(value pflag.Value) (result any, unit *string) {
	switch v := value.(type) {
	case intValue:
		if *v.dst < v.min {
			return nil, nil
		}
		return *v.dst, nil
	case seedValue:
		return *v.dst, nil
	case boolValue:
		return *v.dst, nil
	case durationValue:
		seconds := "s"
		if *v.dst == 0 {
			return nil, &seconds
		}
		return v.dst.Seconds(), &seconds
	}
	text := value.String()
	if text == "" {
		return nil, nil
	}
	if value.Type() == "PERCENT" {
		percent := "percent"
		unit = &percent
	}
	// A text of the user's own stays one, even if it looks like a number.
	if number, err := strconv.ParseFloat(text, 64); err == nil && value.Type() != "string" && !math.IsInf(number, 0) && !math.IsNaN(number) {
		return number, unit
	}
	return text, unit
}

func (a *app) tellConfig(report *configReport, asJSON bool) error {
	if asJSON {
		return a.writeJSON("", report)
	}
	restore := keepBrokenPipe()
	defer restore()
	file := "no config file: neither XDG_CONFIG_HOME nor HOME is set"
	if path := report.File.Path; path != nil && report.File.Found {
		file = "config file " + *path
	} else if path != nil {
		file = "no config file at " + *path
	}
	table := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintf(a.stdout, "%s\n\n", file)
	if err == nil {
		_, err = fmt.Fprintln(table, "SETTING\tVALUE\tFROM\t")
	}
	for _, s := range report.Settings {
		from := string(s.Source)
		if s.Source == fromVariable {
			from += " " + s.Variable
		}
		if err == nil {
			_, err = fmt.Fprintf(table, "%s\t%s\t%s\t\n", s.Flag, s.text, from)
		}
	}
	if err == nil {
		err = table.Flush()
	}
	if err != nil {
		return fmt.Errorf("write the settings: %w", err)
	}
	return nil
}
