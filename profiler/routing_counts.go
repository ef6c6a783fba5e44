package profiler

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// dealCounts makes a routing in which the experts' rows are in proportion to the counts, and equal to
// them where these are of a batch of the same size. No expert can have more rows than there are
// tokens; what goes beyond is spread over the others.
func dealCounts(w Workload, counts []float64, rng *rand.Rand) []int32 {
	rows := apportion(counts, w.Tokens, w.Rows())
	ids := make([]int32, w.Rows())
	tokens := rng.Perm(w.Tokens)
	// The rows of an expert follow each other round the tokens. They are no more than the tokens, so
	// that none gets the same expert twice.
	place := 0
	for _, expert := range rng.Perm(w.Experts) {
		for range rows[expert] {
			ids[tokens[place%w.Tokens]*w.TopK+place/w.Tokens] = int32(expert)
			place++
		}
	}
	return ids
}

// apportion divides total into whole parts in proportion to the counts, none above most, by the
// largest remainders. Counts above 0 have to be total/most or more.
func apportion(counts []float64, most, total int) []int {
	parts := make([]int, len(counts))
	var open []int // whose part is not settled
	for i, count := range counts {
		if count > 0 {
			open = append(open, i)
		}
	}
	for {
		sum := 0.0
		for _, i := range open {
			sum += counts[i]
		}
		full := len(open)
		share := float64(total) / sum
		rest := open[:0]
		for _, i := range open {
			if counts[i]*share >= float64(most) && total >= most {
				parts[i] = most
				total -= most
			} else {
				rest = append(rest, i)
			}
		}
		open = rest
		if len(open) == full {
			return divide(parts, open, counts, share, most, total)
		}
	}
}

// divide settles the parts that are below the limit.
func divide(parts, open []int, counts []float64, share float64, most, total int) []int {
	remainders := make([]float64, len(parts))
	for _, i := range open {
		whole := math.Floor(counts[i] * share)
		parts[i] = int(whole)
		remainders[i] = counts[i]*share - whole
		total -= parts[i]
	}
	slices.SortStableFunc(open, func(a, b int) int { return cmp.Compare(remainders[b], remainders[a]) })
	for total > 0 && len(open) > 0 {
		for _, i := range open {
			if total > 0 && parts[i] < most {
				parts[i]++
				total--
			}
		}
	}
	return parts
}
