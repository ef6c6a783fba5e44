package sweep

import (
	"errors"
	"slices"
	"testing"

	"github.com/moetop/moetop/profiler"
)

func TestParseTokenList(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		texts []string
		want  []int // nil is refused
	}{
		"numbers, unordered":    {[]string{"64", "3", "64"}, []int{3, 64}},
		"powers of two":         {[]string{"1..16"}, []int{1, 2, 4, 8, 16}},
		"ends between powers":   {[]string{"3..20"}, []int{3, 4, 8, 16, 20}},
		"one number as a range": {[]string{"7..7"}, []int{7}},
		"overlap":               {[]string{"1..4", "2..8", "5"}, []int{1, 2, 4, 5, 8}},
		"backward":              {[]string{"8..1"}, nil},
		"zero":                  {[]string{"0"}, nil},
		"too many":              {[]string{"1..262145"}, nil},
		"no end":                {[]string{"1.."}, nil},
		"three ends":            {[]string{"1..2..3"}, nil},
		"word":                  {[]string{"many"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseTokenList(test.texts)
			argument, named := errors.AsType[*profiler.ArgumentError](err)
			if !slices.Equal(got, test.want) || (test.want == nil) != (named && argument.Field == "tokens") {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func FuzzParseTokens(f *testing.F) {
	for _, text := range []string{"1..8192", "128", "3..20", "..", "-1..4", "1..99999999999999999999"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := ParseTokens(text)
		if err != nil {
			return
		}
		if !slices.IsSorted(tokens) || len(slices.Compact(slices.Clone(tokens))) != len(tokens) {
			t.Errorf("%q: %v does not rise", text, tokens)
		}
		if tokens[0] < 1 || tokens[len(tokens)-1] > profiler.MaxRows {
			t.Errorf("%q: %v is out of range", text, tokens)
		}
	})
}

func TestPlan(t *testing.T) {
	t.Parallel()
	models, err := ParseModels([]string{"dsv3-tp8", "tiny", "dsv3-tp8", "dsv3-tp1"})
	if err != nil || !slices.Equal(models, []string{"dsv3-tp8", "tiny", "dsv3"}) {
		t.Fatalf("%q, %v", models, err)
	}
	routings, err := ParseRoutings([]string{"zipf", "zipf:1.0", "hot"})
	if err != nil || len(routings) != 2 {
		t.Fatalf("%v, %v", routings, err)
	}
	p := Plan{Models: models, Kernels: []string{"a", "b"}, Routings: routings, Tokens: []int{1, 2}, Seed: 3}
	points := p.Points()
	if len(points) != 3*2*2*2 || points[0] != (Point{"dsv3-tp8", 1, routings[0], "a"}) || points[1].Tokens != 2 {
		t.Errorf("%d points, first %v", len(points), points[:2])
	}
	scheduled := p.Schedule()
	if scheduled[0] != points[0] || scheduled[1] != (Point{"dsv3-tp8", 1, routings[0], "b"}) || scheduled[2] != points[1] {
		t.Errorf("measured in the order %v", scheduled[:3])
	}
	for _, point := range points {
		if i := slices.Index(scheduled, point); i < 0 || len(scheduled) != len(points) {
			t.Errorf("%v is never measured", point)
		}
	}
	if err := p.Validate(); err != nil {
		t.Error(err)
	}
	p.Tokens = []int{profiler.MaxRows}
	if argument, named := errors.AsType[*profiler.ArgumentError](p.Validate()); !named || argument.Field != "tokens" {
		t.Errorf("%v", p.Validate())
	}
}
