package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completeValues teaches the shells' completion the values of all commands' flags.
func completeValues(root *cobra.Command) error {
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		var failure error
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			complete := flagCompletion(f)
			if complete == nil || failure != nil {
				return
			}
			if err := cmd.RegisterFlagCompletionFunc(f.Name, complete); err != nil {
				failure = fmt.Errorf("completion of --%s: %w", f.Name, err)
			}
		})
		if failure != nil {
			return failure
		}
	}
	return nil
}

// flagCompletion offers a flag's values. It is nil for the names of files, which the shell completes
// by itself.
func flagCompletion(f *pflag.Flag) cobra.CompletionFunc {
	switch v := f.Value.(type) {
	case choiceValue:
		return cobra.FixedCompletions(v.allowed, cobra.ShellCompDirectiveNoFileComp)
	case boolValue:
		return cobra.FixedCompletions([]string{"true", "false"}, cobra.ShellCompDirectiveNoFileComp)
	case controlValue:
		return cobra.FixedCompletions([]string{"-", socketScheme}, cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp)
	case intValue, seedValue, durationValue:
		return cobra.NoFileCompletions
	}
	switch f.Name {
	case "model":
		return cobra.FixedCompletions(modelNames(), cobra.ShellCompDirectiveNoFileComp)
	case "routing":
		return cobra.FixedCompletions(routingNames(), cobra.ShellCompDirectiveNoSpace|cobra.ShellCompDirectiveNoFileComp)
	default:
		return nil
	}
}

// routingNames are beginnings of routings.
func routingNames() []string { return []string{"uniform", "zipf:", "hot", "trace:"} }
