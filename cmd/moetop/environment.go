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
		}
	})
	return failure
}

// unwrapFlagError takes pflag's words away, which name the flag alone.
func unwrapFlagError(err error) error {
	if inner, ok := err.(interface{ Unwrap() error }); ok && inner.Unwrap() != nil {
		return inner.Unwrap()
	}
	return err
}
