package sweep

import (
	"math"
	"time"

	"github.com/moetop/moetop/profiler"
)

// Against compares a point with the same one of the plan's first kernel family, with which it took
// turns. Ratios are that family's time over this one's, turn by turn: above 1 this one is faster.
type Against struct {
	Kernels string `json:"kernels"` // the family that it is compared with
	Rounds  int    `json:"rounds"`
	// Layer compares the fastest tuples of both families, Up and Down the faster side of each stage.
	Layer *profiler.Ratio `json:"layer"`
	Up    *profiler.Ratio `json:"up"`
	Down  *profiler.Ratio `json:"down"`
}

// roundTimes are the times of one turn, each the geometric mean of its cycles.
type roundTimes struct {
	up, down [2]float64
	layer    [profiler.NumMasks]float64
	cycles   int
}

// perRound puts cycles into the turns in which they ran.
func perRound(cycles []profiler.Cycle, spans [][2]time.Time) []roundTimes {
	rounds := make([]roundTimes, len(spans))
	for i, span := range spans {
		to := span[1]
		if i+1 < len(spans) && spans[i+1][0].Before(to) {
			to = spans[i+1][0]
		}
		for _, c := range between(cycles, span[0], to) {
			r := &rounds[i]
			r.cycles++
			addLogs(r.up[:], c.UpUS[:])
			addLogs(r.down[:], c.DownUS[:])
			addLogs(r.layer[:], c.LayerUS[:])
		}
		for _, times := range [][]float64{rounds[i].up[:], rounds[i].down[:], rounds[i].layer[:]} {
			for j := range times {
				times[j] = math.Exp(times[j] / float64(rounds[i].cycles))
			}
		}
	}
	return rounds
}

func addLogs(sums, values []float64) {
	for i, v := range values {
		sums[i] += math.Log(v)
	}
}

// compareFamilies compares a family's rounds with those of the first, where both have cycles in them.
func compareFamilies(first string, a, b []roundTimes) *Against {
	against := &Against{Kernels: first}
	var firsts, others []roundTimes
	for i := range min(len(a), len(b)) {
		if a[i].cycles > 0 && b[i].cycles > 0 {
			firsts, others = append(firsts, a[i]), append(others, b[i])
		}
	}
	against.Rounds = len(firsts)
	ratio := func(times func(*roundTimes) []float64) *profiler.Ratio {
		return profiler.PairedRatio(fastestSide(firsts, times), fastestSide(others, times))
	}
	against.Layer = ratio(func(r *roundTimes) []float64 { return r.layer[:] })
	against.Up = ratio(func(r *roundTimes) []float64 { return r.up[:] })
	against.Down = ratio(func(r *roundTimes) []float64 { return r.down[:] })
	return against
}

// fastestSide are the times of the side, or mask, that is the fastest over all rounds.
func fastestSide(rounds []roundTimes, times func(*roundTimes) []float64) []float64 {
	if len(rounds) == 0 {
		return nil
	}
	sums := make([]float64, len(times(&rounds[0])))
	for i := range rounds {
		addLogs(sums, times(&rounds[i]))
	}
	best := 0
	for side, sum := range sums {
		if sum < sums[best] {
			best = side
		}
	}
	values := make([]float64, len(rounds))
	for i := range rounds {
		values[i] = times(&rounds[i])[best]
	}
	return values
}
