package profiler

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// edgeRows are the row counts around which tiles of 8, 32, 64 and 128 rows begin and end.
func edgeRows() []int { return []int{0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1000} }

// VerifyCases are the cases of an exhaustive check. They do not depend on the machine; on a CPU some
// are smaller, since there a step takes a thousand times as long.
func VerifyCases(seed uint64, onCPU bool) []VerifyCase {
	l := &caseList{seed: seed, small: onCPU, rng: rand.New(rand.NewPCG(seed, 0x6578686175737469))}
	l.edges()
	l.placements()
	l.shapes()
	l.operands()
	return l.cases
}

// caseList gathers cases.
type caseList struct {
	seed  uint64
	small bool
	rng   *rand.Rand
	cases []VerifyCase
}

func (l *caseList) add(name string, w Workload, rings ...[]TopK) *VerifyCase {
	w.Seed = l.seed
	l.cases = append(l.cases, VerifyCase{Name: name, Workload: w, rings: rings})
	return &l.cases[len(l.cases)-1]
}

// counted adds a case of one expert a token, with so many rows on each expert.
func (l *caseList) counted(name string, hidden, intermediate int, counts ...int) *VerifyCase {
	w := CustomWorkload(len(counts), 1, hidden, intermediate)
	w.Tokens = 0
	for _, n := range counts {
		w.Tokens += n
	}
	return l.add(name, w, []TopK{countedRouting(l.rng, counts)})
}

// drawn adds a case with a drawn ring of routings.
func (l *caseList) drawn(name string, w Workload, ring int) *VerifyCase {
	w.Seed = l.seed
	return l.add(name, w, NewRoutings(w, ring))
}

// edges are row counts around the edges of tiles.
func (l *caseList) edges() {
	edges, hidden, changing := edgeRows(), 512, edgeRows()
	if l.small {
		hidden, changing = 128, edges[:len(edges)-1]
	}
	l.counted("rows an expert 0 1 7 8 9 31-33 63-65 127-129 1000", hidden, 128, edges...)
	l.counted("the same, falling", hidden, 128, reversed(edges)...)
	// Enough rows for pairs of CTAs, which share their tokens; K in whole laps of their ring and not.
	rows, more := []int{0, 1, 63, 64, 65, 127, 128, 129, 191, 192, 193, 257, 1000}, []int{1, 64, 513, 1000}
	long := [][2]int{{1024, 128}, {1152, 384}}
	if l.small {
		long, rows, more = [][2]int{{256, 128}, {384, 384}}, rows[:8], more[:2]
	}
	for _, k := range long {
		shape := nameOfK(k)
		l.counted(shape+", rows up to 1000", k[0], k[1], rows...)
		l.counted(shape+", many rows on the mean", k[0], k[1], more...)
	}
	c := l.counted("counts changed between replays", hidden, 128, changing...)
	c.rings = append(c.rings,
		[]TopK{countedRouting(l.rng, reversed(changing))},
		[]TopK{countedRouting(l.rng, onlyAt(len(changing), 7, c.Workload.Tokens))},
		c.rings[0])
	for _, rows := range edges[1:] {
		l.counted(fmt.Sprintf("%d rows on one expert alone", rows), 128, 128, 0, rows, 0, 0)
	}
}

// placements are experts without rows, and all rows on one.
func (l *caseList) placements() {
	hidden := 512
	if l.small {
		hidden = 128
	}
	l.counted("all tokens on the last expert", hidden, 256, onlyAt(8, 7, 777)...)
	l.counted("last expert empty", 256, 256, 40, 3, 129, 64, 1, 77, 200, 0)
	l.counted("experts without rows between others", 256, 128, 0, 50, 0, 0, 300, 0, 1, 0, 0)
	for _, tokens := range []int{1, 33, 129} {
		l.counted(fmt.Sprintf("one expert in all, %d tokens", tokens), 256, 128, tokens)
	}
}

func shaped(experts, topK, hidden, intermediate, tokens int, routing Routing) Workload {
	w := CustomWorkload(experts, topK, hidden, intermediate)
	w.Tokens, w.Routing = tokens, routing
	return w
}

// shapes are the ends of what a workload may be.
func (l *caseList) shapes() {
	tokens, ring, all := 300, 3, 70
	if l.small {
		tokens, ring, all = 20, 1, 20
	}
	uniform, zipf := Routing{Kind: Uniform}, Routing{Kind: Zipf, Exponent: 1}
	l.drawn("1024 experts", shaped(MaxExperts, 8, 128, 128, tokens, uniform), ring)
	l.drawn("every token on every expert", shaped(32, 32, 128, 128, 9, uniform), ring)
	for _, k := range [][2]int{{128, 128}, {128, 256}, {256, 384}, {384, 128}, {384, 384}} {
		l.drawn(nameOfK(k), shaped(8, 2, k[0], k[1], all, zipf), ring)
	}
	// 48 rows on the mean: by the kernels for many rows, whose shared memory is full with so many experts.
	l.drawn("1024 experts, many rows on the mean", shaped(MaxExperts, 32, 256, 128, MaxExperts*3/2, uniform), 1).Large = true
	l.drawn("262144 rows", shaped(16, 16, 128, 128, MaxRows/16, zipf), 1).Large = true
	// The last expert's weights begin beyond 2^31 values.
	l.drawn("more than 2^31 weights", shaped(128, 8, 4224, 2048, 64, uniform), 2).Large = true
}

// nameOfK names a case by its K of up and of down.
func nameOfK(k [2]int) string { return fmt.Sprintf("K of up %d, of down %d", k[0], k[1]) }

// operands are values that random data never has.
func (l *caseList) operands() {
	w := shaped(8, 2, 256, 128, 50, Routing{Kind: Uniform})
	l.drawn("rows of zeros", w, 3).input = rowsOfZeros(w)
	l.drawn("a token of NaN beside others", w, 3).poisoned = []int{0, 17, 49}
}

// countedRouting sends so many tokens to each expert, in random order.
func countedRouting(rng *rand.Rand, counts []int) TopK {
	var r TopK
	for expert, n := range counts {
		for range n {
			r.IDs = append(r.IDs, int32(expert))
		}
	}
	rng.Shuffle(len(r.IDs), func(i, j int) { r.IDs[i], r.IDs[j] = r.IDs[j], r.IDs[i] })
	r.Weights = make([]float32, len(r.IDs))
	for i := range r.Weights {
		r.Weights[i] = rng.Float32() + 0.01
	}
	return r
}

func reversed(counts []int) []int {
	turned := slices.Clone(counts)
	slices.Reverse(turned)
	return turned
}

// onlyAt are the counts of experts of which one has all rows.
func onlyAt(experts, place, rows int) []int {
	counts := make([]int, experts)
	counts[place] = rows
	return counts
}

// rowsOfZeros is an input in which every third token is zero, the others of either sign.
func rowsOfZeros(w Workload) []uint16 {
	input := make([]uint16, w.Tokens*w.Hidden)
	for i := range input {
		if i/w.Hidden%3 != 0 {
			input[i] = uint16(0x3e00+i%0x200) | uint16(i%2)<<15
		}
	}
	return input
}
