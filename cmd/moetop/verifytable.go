package main

import (
	"fmt"
	"io"

	"github.com/moetop/moetop/profiler"
)

// verifyTable prints results as they come.
type verifyTable struct {
	out, details io.Writer
	started      bool
}

func newVerifyTable(out, details io.Writer) *verifyTable {
	return &verifyTable{out: out, details: details}
}

// add prints a line for a case that has a name, else one for each mask and stage.
func (t *verifyTable) add(c verifyCase) error {
	if c.Name != "" {
		return t.addCase(c)
	}
	return t.addWorkload(c.Workload, c.Results)
}

// addCase prints the worst that any routing, mask and stage of the case came to.
func (t *verifyTable) addCase(c verifyCase) error {
	word, note := "ok   ", ""
	switch {
	case c.Skipped != "":
		word, note = "skip ", ": "+c.Skipped
	case !c.Pass():
		word = "WRONG"
		t.tellWrong(c)
	}
	switch {
	case c.Skipped != "":
	case c.Soak != nil:
		note = fmt.Sprintf(": %d toggles, %d routings set, %d steps with the bits of the step before", c.Soak.Toggles, c.Soak.Routings, c.Soak.Checked)
	default:
		// The other stages round, and come close to their bounds when they are right.
		var worst, row float64
		for _, r := range c.Results {
			if r.Stage == profiler.Up.String() || r.Stage == profiler.Down.String() {
				worst, row = max(worst, r.WorstError), max(row, r.WorstRowError)
			}
		}
		note = fmt.Sprintf(": %d checks, up and down within %.2f of the bound of a value, %.2e of a row", len(c.Results), worst, row)
	}
	if _, err := fmt.Fprintf(t.out, "%s %-9s %s%s\n", word, c.Kernels, c.Name, note); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}

// tellWrong says what is wrong with a case, a line each.
func (t *verifyTable) tellWrong(c verifyCase) {
	for _, problem := range c.Problems {
		_, _ = fmt.Fprintf(t.details, "%s: %s\n", c.Name, problem)
	}
	for _, r := range c.Results {
		if !r.Pass() {
			_, _ = fmt.Fprintf(t.details, "%s: es %v, %s: %s\n", c.Name, r.Mask, r.Stage, r.First)
		}
	}
}

// addWorkload prints a line for each mask and stage: the worst of the routings that were checked.
func (t *verifyTable) addWorkload(w profiler.Workload, results []profiler.VerifyResult) error {
	if !t.started {
		t.started = true
		if _, err := fmt.Fprintf(t.out, "%-16s %6s  %-9s %-5s %-8s %12s %12s  %s\n",
			"model", "tokens", "routing", "es", "stage", "value error", "row error", "result"); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	for _, r := range worstByStage(results) {
		word := "ok"
		if !r.Pass() {
			word = fmt.Sprintf("WRONG (%d of %d)", r.Violations, r.Checked)
			_, _ = fmt.Fprintf(t.details, "%s, %d tokens, %v, es %v, %s: %s\n", w.Name(), w.Tokens, w.Routing, r.Mask, r.Stage, r.First)
		}
		if _, err := fmt.Fprintf(t.out, "%-16s %6d  %-9s %-5s %-8s %12.4f %12.2e  %s\n",
			w.Name(), w.Tokens, w.Routing, r.Mask, r.Stage, r.WorstError, r.WorstRowError, word); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	return nil
}

// worstByStage merges the routings of each mask and stage, in the order of their first appearance.
func worstByStage(results []profiler.VerifyResult) []profiler.VerifyResult {
	type key struct {
		mask  profiler.ESMask
		stage string
	}
	at := make(map[key]int)
	var merged []profiler.VerifyResult
	for _, r := range results {
		k := key{r.Mask, r.Stage}
		i, seen := at[k]
		if !seen {
			at[k] = len(merged)
			merged = append(merged, r)
			continue
		}
		m := &merged[i]
		if m.Pass() && !r.Pass() {
			m.First = r.First
		}
		m.Checked += r.Checked
		m.Violations += r.Violations
		m.WorstError = max(m.WorstError, r.WorstError)
		m.WorstRowError = max(m.WorstRowError, r.WorstRowError)
	}
	return merged
}
