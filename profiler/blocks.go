package profiler

const (
	// blockBase is how many consecutive values make the smallest block: once round the shortest ring
	// of routings, so that a block does not depend on which routings fell into it.
	blockBase = MinRing
	// maxBlocks bounds the blocks of one distribution. It is enough to see how neighbours hang
	// together, and a report with all of them stays small.
	maxBlocks = 64
)

// blockSeries divides a run of values into consecutive blocks of equal length. The smallest are
// midmeans, deaf to a hiccup; when there is no more room, neighbours are averaged in pairs and all
// later blocks are twice as long.
type blockSeries struct {
	pending [blockBase]float64
	waiting int
	sum     float64 // of smallest blocks, for the block that is not yet full
	summed  int
	length  int // smallest blocks in a block; 0 stands for 1
	done    []float64
}

func (b *blockSeries) add(us float64) {
	b.pending[b.waiting] = us
	b.waiting++
	if b.waiting < blockBase {
		return
	}
	b.waiting = 0
	b.sum += midmean(b.pending[:])
	b.summed++
	if b.summed < max(b.length, 1) {
		return
	}
	b.done = append(b.done, b.sum/float64(b.summed))
	b.sum, b.summed = 0, 0
	if len(b.done) < maxBlocks {
		return
	}
	for i := range maxBlocks / 2 {
		b.done[i] = (b.done[2*i] + b.done[2*i+1]) / 2
	}
	b.done = b.done[:maxBlocks/2]
	b.length = 2 * max(b.length, 1)
}

// forget empties the series but keeps its memory.
func (b *blockSeries) forget() { *b = blockSeries{done: b.done[:0]} }
