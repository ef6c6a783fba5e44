package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A flag is set by the command line, else by its environment variable, else by the config file.

// commandLineOnly are flags that nothing but the command line sets: the modes, since a forgotten
// variable must not turn a screen into a stream, and what asks for help.
func commandLineOnly(name string) bool {
	return slices.Contains([]string{"json", "ndjson", "control", "save-config", "help", "version"}, name)
}

// settable reports whether a config file may set the flag.
func settable(f *pflag.Flag) bool {
	return !f.Hidden && f.Name != "config" && !commandLineOnly(f.Name)
}

// rivals are the flags that cannot stand together with one. Where a stronger source has set one of
// them, a weaker one has nothing to say: --experts on the command line beats the file's model.
func rivals(name string) []string {
	shape := []string{"experts", "top-k", "hidden", "intermediate"}
	switch name {
	case "model":
		return append(shape, "config-json", "exhaustive")
	case "config-json":
		return append(shape, "model", "exhaustive")
	case "experts", "top-k", "hidden", "intermediate":
		return []string{"model", "config-json"}
	case "tp", "ep":
		// A shard is that of its model: one that is remembered beside another is not meant.
		return []string{"model", "config-json", "experts"}
	case "tokens":
		return []string{"exhaustive"}
	case "routing":
		return []string{"exhaustive", "soak"}
	case "exhaustive":
		return []string{"model", "config-json", "tokens", "routing"}
	case "soak":
		return []string{"routing"}
	case "ab":
		return []string{"es", "es-schedule", "aa"}
	case "aa":
		return []string{"es-schedule", "ab"}
	case "es":
		return []string{"ab"}
	case "es-schedule":
		return []string{"ab", "aa"}
	case "until-significant":
		return []string{"es", "es-schedule", "duration"}
	case "duration":
		return []string{"until-significant"}
	default:
		return nil
	}
}

// settled are the flags that stronger sources have set.
type settled map[string]bool

func settledFlags(flags *pflag.FlagSet) settled {
	s := make(settled)
	flags.VisitAll(func(f *pflag.Flag) {
		// A switch that is off is nobody's rival.
		s[f.Name] = f.Changed && f.Value.String() != "false"
	})
	if s["until-significant"] && !s["aa"] {
		s["ab"] = true // It implies that.
	}
	return s
}

func (s settled) overrule(name string) bool {
	return slices.ContainsFunc(rivals(name), func(rival string) bool { return s[rival] })
}

// idle reports whether a flag says something about another that the command does not have or that nobody
// has set: --max-duration without --until-significant, or, where there is no custom shape, a shard without
// the file of its model. On the command line and in a variable that is a mistake; in a file it waits for
// its occasion.
func idle(flags *pflag.FlagSet, name string) bool {
	switch name {
	case "max-duration", "until-width":
		until := flags.Lookup("until-significant")
		return until == nil || until.Value.String() == "false"
	case "tp", "ep":
		return flags.Lookup("experts") == nil && !flags.Changed("config-json")
	default:
		return false
	}
}

// source says where a flag's value came from.
type source string

const (
	fromFlag     source = "flag"
	fromVariable source = "environment"
	fromFile     source = "file"
	fromDefault  source = "default"
)

// settle sets a command's flags from all sources, and says which one set each of them.
func (a *app) settle(cmd *cobra.Command, file *configFile) (map[string]source, error) {
	flags := cmd.Flags()
	sources := make(map[string]source)
	note := func(s source) {
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Changed && sources[f.Name] == "" {
				sources[f.Name] = s
			}
		})
	}
	note(fromFlag)
	if err := fromEnvironment(flags, a.environ); err != nil {
		return nil, err
	}
	note(fromVariable)
	if err := file.apply(flags, cmd.Name()); err != nil {
		return nil, err
	}
	note(fromFile)
	return sources, nil
}

// givenConfig is the path that the flag or its variable names; empty is none.
func givenConfig(cmd *cobra.Command, environ []string) string {
	if f := cmd.Flags().Lookup("config"); f != nil && f.Changed {
		return f.Value.String()
	}
	return variable(environ, environmentName("config"))
}

// readConfig reads the config file that the flag or its variable names, or the user's own.
func (a *app) readConfig(cmd *cobra.Command) (*configFile, error) {
	file, err := readConfigFile(givenConfig(cmd, a.environ), a.environ)
	if err != nil {
		return nil, err
	}
	return file, file.check(cmd.Root())
}

// configure takes environment and config file in before a command runs, and looks whether its output
// has a place.
func (a *app) configure(cmd *cobra.Command, _ []string) error {
	// A worker was told everything by its front, and must not find another file's opinion.
	if f := cmd.Flags().Lookup("front-mode"); f != nil && f.Changed {
		return nil
	}
	if ignoresConfig(cmd) {
		return nil
	}
	file, err := a.readConfig(cmd)
	if err != nil {
		return usage(err)
	}
	if _, err := a.settle(cmd, file); err != nil {
		return usage(err)
	}
	if f := cmd.Flags().Lookup("output"); f != nil {
		if err := checkOutput(f.Value.String()); err != nil {
			return usage(err)
		}
	}
	return nil
}

// ignoresConfig is true for what has to work beside a broken file, and for config itself.
func ignoresConfig(cmd *cobra.Command) bool {
	for c := cmd; c != nil; c = c.Parent() {
		if slices.Contains([]string{"completion", "help", "man", "config", cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, c.Name()) {
			return true
		}
	}
	return false
}
