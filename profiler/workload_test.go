package profiler

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestWorkloadValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*Workload)
		field  string // empty: valid
	}{
		{"as it is", func(*Workload) {}, ""},
		{"one expert", func(w *Workload) { w.Experts, w.TopK = 1, 1 }, ""},
		{"most experts", func(w *Workload) { w.Experts = 1024 }, ""},
		{"most rows", func(w *Workload) { w.Tokens = MaxRows / w.TopK }, ""},
		{"no experts", func(w *Workload) { w.Experts = 0 }, "experts"},
		{"too many experts", func(w *Workload) { w.Experts = 1025 }, "experts"},
		{"no top-k", func(w *Workload) { w.TopK = 0 }, "top-k"},
		{"top-k above experts", func(w *Workload) { w.Experts, w.TopK = 4, 5 }, "top-k"},
		{"top-k above 32", func(w *Workload) { w.TopK = 33 }, "top-k"},
		{"hidden off the grid", func(w *Workload) { w.Hidden = 192 }, "hidden"},
		{"hidden negative", func(w *Workload) { w.Hidden = -128 }, "hidden"},
		{"hidden huge", func(w *Workload) { w.Hidden = 1 << 40 }, "hidden"},
		{"intermediate half a block", func(w *Workload) { w.Intermediate = 64 }, "intermediate"},
		{"tp 0", func(w *Workload) { w.TP = 0 }, "tp"},
		{"ep negative", func(w *Workload) { w.EP = -1 }, "ep"},
		{"no tokens", func(w *Workload) { w.Tokens = 0 }, "tokens"},
		{"a row too many", func(w *Workload) { w.Tokens = MaxRows/w.TopK + 1 }, "tokens"},
		{"tokens overflow", func(w *Workload) { w.Tokens = 1 << 62 }, "tokens"},
		{"no routing", func(w *Workload) { w.Routing = Routing{} }, "routing"},
		{"zipf without exponent", func(w *Workload) { w.Routing = Routing{Kind: Zipf} }, "routing"},
		{"uniform with exponent", func(w *Workload) { w.Routing.Exponent = 1 }, "routing"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := CustomWorkload(64, 8, 512, 256)
			tt.change(&w)
			checkArgument(t, w.Validate(), tt.field)
		})
	}
}

// checkArgument expects an ArgumentError for the field, or none if field is empty.
func checkArgument(t *testing.T, err error, field string) {
	t.Helper()
	if field == "" {
		if err != nil {
			t.Fatalf("unexpected error: %v", err)
		}
		return
	}
	var argument *ArgumentError
	if !errors.As(err, &argument) {
		t.Fatalf("error = %v, want an ArgumentError", err)
	}
	if argument.Field != field || argument.Value == "" || argument.Allowed == "" {
		t.Fatalf("error = %+v, want field %q with value and allowed", argument, field)
	}
}

func TestPresetsAreValid(t *testing.T) {
	t.Parallel()
	for _, p := range Presets() {
		w, err := ParseModel(p.Name)
		if err != nil {
			t.Fatalf("ParseModel(%q): %v", p.Name, err)
		}
		if err := w.Validate(); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if w.Name() != p.Name || w.Title() != p.Title {
			t.Errorf("%s: name %q, title %q", p.Name, w.Name(), w.Title())
		}
	}
}

func TestParseModel(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		experts int
		inter   int
		title   string
		field   string
	}{
		{"dsv3-tp8", 256, 256, "DeepSeek-V3 tp8", ""},
		{"dsv3-ep8", 32, 2048, "DeepSeek-V3 ep8", ""},
		{"kimi-k2-tp2-ep8", 48, 1024, "Kimi-K2 tp2 ep8", ""},
		{"qwen3-235b-tp4", 128, 384, "Qwen3-235B-A22B tp4", ""},
		{"dsv3-tp1", 256, 2048, "DeepSeek-V3", ""},
		{"dsv3-tp3", 0, 0, "", "tp"},
		{"dsv3-tp32", 0, 0, "", "tp"},
		{"dsv3-ep64", 0, 0, "", "ep"}, // four experts cannot serve top-k 8
		{"dsv3-ep7", 0, 0, "", "ep"},
		{"dsv3-tp0", 0, 0, "", "model"},
		{"dsv3-tp8-tp8", 0, 0, "", "model"},
		{"dsv3-tp99999999999999999999", 0, 0, "", "model"},
		{"dsv4", 0, 0, "", "model"},
		{"", 0, 0, "", "model"},
		{"-tp8", 0, 0, "", "model"},
		{"custom", 0, 0, "", "model"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w, err := ParseModel(tt.name)
			checkArgument(t, err, tt.field)
			if tt.field != "" {
				return
			}
			if w.Experts != tt.experts || w.Intermediate != tt.inter || w.Title() != tt.title {
				t.Errorf("got E %d, I %d, %q", w.Experts, w.Intermediate, w.Title())
			}
			again, err := ParseModel(w.Name())
			if err != nil || again != w {
				t.Errorf("ParseModel(%q) = %+v, %v, want %+v", w.Name(), again, err, w)
			}
		})
	}
}

func TestParseModelListsPresets(t *testing.T) {
	t.Parallel()
	_, err := ParseModel("nothing")
	for _, p := range Presets() {
		if !strings.Contains(err.Error(), p.Name) {
			t.Errorf("%q does not name %s", err, p.Name)
		}
	}
}

func TestShardReplacesShard(t *testing.T) {
	t.Parallel()
	w, err := ParseModel("dsv3-tp8")
	if err != nil {
		t.Fatal(err)
	}
	w, err = w.Shard(4, 2)
	if err != nil {
		t.Fatal(err)
	}
	if w.Intermediate != 512 || w.Experts != 128 || w.Name() != "dsv3-tp4-ep2" {
		t.Errorf("got I %d, E %d, %s", w.Intermediate, w.Experts, w.Name())
	}
}

func FuzzParseModel(f *testing.F) {
	for _, p := range Presets() {
		f.Add(p.Name + "-tp2-ep2")
	}
	f.Fuzz(func(t *testing.T, name string) {
		w, err := ParseModel(name)
		if err != nil {
			return
		}
		if err := w.Validate(); err != nil {
			t.Fatalf("%q parses into an invalid workload: %v", name, err)
		}
		if !slices.ContainsFunc(Presets(), func(p Preset) bool { return p.Name == w.Model }) {
			t.Fatalf("%q parses into the unknown model %q", name, w.Model)
		}
	})
}
