package profiler

import (
	"fmt"
	"hash/maphash"
)

// VerifyResult is the check of one stage in one step against the float64 reference.
type VerifyResult struct {
	Mask    ESMask `json:"es"`
	Routing int    `json:"routing"` // visit of the ring: steps with the same number had the same routing
	Stage   string `json:"stage"`
	// Checked is the number of values compared, Violations how many values and rows were out of bound.
	Checked    int64 `json:"checked"`
	Violations int64 `json:"violations"`
	// WorstError is the largest error of a value in units of its bound: up to 1 is right. WorstRowError
	// is the largest relative error of a row. 1e30 stands for NaN and for errors where none is allowed.
	WorstError    float64 `json:"worst_error"`
	WorstRowError float64 `json:"worst_row_error"`
	WorstRow      int     `json:"worst_row"` // -1 if every row is exact
	// First describes the first violation; FirstRow and FirstColumn say where it is, -1 if it concerns
	// more than one row or column.
	First       string `json:"first,omitempty"`
	FirstRow    int    `json:"first_row"`
	FirstColumn int    `json:"first_column"`
}

// Pass reports whether the stage was right.
func (r VerifyResult) Pass() bool { return r.Violations == 0 }

// verifyVisits is how many routings of the ring are checked, if it has that many.
const verifyVisits = 2

// Verify runs steps with each of the masks, on two routings of the ring, and compares every stage
// with a float64 reference made from the operands that the stage itself read, so that an error is
// found where it is made. It returns one result for each routing, mask and stage, wrong ones
// included; the error is for an engine that fails. It is called on the engine's thread.
//
// The steps of the other routings lie between two that are checked: a stage that wrote nothing would
// be found with another routing's output.
func Verify(eng Engine, cfg EngineConfig, masks []ESMask) ([]VerifyResult, error) {
	return verifyRing(eng, cfg, masks, verifyVisits)
}

// verifyRing checks so many routings of the ring, if it has that many.
func verifyRing(eng Engine, cfg EngineConfig, masks []ESMask, visits int) ([]VerifyResult, error) {
	weights, err := readWeights(eng, cfg.Workload)
	if err != nil {
		return nil, err
	}
	var results []VerifyResult
	for visit := range min(visits, len(cfg.Routings)) {
		v := verifier{cfg: cfg, weights: weights, seed: maphash.MakeSeed(), references: map[uint64][]float32{}}
		for _, mask := range masks {
			eng.SetES(mask)
			if err := runSteps(eng, 1); err != nil {
				return results, err
			}
			step, err := readStep(eng, cfg.Workload)
			if err != nil {
				return results, err
			}
			for stage, t := range v.step(step) {
				results = append(results, t.result(Stage(stage), mask, visit))
			}
			if err := runSteps(eng, len(cfg.Routings)-1); err != nil {
				return results, err
			}
		}
		if err := runSteps(eng, 1); err != nil {
			return results, err
		}
	}
	return results, nil
}

func runSteps(eng Engine, n int) error {
	if n == 0 {
		return nil
	}
	if err := eng.Run(n); err != nil {
		return fmt.Errorf("running steps to verify: %w", err)
	}
	if err := eng.Sync(); err != nil {
		return fmt.Errorf("running steps to verify: %w", err)
	}
	return nil
}

func (t *tally) result(stage Stage, mask ESMask, visit int) VerifyResult {
	return VerifyResult{
		Mask: mask, Routing: visit, Stage: stage.String(),
		Checked: t.checked, Violations: t.violations, WorstError: t.worst,
		WorstRowError: t.worstRow, WorstRow: t.worstRowAt,
		First: t.first, FirstRow: t.row, FirstColumn: t.column,
	}
}

// verifier checks the steps of one routing. The products are by far the dearest part, and steps that
// differ in their mask alone mostly multiply the same operands: products are kept by a hash of them.
type verifier struct {
	cfg        EngineConfig
	weights    *layerWeights
	seed       maphash.Seed
	references map[uint64][]float32
}

func (v *verifier) step(s *stepTensors) [NumStages]*tally {
	w := v.cfg.Workload
	var t [NumStages]*tally
	t[Route] = checkRoute(w, v.cfg.Routings, s)
	if t[Route].violations > 0 {
		for stage := Quant; stage < NumStages; stage++ {
			t[stage] = newTally()
			t[stage].wrong(-1, -1, "not checked: the route is wrong")
		}
		return t
	}
	t[Quant] = checkQuant(w, s)
	t[Up] = checkGEMM(s.up, v.reference(&gemmOperands{
		n: 2 * w.Intermediate, k: w.Hidden, offsets: s.offsets,
		a: s.x, aScale: s.xScale, w: v.weights.w1, wScale: v.weights.w1Scale,
	}), 2*w.Intermediate)
	t[Act] = checkAct(w, s)
	t[Down] = checkGEMM(s.down, v.reference(&gemmOperands{
		n: w.Hidden, k: w.Intermediate, offsets: s.offsets,
		a: s.act, aScale: s.actScale, w: v.weights.w2, wScale: v.weights.w2Scale,
	}), w.Hidden)
	t[Combine] = checkCombine(w, s)
	return t
}

func (v *verifier) reference(op *gemmOperands) []float32 {
	var h maphash.Hash
	h.SetSeed(v.seed)
	maphash.WriteComparable(&h, [2]int{op.n, op.k})
	for _, offset := range op.offsets {
		maphash.WriteComparable(&h, offset)
	}
	for _, scale := range op.aScale {
		maphash.WriteComparable(&h, scale)
	}
	key := maphash.Bytes(v.seed, op.a) ^ h.Sum64()
	if known, ok := v.references[key]; ok {
		return known
	}
	product := referenceGEMM(op)
	v.references[key] = product
	return product
}
