package profiler

import (
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
)

// TopK is one routing drawn for a workload.
type TopK struct {
	IDs     []int32   // [T,k]
	Weights []float32 // [T,k], uniform in [0,1)
}

// NewRoutings draws a ring of n routings for a valid workload. They depend on the workload and its
// seed alone, not on the machine. A trace is not drawn but read, by Routings.
func NewRoutings(w Workload, n int) []TopK {
	if w.Routing.Kind == Trace {
		panic("profiler: NewRoutings cannot draw a trace")
	}
	ring := make([]TopK, n)
	next := make(chan int, n)
	for i := range ring {
		next <- i
	}
	close(next)
	var wg sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				ring[i] = drawRouting(w, rand.New(rand.NewPCG(w.Seed, uint64(i))))
			}
		})
	}
	wg.Wait()
	return ring
}

func drawRouting(w Workload, rng *rand.Rand) TopK {
	t := TopK{IDs: make([]int32, w.Rows()), Weights: make([]float32, w.Rows())}
	var draw func(ids []int32)
	switch w.Routing.Kind {
	case Zipf:
		draw = newZipfDrawer(w, rng).draw
	case Hot:
		others := newShuffler(1, w.Experts, rng)
		draw = func(ids []int32) {
			ids[0] = 0
			others.draw(ids[1:])
		}
	case Uniform:
		draw = newShuffler(0, w.Experts, rng).draw
	case Trace: // NewRoutings has refused it.
	}
	for i := 0; i < len(t.IDs); i += w.TopK {
		draw(t.IDs[i : i+w.TopK])
	}
	for i := range t.Weights {
		t.Weights[i] = rng.Float32()
	}
	return t
}

// shuffler draws without replacement, every expert alike: the head of a shuffle that goes on from
// whatever order the draw before left, which is as uniform as a fresh one.
type shuffler struct {
	order []int32
	rng   *rand.Rand
}

func newShuffler(first, experts int, rng *rand.Rand) *shuffler {
	s := &shuffler{order: make([]int32, experts-first), rng: rng}
	for i := range s.order {
		s.order[i] = int32(first + i)
	}
	return s
}

func (s *shuffler) draw(ids []int32) {
	for i := range ids {
		j := i + s.rng.IntN(len(s.order)-i)
		s.order[i], s.order[j] = s.order[j], s.order[i]
		ids[i] = s.order[i]
	}
}

// zipfDrawer draws without replacement with probability proportional to 1/rank^s. An exponential
// clock runs for each expert at the rate of its popularity; the k that ring first are the sample.
type zipfDrawer struct {
	period []float64 // mean time until an expert's clock rings: rank^s
	first  []float64 // the earliest times so far, ascending
	rng    *rand.Rand
}

// newZipfDrawer deals the ranks to the experts at random, so that popular experts are not neighbours.
func newZipfDrawer(w Workload, rng *rand.Rand) *zipfDrawer {
	z := &zipfDrawer{period: make([]float64, w.Experts), first: make([]float64, w.TopK), rng: rng}
	for i, rank := range rng.Perm(w.Experts) {
		z.period[i] = math.Pow(float64(rank+1), w.Routing.Exponent)
	}
	return z
}

func (z *zipfDrawer) draw(ids []int32) {
	for i := range z.first {
		z.first[i] = math.Inf(1)
	}
	last := len(ids) - 1
	for expert, period := range z.period {
		at := z.rng.ExpFloat64() * period
		if at >= z.first[last] {
			continue
		}
		i := last
		for ; i > 0 && z.first[i-1] > at; i-- {
			z.first[i], ids[i] = z.first[i-1], ids[i-1]
		}
		z.first[i], ids[i] = at, int32(expert)
	}
}

// ExpertRows returns the rows of each expert, averaged over the ring; all 0 for an empty ring.
func ExpertRows(w Workload, ring []TopK) []float64 {
	rows := make([]float64, w.Experts)
	for _, t := range ring {
		for _, e := range t.IDs {
			rows[e]++
		}
	}
	for i := range rows {
		rows[i] /= float64(max(len(ring), 1))
	}
	return rows
}
