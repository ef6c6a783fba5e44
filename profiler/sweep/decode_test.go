package sweep

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-faster/jx"

	"github.com/moetop/moetop/profiler"
)

// TestDecode makes sure that a result is read as its tags say: every field of it is filled, so that
// one that is added to the types and not to the reader is missed here.
func TestDecode(t *testing.T) {
	t.Parallel()
	var want Figures
	fill(reflect.ValueOf(&want).Elem(), 1)
	whole, err := json.Marshal(Result{Figures: want, Command: []string{"moetop", `"{[`}, Warnings: []profiler.Warning{{Code: "a", Text: "b"}}})
	if err != nil {
		t.Fatal(err)
	}
	got := new(Figures)
	for _, stage := range want.Stages {
		passOver(stage.Ratio)
	}
	for m := profiler.ESUp; m < profiler.NumMasks; m++ {
		passOver(want.Layer.Ratio(m))
	}
	if err := new(Decoder).Figures(jx.Decode(strings.NewReader(string(whole)), 16), got); err != nil || !reflect.DeepEqual(got, &want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	for _, null := range []string{"stages", "throttle_reasons", "workload", "sm_clock_mhz", "verdict.enable_es"} {
		fields := map[string]any{null: nil}
		if inner, ok := strings.CutPrefix(null, "verdict."); ok {
			fields = map[string]any{"verdict": map[string]any{inner: nil}}
		}
		document, err := json.Marshal(fields)
		if err != nil {
			t.Fatal(err)
		}
		if err := new(Decoder).Figures(jx.DecodeBytes(document), new(Figures)); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	}
}

// passOver leaves out what the reader passes over.
func passOver(r *profiler.Ratio) { r.OffConditions, r.OnConditions = nil, nil }

// fill gives every field a value of its own, and every slice two elements.
func fill(v reflect.Value, n int) int {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 1, 2, 3, 4, n, 5, time.UTC)
		return n + 1
	case *profiler.Routing:
		*x = profiler.Routing{Kind: profiler.Zipf, Exponent: 1.5}
		return n + 1
	}
	switch v.Kind() { //nolint:exhaustive // The others do not occur, and default tells if they do.
	case reflect.Struct:
		for _, field := range v.Fields() {
			n = fill(field, n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		n = fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		n = fill(v.Index(0), fill(v.Index(1), n))
	case reflect.Array:
		n = fill(v.Index(0), n)
	case reflect.String:
		v.SetString("text " + string(rune('a'+n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(n))
	case reflect.Uint64:
		v.SetUint(uint64(n))
	case reflect.Float64:
		v.SetFloat(float64(n) + 0.25)
	default:
		panic(v.Type().String())
	}
	return n + 1
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]string{
		`{"stages":[{"off":{"median_us":"fast"}}]}`: "stages: 0: off: median_us: ",
		`{"verdict":{"enable_es":[true]}}`:          "enable_es: two values are allowed",
		`{"routing":"sideways"}`:                    "routing: ",
		`{"tokens":1.5}`:                            "tokens: ",
		`{"layer":[]}`:                              "layer: ",
		`{"stages":[{"off":{`:                       "unexpected EOF",
		`{"model":`:                                 "unexpected EOF",
	} {
		if err := new(Decoder).Figures(jx.Decode(strings.NewReader(document), 16), new(Figures)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not say %q", document, err, want)
		}
	}
}
