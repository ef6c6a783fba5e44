package profiler

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
)

func TestParseRouting(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want string // String of the result; empty: refused
	}{
		{"uniform", "uniform"},
		{"hot", "hot"},
		{"zipf", "zipf:1.0"},
		{"zipf:1", "zipf:1.0"},
		{"zipf:1.2", "zipf:1.2"},
		{"zipf1.25", "zipf:1.25"},
		{"zipf:8", "zipf:8.0"},
		{"", ""},
		{"zipf:", ""},
		{"zipf:0", ""},
		{"zipf:-1", ""},
		{"zipf:8.5", ""},
		{"zipf:nan", ""},
		{"zipf:inf", ""},
		{"zipf::1", ""},
		{"hot:1", ""},
		{"Uniform", ""},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			t.Parallel()
			r, err := ParseRouting(tt.text)
			if tt.want == "" {
				checkArgument(t, err, "routing")
				return
			}
			if err != nil || r.String() != tt.want {
				t.Fatalf("got %q, %v, want %q", r, err, tt.want)
			}
		})
	}
}

func FuzzParseRouting(f *testing.F) {
	f.Add("zipf:1.2")
	f.Add("zipf:1e-3")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRouting(text)
		if err != nil {
			return
		}
		again, err := ParseRouting(r.String())
		if err != nil || again != r {
			t.Fatalf("%q: %v does not survive its own text: %v, %v", text, r, again, err)
		}
	})
}

func TestRoutingJSON(t *testing.T) {
	t.Parallel()
	w := CustomWorkload(8, 2, 128, 128)
	w.Routing = Routing{Kind: Zipf, Exponent: 1.2}
	data, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil || fields["routing"] != "zipf:1.2" {
		t.Fatalf("%s: routing is %v, %v", data, fields["routing"], err)
	}
	var back Workload
	if err := json.Unmarshal(data, &back); err != nil || back != w {
		t.Fatalf("got %+v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`{"routing":"nowhere"}`), &back); err == nil {
		t.Error("an unknown routing was read")
	}
}

func routed(experts, topK, tokens int, r Routing) Workload {
	w := CustomWorkload(experts, topK, 128, 128)
	w.Tokens, w.Routing = tokens, r
	return w
}

func TestRoutingsAreDistinctAndSeeded(t *testing.T) {
	t.Parallel()
	for _, r := range []Routing{{Kind: Uniform}, {Kind: Hot}, {Kind: Zipf, Exponent: 1}, {Kind: Zipf, Exponent: MaxExponent}} {
		for _, shape := range [][2]int{{1, 1}, {32, 32}, {33, 32}, {256, 8}} {
			w := routed(shape[0], shape[1], 50, r)
			ring := NewRoutings(w, 3)
			for _, topk := range ring {
				checkRouting(t, w, topk)
			}
			again := NewRoutings(w, 3)
			for i := range ring {
				if !slices.Equal(ring[i].IDs, again[i].IDs) || !slices.Equal(ring[i].Weights, again[i].Weights) {
					t.Errorf("%v: drawn twice, routing %d differs", r, i)
				}
			}
			if slices.Equal(ring[0].Weights, ring[1].Weights) {
				t.Errorf("%v: two routings of the ring are the same", r)
			}
			w.Seed++
			if slices.Equal(NewRoutings(w, 1)[0].Weights, ring[0].Weights) {
				t.Errorf("%v: the seed changes nothing", r)
			}
		}
	}
}

func checkRouting(t *testing.T, w Workload, topk TopK) {
	t.Helper()
	if len(topk.IDs) != w.Rows() || len(topk.Weights) != w.Rows() {
		t.Fatalf("%v: %d ids, %d weights, want %d", w.Routing, len(topk.IDs), len(topk.Weights), w.Rows())
	}
	for i := 0; i < w.Rows(); i += w.TopK {
		ids := slices.Sorted(slices.Values(topk.IDs[i : i+w.TopK]))
		if ids[0] < 0 || int(ids[len(ids)-1]) >= w.Experts || len(slices.Compact(ids)) != w.TopK {
			t.Fatalf("%v: token %d goes to %v", w.Routing, i/w.TopK, topk.IDs[i:i+w.TopK])
		}
	}
	for _, weight := range topk.Weights {
		if weight < 0 || weight >= 1 {
			t.Fatalf("%v: weight %v", w.Routing, weight)
		}
	}
}

// The bounds below are five standard deviations of a binomial count, or wider.
func TestUniformIsUniform(t *testing.T) {
	t.Parallel()
	w := routed(32, 4, 20000, Routing{Kind: Uniform})
	rows := ExpertRows(w, NewRoutings(w, 4))
	want := float64(w.Rows()) / float64(w.Experts)
	for e, got := range rows {
		if math.Abs(got-want) > 5*math.Sqrt(want/4) {
			t.Errorf("expert %d has %.1f rows, want about %.1f", e, got, want)
		}
	}
}

func TestHotVisitsExpertZeroAlways(t *testing.T) {
	t.Parallel()
	w := routed(16, 4, 20000, Routing{Kind: Hot})
	rows := ExpertRows(w, NewRoutings(w, 4))
	if rows[0] != float64(w.Tokens) {
		t.Errorf("expert 0 has %v rows, want %d", rows[0], w.Tokens)
	}
	want := float64(w.Tokens*3) / 15
	for e, got := range rows[1:] {
		if math.Abs(got-want) > 5*math.Sqrt(want/4) {
			t.Errorf("expert %d has %.1f rows, want about %.1f", e+1, got, want)
		}
	}
}

// Without replacement the first of k follows 1/rank^s exactly, and the second follows what is left
// once the first is gone; both expectations are computed here from the definition.
func TestZipfFollowsItsLaw(t *testing.T) {
	t.Parallel()
	const exponent = 1.2
	w := routed(8, 2, 100000, Routing{Kind: Zipf, Exponent: exponent})
	rows := ExpertRows(w, NewRoutings(w, 1))
	slices.SortFunc(rows, func(a, b float64) int { return int(b - a) })
	p := make([]float64, w.Experts)
	total := 0.0
	for i := range p {
		p[i] = math.Pow(float64(i+1), -exponent)
		total += p[i]
	}
	for i := range p {
		share := p[i] / total
		for j := range p {
			if j != i {
				share += p[j] / total * p[i] / (total - p[j])
			}
		}
		want := share * float64(w.Tokens)
		if math.Abs(rows[i]-want) > 5*math.Sqrt(want) {
			t.Errorf("rank %d has %.0f rows, want about %.0f", i+1, rows[i], want)
		}
	}
}

func TestZipfPermutesExperts(t *testing.T) {
	t.Parallel()
	w := routed(64, 1, 2000, Routing{Kind: Zipf, Exponent: 1.5})
	popular := map[int]bool{}
	for _, topk := range NewRoutings(w, 8) {
		rows := ExpertRows(w, []TopK{topk})
		popular[slices.Index(rows, slices.Max(rows))] = true
	}
	if len(popular) < 4 {
		t.Errorf("the most popular expert is one of only %v in 8 routings", popular)
	}
}

func BenchmarkNewRoutings(b *testing.B) {
	w := routed(256, 8, 8192, Routing{Kind: Zipf, Exponent: 1})
	for b.Loop() {
		NewRoutings(w, 8)
	}
}
