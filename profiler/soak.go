package profiler

import (
	"fmt"
	"math/rand/v2"
)

// SoakResult is what a soak came to.
type SoakResult struct {
	Steps    int      `json:"steps"`    // that have finished
	Routings int      `json:"routings"` // times that the ring was replaced
	Toggles  int      `json:"toggles"`  // times that the mask changed
	Checked  int      `json:"checked"`  // steps whose bits were compared with those of the same step before
	Problems []string `json:"problems"` // bits that differed
}

// Bounds of a soak: how long the engine is left to itself, and how many differences are worth telling.
const (
	soakBatch      = 40
	soakRings      = 4
	soakKeepRing   = 4 // batches with a ring, on the mean: toggles alone do not wait for the GPU
	soakCheckEvery = 3 // batches
	maxProblems    = 10
)

// Soak runs steps with masks and rings that change at random, and compares the bits of what came out
// with the first run of the same routing and mask. It is called on the engine's thread.
func Soak(eng OperandSetter, cfg EngineConfig, steps int) (SoakResult, error) {
	r := SoakResult{Problems: []string{}}
	rng := rand.New(rand.NewPCG(cfg.Workload.Seed, 0x736f616b))
	rings, err := soakRingsOf(cfg.Workload, len(cfg.Routings), rng)
	if err != nil {
		return r, err
	}
	type key struct {
		ring, place int
		mask        ESMask
	}
	type seen struct {
		step int
		bits uint64
	}
	known := make(map[key]seen)
	current, mask := -1, ESMask(NumMasks)
	for batch := 0; r.Steps < steps; batch++ {
		if ring := rng.IntN(soakRings); current < 0 || ring != current && rng.IntN(soakKeepRing) == 0 {
			if err := eng.SetRoutings(rings[ring]); err != nil {
				return r, err
			}
			current = ring
			r.Routings++
		}
		if next := ESMask(rng.IntN(NumMasks)); next != mask {
			eng.SetES(next)
			mask = next
			r.Toggles++
		}
		n := min(1+rng.IntN(soakBatch), steps-r.Steps)
		if err := eng.Run(n); err != nil {
			return r, fmt.Errorf("running the steps from %d: %w", r.Steps, err)
		}
		r.Steps += n
		if batch%soakCheckEvery == 0 {
			if err := eng.Sync(); err != nil {
				return r, fmt.Errorf("finishing step %d: %w", r.Steps-1, err)
			}
			bits, err := stepBits(eng, cfg.Workload)
			if err != nil {
				return r, err
			}
			k := key{current, (r.Steps - 1) % len(cfg.Routings), mask}
			before, again := known[k]
			switch {
			case !again:
				known[k] = seen{r.Steps - 1, bits}
			case before.bits != bits:
				r.Problems = append(r.Problems, fmt.Sprintf("step %d, es %v: other bits than step %d, which had the same inputs",
					r.Steps-1, mask, before.step))
			}
			if again {
				r.Checked++
			}
			if len(r.Problems) == maxProblems {
				return r, nil
			}
		}
		// Nobody reads the timings; unread ones would only be lost.
		if _, _, err := eng.Timings(nil); err != nil {
			return r, fmt.Errorf("reading the timings: %w", err)
		}
	}
	if err := eng.Sync(); err != nil {
		return r, fmt.Errorf("finishing step %d: %w", r.Steps-1, err)
	}
	return r, nil
}

// soakRingsOf draws rings that have little in common: even, skewed, one hot expert, and few experts
// with all rows.
func soakRingsOf(w Workload, length int, rng *rand.Rand) ([][]TopK, error) {
	kinds := []Routing{{Kind: Uniform}, {Kind: Zipf, Exponent: 1}, {Kind: Hot}, {Kind: Zipf, Exponent: MaxExponent}}
	rings := make([][]TopK, soakRings)
	for i := range rings {
		w.Routing = kinds[i%len(kinds)]
		w.Seed = rng.Uint64()
		ring, err := Routings(w, length)
		if err != nil {
			return nil, err
		}
		rings[i] = ring
	}
	return rings, nil
}
