package main

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"
)

// environmentName is the variable that stands for a flag.
func environmentName(flag string) string {
	return "MOETOP_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// fromEnvironment sets the flags that were not given from their variables. An empty variable counts
// as not set.
func fromEnvironment(flags *pflag.FlagSet, environ []string) error {
	values := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			values[name] = value
		}
	}
	settled := settledFlags(flags)
	var failure error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed || failure != nil || f.Hidden || commandLineOnly(f.Name) || settled.overrule(f.Name) {
			return
		}
		name := environmentName(f.Name)
		value := values[name]
		if value == "" {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failure = fmt.Errorf("%s for --%s: %q: %w", name, f.Name, value, unwrapFlagError(err))
			return
		}
		failure = flags.SetAnnotation(f.Name, setByVariable, []string{name})
	})
	return failure
}

// setByVariable is the annotation of a flag that a variable has set.
const setByVariable = "moetop_set_by_variable"

// nameVariable adds to an error that begins with a flag the variable that has set it: who reads the error
// sees no such flag on the command line.
func nameVariable(err error, flags *pflag.FlagSet) error {
	if err == nil {
		return nil
	}
	flag, begins := strings.CutPrefix(err.Error(), "--")
	if !begins {
		return err
	}
	flag, _, _ = strings.Cut(flag, ":")
	flag, _, _ = strings.Cut(flag, " ")
	if f := flags.Lookup(flag); f != nil && len(f.Annotations[setByVariable]) == 1 {
		return fmt.Errorf("%w (%s is set)", err, f.Annotations[setByVariable][0])
	}
	return err
}

// unwrapFlagError takes pflag's words away, which name the flag alone.
func unwrapFlagError(err error) error {
	if inner, ok := err.(interface{ Unwrap() error }); ok && inner.Unwrap() != nil {
		return inner.Unwrap()
	}
	return err
}
