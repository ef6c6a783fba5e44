package kernels

import (
	"fmt"
	"strconv"

	"github.com/moetop/moetop/profiler"
)

// maxRing is the longest ring of routings.
const maxRing = 64

// checkConfig refuses, with an *ArgumentError, what no engine can run.
func checkConfig(cfg profiler.EngineConfig) error {
	w := cfg.Workload
	if err := w.Validate(); err != nil {
		return err
	}
	if n := len(cfg.Routings); n < 1 || n > maxRing {
		return &profiler.ArgumentError{
			Field: "routings", Value: strconv.Itoa(n), Allowed: fmt.Sprintf("a ring of 1 to %d", maxRing),
		}
	}
	seen := make([]int, w.Experts) // the last token, counted over the ring, that went to an expert
	token := 0
	for i, r := range cfg.Routings {
		if len(r.IDs) != w.Rows() || len(r.Weights) != w.Rows() {
			return &profiler.ArgumentError{
				Field: "routings", Value: fmt.Sprintf("%d ids and %d weights in routing %d", len(r.IDs), len(r.Weights), i),
				Allowed: fmt.Sprintf("%d of each: tokens times top-k", w.Rows()),
			}
		}
		for row, id := range r.IDs {
			if row%w.TopK == 0 {
				token++
			}
			if id < 0 || int(id) >= w.Experts || seen[id] == token {
				return &profiler.ArgumentError{
					Field: "routings", Value: fmt.Sprintf("expert %d for token %d of routing %d", id, row/w.TopK, i),
					Allowed: fmt.Sprintf("0 to %d, each at most once a token", w.Experts-1),
				}
			}
			seen[id] = token
		}
	}
	return nil
}

// checkRing refuses a ring that cannot take the place of one of so many routings.
func checkRing(cfg profiler.EngineConfig, length int) error {
	if n := len(cfg.Routings); n != length {
		return &profiler.ArgumentError{Field: "routings", Value: strconv.Itoa(n), Allowed: fmt.Sprintf("a ring of %d, as before", length)}
	}
	return checkConfig(cfg)
}

func checkInput(w profiler.Workload, input []uint16) error {
	if want := w.Tokens * w.Hidden; len(input) != want {
		return &profiler.ArgumentError{
			Field: "input", Value: fmt.Sprintf("%d values", len(input)), Allowed: fmt.Sprintf("%d: tokens times hidden", want),
		}
	}
	return nil
}

// choice returns the value of a named option; the empty name is the first one's.
func choice(field, name string, names []string) (int, error) {
	for i, n := range names {
		if name == n || (name == "" && i == 0) {
			return i, nil
		}
	}
	return 0, &profiler.ArgumentError{
		Field: field, Value: strconv.Quote(name), Allowed: fmt.Sprintf("one of %q", names),
	}
}
