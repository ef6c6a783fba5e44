package profiler

import (
	"fmt"
	"hash/fnv"
	"math"
	"slices"
)

// VerifyCase is a workload that is hard for a grouped GEMM, with all that is checked on it.
type VerifyCase struct {
	Name     string
	Workload Workload
	// rings are set one after the other on the same engine: all of its graphs are captured by then.
	rings [][]TopK
	// input replaces the random one; nil keeps it.
	input []uint16
	// poisoned are the tokens whose values are NaN; everybody else's results must not notice.
	poisoned []int
	// Large says that a CPU should not be asked for it.
	Large bool
}

// CaseResult is what a case came to.
type CaseResult struct {
	Name     string         `json:"name"`
	Workload Workload       `json:"workload"`
	Results  []VerifyResult `json:"results"`
	// Problems are what no stage of its own can be blamed for: bits that differ from run to run, and
	// values that have leaked from one token to another.
	Problems []string `json:"problems"`
	Skipped  string   `json:"skipped,omitempty"` // why it was not run
}

// Pass reports whether everything was right. A case that was skipped is not wrong.
func (r *CaseResult) Pass() bool {
	return len(r.Problems) == 0 && !slices.ContainsFunc(r.Results, func(v VerifyResult) bool { return !v.Pass() })
}

// Run checks a case on an engine that Config has opened: every ring and mask against the float64
// reference, and the same steps again for the same bits.
func (c *VerifyCase) Run(eng OperandSetter, cfg EngineConfig) (CaseResult, error) {
	r := CaseResult{Name: c.Name, Workload: c.Workload, Problems: []string{}}
	if c.input != nil {
		if err := eng.SetInput(c.input); err != nil {
			return r, err
		}
	}
	masks := []ESMask{ESOff, ESUp, ESDown, ESBoth}
	for i, ring := range c.rings {
		if i > 0 {
			if err := eng.SetRoutings(ring); err != nil {
				return r, err
			}
		}
		cfg.Routings = ring
		results, err := verifyRing(eng, cfg, masks, len(ring))
		if err != nil {
			return r, err
		}
		r.Results = append(r.Results, results...)
		problems, err := repeat(eng, cfg, masks)
		if err != nil {
			return r, err
		}
		r.Problems = append(r.Problems, problems...)
	}
	if len(c.poisoned) > 0 {
		problems, err := c.poison(eng, cfg, masks)
		r.Problems = append(r.Problems, problems...)
		return r, err
	}
	return r, nil
}

// Config is what the case's engine is opened with.
func (c *VerifyCase) Config(kernels, timer, launch string) EngineConfig {
	return EngineConfig{Workload: c.Workload, Routings: c.rings[0], Kernels: kernels, Timer: timer, ESLaunch: launch}
}

// repeat runs the ring twice with each mask: the same inputs have to give the same bits.
func repeat(eng Engine, cfg EngineConfig, masks []ESMask) ([]string, error) {
	var problems []string
	for _, mask := range masks {
		eng.SetES(mask)
		var before uint64
		for round := range 2 {
			if err := runSteps(eng, len(cfg.Routings)); err != nil {
				return problems, err
			}
			bits, err := stepBits(eng, cfg.Workload)
			if err != nil {
				return problems, err
			}
			if round > 0 && bits != before {
				problems = append(problems, fmt.Sprintf("es %v: the same step twice has other bits", mask))
			}
			before = bits
		}
	}
	return problems, nil
}

// stepBits is a hash of what the GEMMs and the layer put out.
func stepBits(eng Engine, w Workload) (uint64, error) {
	reader := tensorReader{engine: eng}
	h := fnv.New64a()
	for _, t := range []struct {
		tensor Tensor
		bytes  int
	}{
		{TensorUp, 2 * w.Rows() * 2 * w.Intermediate},
		{TensorDown, 2 * w.Rows() * w.Hidden},
		{TensorOutput, 2 * w.Tokens * w.Hidden},
	} {
		// A hash never fails.
		_, _ = h.Write(reader.bytes(t.tensor, t.bytes))
	}
	return h.Sum64(), reader.err
}

// poison gives some tokens values of NaN and compares the others' results with those from before.
func (c *VerifyCase) poison(eng OperandSetter, cfg EngineConfig, masks []ESMask) ([]string, error) {
	w := c.Workload
	input := make([]uint16, w.Tokens*w.Hidden)
	for i := range input {
		input[i] = uint16(0x3f00 + i%0x100) // from 0.5 to just below 2
	}
	var problems []string
	for _, mask := range masks {
		eng.SetES(mask)
		var clean []uint16
		for _, token := range c.poisoned {
			for i := range w.Hidden {
				input[token*w.Hidden+i] = 0x3f80
			}
		}
		for _, poisoned := range []bool{false, true} {
			if poisoned {
				for _, token := range c.poisoned {
					for i := range w.Hidden {
						input[token*w.Hidden+i] = 0x7fc0 // NaN
					}
				}
			}
			if err := eng.SetInput(input); err != nil {
				return problems, err
			}
			if err := runSteps(eng, len(cfg.Routings)); err != nil {
				return problems, err
			}
			reader := tensorReader{engine: eng}
			output := halves(reader.bytes(TensorOutput, 2*w.Tokens*w.Hidden))
			if reader.err != nil {
				return problems, reader.err
			}
			if clean == nil {
				clean = output
				continue
			}
			if text := c.leaked(clean, output); text != "" {
				problems = append(problems, fmt.Sprintf("es %v: %s", mask, text))
			}
		}
	}
	return problems, nil
}

// leaked names the first token whose result changed though its own input did not, or that hides its
// own NaN.
func (c *VerifyCase) leaked(clean, poisoned []uint16) string {
	h := c.Workload.Hidden
	for token := range c.Workload.Tokens {
		was, is := clean[token*h:][:h], poisoned[token*h:][:h]
		if slices.Contains(c.poisoned, token) {
			if !slices.ContainsFunc(is, func(bits uint16) bool { return math.IsNaN(bf16Value(bits)) }) {
				return fmt.Sprintf("the result of token %d, whose values are NaN, has none", token)
			}
			continue
		}
		if !slices.Equal(was, is) {
			return fmt.Sprintf("the result of token %d has changed, though only tokens %v became NaN", token, c.poisoned)
		}
	}
	return ""
}
