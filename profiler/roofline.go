package profiler

// Bound names what limits a stage.
type Bound string

// The limits.
const (
	BoundDRAM   Bound = "dram"   // the stream of what has to cross the memory's bus
	BoundL2     Bound = "l2"     // the same out of the L2 cache, which holds all or most of it
	BoundFlops  Bound = "flops"  // the tensor cores
	BoundLaunch Bound = "launch" // no kernel is shorter than an empty one
)

// attain fills in how long each stage of the work takes at best on a device with these ceilings:
//
//	attainable = max(empty kernel, memory, flops / peak)
//	memory     = reads / bandwidth + cost of the writes beside them,    out of DRAM
//	             (reads + writes) / L2 bandwidth,                       out of the cache
//
// Which of the two depends on the bytes that pass between two uses of a stage's operands. Up to half
// of the L2 cache (a GPU with two partitions may keep a line in both) everything is still there, from
// the whole of it on nothing is, and in between the one passes into the other in proportion.
func (c *Ceilings) attain(work []StageWork, l2Bytes float64) {
	for i := range work {
		w := &work[i]
		dram := w.ReadBytes/c.ReadBytesPerS*1e6 + c.writeUS(w.WrittenBytes)
		cached := w.Bytes / c.L2ReadBytesPerS * 1e6
		missing := missingShare(w.reuseBytes, l2Bytes)
		us, bound := missing*dram+(1-missing)*cached, BoundDRAM
		if missing < 0.5 {
			bound = BoundL2
		}
		if w.Flops != nil {
			if flops := *w.Flops / c.FP8FlopsPerS * 1e6; flops > us {
				us, bound = flops, BoundFlops
			}
		}
		if c.KernelUS > us {
			us, bound = c.KernelUS, BoundLaunch
		}
		w.AttainableUS, w.Bound = &us, &bound
	}
}

// missingShare is the part of so many bytes that the L2 cache does not keep until they come round.
func missingShare(bytes, l2Bytes float64) float64 {
	if l2Bytes <= 0 {
		return 1
	}
	return min(max(bytes/(l2Bytes/2)-1, 0), 1)
}

// attainablePercent is the share of the attainable speed that a stage reaches with the median of one
// side; nil if either is unknown.
func attainablePercent(attainableUS *float64, side *Summary) *float64 {
	if attainableUS == nil || side == nil || side.MedianUS <= 0 {
		return nil
	}
	percent := 100 * *attainableUS / side.MedianUS
	return &percent
}

// LayerAttainableUS is the sum of what the stages take at best: one after the other, no gaps between
// them. Nil if it is unknown.
func LayerAttainableUS(work []StageWork) *float64 {
	if len(work) == 0 {
		return nil
	}
	sum := 0.0
	for _, w := range work {
		if w.AttainableUS == nil {
			return nil
		}
		sum += *w.AttainableUS
	}
	return &sum
}

// ShownMask is the mask whose figures stand for the run where there is room for one: the one that
// runs, and in A/B mode, where all do, the one to deploy; ES off until that is known.
func (s *Sample) ShownMask() ESMask {
	if !s.AB {
		return s.ES
	}
	if es := s.Verdict.EnableES; es != nil {
		return ESOff.With(Up, es[0]).With(Down, es[1])
	}
	return ESOff
}

// addAttainable fills in how close the stages and the layer come to what they could reach.
func (s *Sample) addAttainable(work []StageWork) {
	mask := s.ShownMask()
	for i := range s.Stages {
		stage := &s.Stages[i]
		side := stage.Off
		if mask.Has(Stage(i)) {
			side = stage.On
		}
		for _, w := range work {
			if w.Name == stage.Name {
				stage.AttainablePercent = attainablePercent(w.AttainableUS, side)
			}
		}
	}
	s.Steps.AttainablePercent = attainablePercent(LayerAttainableUS(work), s.Steps.Mask(mask))
}
