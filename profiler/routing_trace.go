package profiler

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
)

// maxTraceLine is more than the largest batch takes.
const maxTraceLine = 16 << 20

// Routings returns the ring of n routings of a valid workload: drawn, or read from its trace. An
// *ArgumentError names the line of the trace that does not fit the workload.
func Routings(w Workload, n int) ([]TopK, error) {
	if w.Routing.Kind != Trace {
		return NewRoutings(w, n), nil
	}
	file, err := os.Open(w.Routing.File)
	if err != nil {
		return nil, &ArgumentError{Field: "routing", Value: w.Routing.String() + " (" + err.Error() + ")", Allowed: "a file of recorded routings"}
	}
	defer func() { _ = file.Close() }()
	return readTrace(file, w, n)
}

// traceLine is one recorded routing: the experts of each token, or how many rows each expert got.
// Other fields are for those who made the trace.
type traceLine struct {
	TopKIDs [][]int32 `json:"topk_ids"`
	Counts  []float64 `json:"counts"`
}

// readTrace reads no more of a trace than the ring needs.
func readTrace(in io.Reader, w Workload, n int) ([]TopK, error) {
	var trace []traceLine
	tokens := 0 // from the line at which the last routing of the ring begins
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), maxTraceLine)
	number := 0
	for (len(trace) < n || trace[0].Counts == nil && tokens < w.Tokens) && lines.Scan() {
		number++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		line, err := parseTraceLine(lines.Bytes(), w)
		if err == nil && len(trace) > 0 && (line.Counts == nil) != (trace[0].Counts == nil) {
			err = errors.New("it has the other kind of routing than the lines before: topk_ids in all lines or counts in all lines is")
		}
		if err != nil {
			return nil, traceError(w, fmt.Sprintf("line %d", number), err)
		}
		trace = append(trace, line)
		if len(trace) >= n {
			tokens += len(line.TopKIDs)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, traceError(w, fmt.Sprintf("line %d", number+1), fmt.Errorf("%w: a line of at most %d bytes is", err, maxTraceLine))
	}
	if len(trace) == 0 {
		return nil, traceError(w, "an empty file", errors.New("one JSON object a line is"))
	}
	ring := make([]TopK, n)
	for i := range ring {
		rng := rand.New(rand.NewPCG(w.Seed, uint64(i)))
		if line := trace[i%len(trace)]; line.Counts != nil {
			ring[i].IDs = dealCounts(w, line.Counts, rng)
		} else {
			ring[i].IDs = recordedTokens(w, trace, i%len(trace))
		}
		ring[i].Weights = make([]float32, w.Rows())
		for j := range ring[i].Weights {
			ring[i].Weights[j] = rng.Float32()
		}
	}
	return ring, nil
}

// traceError says what about which part of a trace is wrong. Its cause ends with "is", for what is
// allowed.
func traceError(w Workload, part string, cause error) error {
	return &ArgumentError{Field: "routing", Value: fmt.Sprintf("%v, %s,", w.Routing, part), Allowed: cause.Error() + " allowed"}
}

func parseTraceLine(text []byte, w Workload) (traceLine, error) {
	var line traceLine
	if err := json.Unmarshal(text, &line); err != nil {
		return line, fmt.Errorf("%w: a JSON object with topk_ids, an array of whole numbers for each token, or with counts, a number for each expert, is", err)
	}
	switch {
	case line.TopKIDs != nil && line.Counts != nil:
		return line, errors.New("it has topk_ids and counts: one of them is")
	case line.Counts != nil:
		return line, checkCounts(line.Counts, w)
	case len(line.TopKIDs) == 0:
		return line, errors.New("it has no tokens: topk_ids with a token or more, or counts, is")
	}
	for token, ids := range line.TopKIDs {
		if err := checkIDs(ids, w); err != nil {
			return line, fmt.Errorf("token %d: %w", token, err)
		}
	}
	return line, nil
}

func checkIDs(ids []int32, w Workload) error {
	if len(ids) != w.TopK {
		return fmt.Errorf("%d experts: the top-k %d of the workload is", len(ids), w.TopK)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= w.Experts {
			return fmt.Errorf("expert %d: 0 to %d is", id, w.Experts-1)
		}
		if slices.Contains(ids[:i], id) {
			return fmt.Errorf("expert %d twice: different experts for a token is", id)
		}
	}
	return nil
}

func checkCounts(counts []float64, w Workload) error {
	if len(counts) != w.Experts {
		return fmt.Errorf("%d counts: one for each of the %d experts is", len(counts), w.Experts)
	}
	visited, sum := 0, 0.0
	for expert, count := range counts {
		if count < 0 || count > maxCount {
			return fmt.Errorf("expert %d with %g rows: 0 to %g is", expert, count, float64(maxCount))
		}
		if count > 0 {
			visited++
		}
		sum += count
	}
	if visited < w.TopK {
		return fmt.Errorf("%d experts with rows: at least the %d that a token visits is", visited, w.TopK)
	}
	return nil
}

// maxCount keeps sums of counts exact.
const maxCount = 1e12

// recordedTokens takes a batch of tokens from a line on, and goes on with the lines after it, and
// with the first after the last.
func recordedTokens(w Workload, trace []traceLine, line int) []int32 {
	ids := make([]int32, 0, w.Rows())
	for ; len(ids) < w.Rows(); line = (line + 1) % len(trace) {
		for _, token := range trace[line].TopKIDs {
			if len(ids) < w.Rows() {
				ids = append(ids, token...)
			}
		}
	}
	return ids
}
