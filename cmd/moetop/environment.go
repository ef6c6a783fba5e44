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
// as not set. The modes themselves are left to the command line: a forgotten variable must not turn
// a screen into a stream.
func fromEnvironment(flags *pflag.FlagSet, environ []string) error {
	values := make(map[string]string, len(environ))
	for _, entry := range environ {
		if name, value, ok := strings.Cut(entry, "="); ok {
			values[name] = value
		}
	}
	var failure error
	flags.VisitAll(func(f *pflag.Flag) {
		switch {
		case f.Changed || failure != nil || f.Hidden:
			return
		case f.Name == "json" || f.Name == "ndjson" || f.Name == "control" || f.Name == "help" || f.Name == "version":
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
