package profiler

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// config is the text of a layout's file in testdata: each has the fields that files of its kind have,
// also those that could be taken for the shape's.
func config(tb testing.TB, layout string) string {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "config", layout+".json"))
	if err != nil {
		tb.Fatal(err)
	}
	return string(text)
}

func TestParseModelConfig(t *testing.T) {
	t.Parallel()
	// The published models are those of the presets.
	deepseek := config(t, "deepseek_v3")
	for name, text := range map[string]string{
		"dsv3": deepseek, "kimi-k2": config(t, "kimi_k2"), "qwen3-30b": config(t, "qwen3_moe"), "glm-4.5": config(t, "glm4_moe"),
		"mixtral-8x7b": config(t, "mixtral"),
		"dsv3 nested":  `{"model_type": "other_vl", "vision_config": {"hidden_size": 1152}, "text_config": ` + deepseek + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseModelConfig([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			preset, _, _ := strings.Cut(name, " ")
			want, err := ParseModel(preset)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(text, `"model_type": "`+got.Model+`"`) {
				t.Errorf("model %q", got.Model)
			}
			want.Model = got.Model
			if got != want || got.Validate() != nil {
				t.Errorf("got %+v, want %+v, %v", got, want, got.Validate())
			}
		})
	}
}

func TestParseModelConfigRefuses(t *testing.T) {
	t.Parallel()
	without := func(text, field string) string { return strings.Replace(text, `"`+field+`"`, `"x_`+field+`"`, 1) }
	tests := map[string]struct{ text, says string }{
		"dense":           {`{"model_type": "qwen3", "hidden_size": 4096, "intermediate_size": 12288}`, `"qwen3": it has none of the fields n_routed_experts, num_experts`},
		"null experts":    {strings.Replace(config(t, "deepseek_v3"), `"n_routed_experts": 256`, `"n_routed_experts": null`, 1), "its model is dense"},
		"one expert":      {strings.Replace(config(t, "qwen3_moe"), `"num_experts": 128`, `"num_experts": 1`, 1), "num_experts 1 is not allowed: a whole number from 2 to"},
		"no top-k":        {without(config(t, "glm4_moe"), "num_experts_per_tok"), "the experts of a token is missing: one of the fields num_experts_per_tok"},
		"no hidden size":  {without(config(t, "glm4_moe"), "hidden_size"), "the hidden size is missing"},
		"no width":        {without(config(t, "mixtral"), "intermediate_size"), "the intermediate size of an expert is missing: one of the fields moe_intermediate_size"},
		"no such width":   {strings.Replace(config(t, "mixtral"), "14336", "2880", 1), "intermediate_size 2880 is not allowed: a multiple of 128"},
		"fraction":        {strings.Replace(config(t, "mixtral"), "4096", "4096.5", 1), "hidden_size 4096.5 is not allowed"},
		"text":            {strings.Replace(config(t, "mixtral"), "4096", `"4096"`, 1), `hidden_size "4096" is not allowed`},
		"negative":        {strings.Replace(config(t, "mixtral"), "4096", "-4096", 1), "hidden_size -4096 is not allowed"},
		"huge":            {strings.Replace(config(t, "mixtral"), "4096", strings.Repeat("9", 500), 1), "999... is not allowed"},
		"top-k above":     {strings.Replace(config(t, "mixtral"), `"num_experts_per_tok": 2`, `"num_experts_per_tok": 9`, 1), "9 is not allowed: at most the 8 experts"},
		"no JSON":         {"<html>", "it is no JSON object"},
		"an array":        {"[]", "it is no JSON object"},
		"empty":           {"", "it is no JSON object"},
		"null":            {"null", "its model is dense"},
		"two of them":     {"{} {}", "something follows the JSON object"},
		"nothing in it":   {"{}", "no model_type"},
		"nested nonsense": {`{"model_type": "a", "text_config": 7}`, "its model is dense"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseModelConfig([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %+v, %v; want %q", got, err, test.says)
			}
		})
	}
}

func TestModelConfigNames(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		`"qwen3_moe"`: "qwen3_moe", `"dsv3"`: CustomModel, `"a b"`: CustomModel, `7`: CustomModel, `"\u001b[2J"`: CustomModel, `"x-tp8"`: CustomModel,
	} {
		got, err := ParseModelConfig([]byte(strings.Replace(config(t, "mixtral"), `"mixtral"`, written, 1)))
		if err != nil || got.Model != want {
			t.Errorf("model_type %s gave %q, %v", written, got.Model, err)
		}
	}
}

func TestReadModelConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "config.json")
	if _, err := ReadModelConfig(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(path, []byte(config(t, "kimi_k2")), 0o600); err != nil {
		t.Fatal(err)
	}
	if w, err := ReadModelConfig(path); err != nil || w.Experts != 384 {
		t.Errorf("got %+v, %v", w, err)
	}
	if err := os.Truncate(path, maxModelConfig+1); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadModelConfig(path); err == nil || !strings.Contains(err.Error(), "more than 16777216 bytes") {
		t.Errorf("a file without an end: %v", err)
	}
}

func FuzzParseModelConfig(f *testing.F) {
	for _, seed := range []string{config(f, "deepseek_v3"), config(f, "kimi_k2"), config(f, "qwen3_moe"), config(f, "glm4_moe"), config(f, "mixtral"), `{"text_config":{"num_experts":[]}}`, "{}"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := ParseModelConfig(data)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		// More experts than one GPU takes may still be divided; all else is as an engine wants it.
		if w.Experts > MaxExperts {
			w.Experts = MaxExperts
		}
		if err := w.Validate(); err != nil {
			t.Errorf("%s gave %+v: %v", data, w, err)
		}
	})
}
