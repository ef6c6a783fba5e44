package profiler

// StageWork is what one step asks of a stage: the bytes that have to cross the memory's bus at least
// once, and the arithmetic. Divided by a measured time it gives the rates of a roofline.
type StageWork struct {
	Name         string  `json:"name"`
	Bytes        float64 `json:"bytes"` // ReadBytes and WrittenBytes
	ReadBytes    float64 `json:"read_bytes"`
	WrittenBytes float64 `json:"written_bytes"`
	// Flops are the multiplications and additions, padding not counted; null where moving and
	// converting data is all that a stage does.
	Flops *float64 `json:"flops"`
	// AttainableUS is how long the stage takes at best on this device, and Bound what does not let it be
	// faster; both are nil where the device's ceilings are not known.
	AttainableUS *float64 `json:"attainable_us"`
	Bound        *Bound   `json:"bound"`
	// reuseBytes pass through the cache between two uses of the stage's operands.
	reuseBytes float64
}

// Sizes of the tensors' elements, in bytes.
const (
	fp8Bytes   = 1
	bf16Bytes  = 2
	int32Bytes = 4
	scaleBytes = 4
)

// stageWork returns the work of all stages, in order. Every operand counts once, read or written,
// since what is read again should come from a cache; of the weights only those of the experts that
// have rows count. With T tokens, R rows, A such experts:
//
//	route    ids 4R read; offsets 4(E+1) and both permutations 8R written
//	quant    hidden 2TH and its rows' places 4R read; x RH and scales written
//	up       weights A(2IH and scales), x RH and scales read; 2R*2I written; 2*R*2I*H flops
//	act      2R*2I read; RI and scales written
//	down     weights A(HI and scales), RI and scales read; 2RH written; 2*R*I*H flops
//	combine  2RH, rows' places 4R and weights 4R read; 2TH written; 2RH flops
func stageWork(w Workload, activeExperts float64) []StageWork {
	rows, tokens := float64(w.Rows()), float64(w.Tokens)
	hidden, inner := float64(w.Hidden), float64(w.Intermediate)
	quantized := func(n, width float64) float64 { return n * width * (fp8Bytes + scaleBytes/float64(BlockWidth)) }
	weights := func(n, k float64) float64 {
		return activeExperts * n * k * (fp8Bytes + scaleBytes/float64(BlockWidth*BlockWidth))
	}
	read := [NumStages]float64{
		Route:   int32Bytes * rows,
		Quant:   bf16Bytes*tokens*hidden + int32Bytes*rows,
		Up:      weights(2*inner, hidden) + quantized(rows, hidden),
		Act:     bf16Bytes * rows * 2 * inner,
		Down:    weights(hidden, inner) + quantized(rows, inner),
		Combine: bf16Bytes*rows*hidden + 2*int32Bytes*rows,
	}
	written := [NumStages]float64{
		Route:   int32Bytes*float64(w.Experts+1) + 2*int32Bytes*rows,
		Quant:   quantized(rows, hidden),
		Up:      bf16Bytes * rows * 2 * inner,
		Act:     quantized(rows, inner),
		Down:    bf16Bytes * rows * hidden,
		Combine: bf16Bytes * tokens * hidden,
	}
	// Weights are used again a step later or, where a routing leaves experts out, later still.
	allWeights := float64(w.Experts) * 3 * inner * hidden * fp8Bytes
	flops := map[Stage]float64{
		Up: 2 * rows * 2 * inner * hidden, Down: 2 * rows * inner * hidden, Combine: 2 * rows * hidden,
	}
	work := make([]StageWork, 0, NumStages)
	for _, stage := range Stages() {
		one := StageWork{
			Name: stage.String(), Bytes: read[stage] + written[stage],
			ReadBytes: read[stage], WrittenBytes: written[stage],
		}
		one.reuseBytes = one.Bytes
		if stage.Switchable() {
			one.reuseBytes = max(one.Bytes, allWeights)
		}
		if n, ok := flops[stage]; ok {
			one.Flops = &n
		}
		work = append(work, one)
	}
	return work
}
