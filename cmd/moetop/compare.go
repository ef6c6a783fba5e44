package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/moetop/moetop/profiler/comparison"
	"github.com/moetop/moetop/profiler/saved"
)

// exitRegression is the exit code of a comparison that found one.
const exitRegression = 5

// maxThreshold is a change of a hundredfold, in percent.
const maxThreshold = 10_000

// compareOptions are the flags of moetop compare.
type compareOptions struct {
	json, markdown, all, force bool
	output, threshold          string
}

func (a *app) compareCommand() *cobra.Command {
	o := &compareOptions{threshold: "2%"}
	cmd := &cobra.Command{
		Use:   "compare OLD NEW",
		Short: "Compare two reports or two sweeps; exit 5 on a regression",
		Long: `compare matches what two files have measured and says by what factor each latency changed. A file is
what --json, --ndjson or sweep wrote; several runs joined with cat are compared as runs. - is stdin.

It exits with 5 if a latency is slower by the threshold or more, and, where that can be tested, beyond
chance. It refuses to compare different GPUs, engines, timers or workloads without --force.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 || args[0] == "-" && args[1] == "-" {
				return usage(fmt.Errorf("compare: %d arguments %q are not allowed: it takes two files, OLD and NEW, one of which may be -", len(args), args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := fromEnvironment(cmd.Flags(), a.environ); err != nil {
				return usage(err)
			}
			return a.runCompare(o, args[0], args[1])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	addBool(flags, &o.json, "json", "print JSON instead of a table")
	addBool(flags, &o.markdown, "markdown", "print Markdown, as for a pull request")
	flags.Var(parsedValue{&o.threshold, "PERCENT", func(text string) error {
		_, err := parsePercent(text)
		return err
	}}, "threshold", "smallest change that counts")
	addBool(flags, &o.all, "all", "show every figure, also those that did not change")
	addBool(flags, &o.force, "force", "compare in spite of different GPUs, engines, timers or workloads")
	flags.StringVar(&o.output, "output", "", "write to `FILE` instead of stdout")
	return cmd
}

// parsePercent reads 2 or 2% as 0.02.
func parsePercent(text string) (float64, error) {
	value, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil || !(value >= 0 && value <= maxThreshold) {
		return 0, fmt.Errorf("a percentage from 0 to %d is allowed, such as 2%%", maxThreshold)
	}
	return value / 100, nil
}

func (a *app) runCompare(o *compareOptions, before, after string) error {
	if o.json && o.markdown {
		return usage(errors.New("--json and --markdown: one of them is allowed"))
	}
	threshold, err := parsePercent(o.threshold)
	if err != nil {
		return usage(fmt.Errorf("--threshold: %w", err))
	}
	if err := keepInput("output", o.output, before, after); err != nil {
		return err
	}
	old, current, err := a.readBoth(before, after)
	if err != nil {
		return err
	}
	result, err := comparison.Compare(old, current, comparison.Options{Threshold: threshold, Force: o.force})
	if different, ok := errors.AsType[*comparison.DifferentError](err); ok {
		return usage(fmt.Errorf("compare %s %s: %w; --force compares them nevertheless", before, after, different))
	}
	if err != nil {
		return fmt.Errorf("compare %s %s: %w", before, after, err)
	}
	if err := a.writeComparison(o, result); err != nil {
		return err
	}
	if c := result.Counts; c.Regressed() {
		return &codeError{exitRegression, fmt.Errorf(
			"compare: regression: %d of %d latencies are slower by %s or more, %d points failed", c.Slower, c.Compared, o.threshold, c.Failed)}
	}
	return nil
}

func (a *app) writeComparison(o *compareOptions, result *comparison.Result) error {
	if o.json {
		return a.writeJSON(o.output, result)
	}
	var text bytes.Buffer
	if err := result.WriteText(&text, comparison.TextOptions{Markdown: o.markdown, All: o.all}); err != nil {
		return fmt.Errorf("write the comparison: %w", err)
	}
	return a.writeData(o.output, text.Bytes())
}

// readBoth reads two files at once: a sweep of thousands of points takes its time.
func (a *app) readBoth(before, after string) (old, current *saved.File, err error) {
	var errBefore error
	done := make(chan struct{})
	go func() {
		defer close(done)
		old, errBefore = a.readSaved(before)
	}()
	current, err = a.readSaved(after)
	<-done
	if errBefore != nil {
		return nil, nil, errBefore
	}
	return old, current, err
}

// readSaved reads a file that moetop wrote, or stdin.
func (a *app) readSaved(path string) (*saved.File, error) {
	if path == "-" {
		return saved.Read("stdin", a.stdin)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	read, err := saved.Read(path, file)
	return read, errors.Join(err, file.Close())
}
