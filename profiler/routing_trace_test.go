package profiler

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// traced is a small workload whose routing is in a file with the text.
func traced(t *testing.T, tokens int, text string) Workload {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trace.ndjson")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w := CustomWorkload(4, 2, 128, 128)
	w.Tokens, w.Routing = tokens, Routing{Kind: Trace, File: path}
	if err := w.Validate(); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestTraceOfIDs(t *testing.T) {
	t.Parallel()
	const three = `{"topk_ids":[[0,1],[1,2]],"layer":3}

{"topk_ids":[[2,3]]}
{"topk_ids":[[3,0],[0,2],[1,3]]}
`
	for name, test := range map[string]struct {
		tokens int
		want   [][]int32 // the ring's first routings
	}{
		"as recorded":  {2, [][]int32{{0, 1, 1, 2}, {2, 3, 3, 0}, {3, 0, 0, 2}, {0, 1, 1, 2}}},
		"one token":    {1, [][]int32{{0, 1}, {2, 3}, {3, 0}, {0, 1}}},
		"many batches": {7, [][]int32{{0, 1, 1, 2, 2, 3, 3, 0, 0, 2, 1, 3, 0, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := traced(t, test.tokens, three)
			ring, err := Routings(w, MinRing)
			if err != nil || len(ring) != MinRing {
				t.Fatalf("%d routings, %v", len(ring), err)
			}
			for i, want := range test.want {
				if !slices.Equal(ring[i].IDs, want) || len(ring[i].Weights) != w.Rows() {
					t.Errorf("routing %d is %v, want %v", i, ring[i].IDs, want)
				}
			}
			again, err := Routings(w, MinRing)
			if err != nil || !slices.EqualFunc(ring, again, func(a, b TopK) bool { return slices.Equal(a.Weights, b.Weights) }) {
				t.Errorf("the same trace gave other weights, %v", err)
			}
		})
	}
}

func TestTraceOfCounts(t *testing.T) {
	t.Parallel()
	// The first line is of a batch of this size, the second of a larger one, the third cannot be had.
	w := traced(t, 8, `{"counts":[8,5,3,0]}
{"counts":[160,100,60,0]}
{"counts":[1000,1,1,1]}
`)
	ring, err := Routings(w, MinRing)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float64{{8, 5, 3, 0}, {8, 5, 3, 0}, {8, 3, 3, 2}, {8, 5, 3, 0}} {
		checkRouting(t, w, ring[i])
		if got := ExpertRows(w, ring[i:i+1]); !slices.Equal(got, want) {
			t.Errorf("routing %d has the rows %v, want %v", i, got, want)
		}
	}
	if slices.Equal(ring[0].IDs, ring[3].IDs) {
		t.Error("two routings of the same counts are the same")
	}
}

func TestTraceRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, says string }{
		"empty":            {"\n\n", "an empty file, is not allowed: one JSON object a line is allowed"},
		"no JSON":          {`{"counts":[1,1,1,1]}` + "\n<html>", "line 2, is not allowed: invalid character"},
		"neither":          {`{"ids":[1]}`, "line 1, is not allowed: it has no tokens"},
		"both":             {`{"topk_ids":[[0,1]],"counts":[1,1,1,1]}`, "it has topk_ids and counts"},
		"mixed":            {`{"topk_ids":[[0,1]]}` + "\n" + `{"counts":[1,1,1,1]}`, "line 2, is not allowed: it has the other kind"},
		"other top-k":      {`{"topk_ids":[[0,1],[0,1,2]]}`, "line 1, is not allowed: token 1: 3 experts: the top-k 2 of the workload is allowed"},
		"no such expert":   {`{"topk_ids":[[0,4]]}`, "token 0: expert 4: 0 to 3 is allowed"},
		"negative":         {`{"topk_ids":[[0,-1]]}`, "expert -1: 0 to 3 is allowed"},
		"twice":            {`{"topk_ids":[[1,1]]}`, "expert 1 twice"},
		"fraction":         {`{"topk_ids":[[1,1.5]]}`, "line 1, is not allowed: json"},
		"other experts":    {`{"counts":[1,1]}`, "2 counts: one for each of the 4 experts is allowed"},
		"negative count":   {`{"counts":[1,-1,1,1]}`, "expert 1 with -1 rows"},
		"too many":         {`{"counts":[1,1e300,1,1]}`, "expert 1 with 1e+300 rows"},
		"too few experts":  {`{"counts":[7,0,0,0]}`, "1 experts with rows: at least the 2"},
		"no rows":          {`{"counts":[0,0,0,0]}`, "0 experts with rows"},
		"line without end": {`{"topk_ids":` + strings.Repeat("[", maxTraceLine), "token too long: a line of at most 16777216 bytes is allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Routings(traced(t, 64, test.text), MinRing)
			if argument, ok := errors.AsType[*ArgumentError](err); !ok || argument.Field != "routing" || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
	w := traced(t, 1, "")
	w.Routing.File += ".none"
	if _, err := Routings(w, MinRing); err == nil || !strings.Contains(err.Error(), "no such file or directory) is not allowed") {
		t.Errorf("no file: %v", err)
	}
}

func TestRoutingsDrawsTheOthers(t *testing.T) {
	t.Parallel()
	w := CustomWorkload(8, 2, 128, 128)
	ring, err := Routings(w, MinRing)
	if drawn := NewRoutings(w, MinRing); err != nil || !slices.Equal(ring[7].IDs, drawn[7].IDs) {
		t.Errorf("got %v, %v", ring[7].IDs, err)
	}
}

func TestTraceRoutingText(t *testing.T) {
	t.Parallel()
	r, err := ParseRouting("trace:./a b:c.ndjson")
	if err != nil || r != (Routing{Kind: Trace, File: "./a b:c.ndjson"}) || r.String() != "trace:./a b:c.ndjson" || r.Validate() != nil {
		t.Errorf("got %+v, %v", r, err)
	}
	for _, text := range []string{"trace", "trace:", "Trace:x"} {
		if _, err := ParseRouting(text); err == nil || !strings.Contains(err.Error(), "trace:FILE") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, wrong := range []Routing{{Kind: Trace}, {Kind: Trace, File: "x", Exponent: 1}, {Kind: Hot, File: "x"}, {Kind: Zipf, Exponent: 1, File: "x"}} {
		if wrong.Validate() == nil {
			t.Errorf("%+v is allowed", wrong)
		}
	}
}

func FuzzTrace(f *testing.F) {
	for _, seed := range []string{
		`{"topk_ids":[[0,1],[2,3]]}`, `{"counts":[8,5,3,0]}`, "{\"counts\":[1e12,1,1,1e-300]}\n{\"counts\":[1,1,1,1]}",
		`{"topk_ids":null,"counts":null}`, "{}\n[]\nnull",
	} {
		f.Add([]byte(seed), uint8(5))
	}
	f.Fuzz(func(t *testing.T, data []byte, tokens uint8) {
		w := CustomWorkload(4, 2, 128, 128)
		w.Tokens, w.Routing = int(tokens)+1, Routing{Kind: Trace, File: "f"}
		ring, err := readTrace(strings.NewReader(string(data)), w, MinRing)
		if err != nil {
			if _, ok := errors.AsType[*ArgumentError](err); !ok {
				t.Errorf("%v is no ArgumentError", err)
			}
			return
		}
		for _, r := range ring {
			checkRouting(t, w, r)
		}
	})
}

// TestApportionIsProportional deals to many experts and looks at each part.
func TestApportionIsProportional(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		experts, topK, tokens := 16+rng.IntN(300), 1+rng.IntN(8), 1+rng.IntN(400)
		counts := make([]float64, experts)
		for i := range counts {
			counts[i] = math.Exp(3 * rng.NormFloat64())
		}
		parts := apportion(counts, tokens, tokens*topK)
		sum := 0
		// Below the limit, all parts are in the same proportion to their counts, but for rounding.
		low, high := 0.0, math.Inf(1)
		for i, part := range parts {
			sum += part
			if part > tokens || part < 0 {
				t.Fatalf("part %d of %d tokens", part, tokens)
			}
			if part < tokens {
				low = max(low, float64(part-1)/counts[i])
				high = min(high, float64(part+1)/counts[i])
			}
		}
		if sum != tokens*topK || low > high {
			t.Errorf("%d experts, %d tokens: sum %d, proportions from %g to %g", experts, tokens, sum, low, high)
		}
	}
}
