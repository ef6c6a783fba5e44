package sweep

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/moetop/moetop/profiler"
)

// What a sweep measures where nothing else is said. The cycles are four times what a verdict needs.
const (
	DefaultPairs   = 40
	DefaultTime    = 10 * time.Second
	DefaultKernels = "cutlass"
)

// Plan is what a sweep goes through: every model with every kernel family, routing and number of
// tokens.
type Plan struct {
	Models   []string           `json:"models"`
	Kernels  []string           `json:"kernels"`
	Routings []profiler.Routing `json:"routings"`
	Tokens   []int              `json:"tokens"` // rising
	// Described is a model that is no preset; nil if there is none. It is one of Models, by its name.
	Described *Described `json:"described,omitempty"`
	Seed      uint64     `json:"seed"`
	// A point ends with so many interleaved cycles, or after that time if it comes first.
	Pairs int     `json:"pairs"`
	TimeS float64 `json:"time_s"`
}

// Point is one workload of a plan. It can be compared, and stands for its result.
type Point struct {
	Model   string           `json:"model"` // as ParseModel reads it, such as dsv3-tp8
	Tokens  int              `json:"tokens"`
	Routing profiler.Routing `json:"routing"`
	Kernels string           `json:"kernels"` // the family that was asked for
}

// String names the point in a line for people.
func (p Point) String() string {
	return fmt.Sprintf("%s, %d tokens, %v, %s", p.Model, p.Tokens, p.Routing, p.Kernels)
}

// Points lists the points in the order of tables: with rising tokens, one kernel family after the
// other.
func (p *Plan) Points() []Point {
	points := make([]Point, 0, len(p.Models)*len(p.Kernels)*len(p.Routings)*len(p.Tokens))
	for _, model := range p.Models {
		for _, kernels := range p.Kernels {
			for _, routing := range p.Routings {
				for _, tokens := range p.Tokens {
					points = append(points, Point{Model: model, Tokens: tokens, Routing: routing, Kernels: kernels})
				}
			}
		}
	}
	return points
}

// Schedule lists the points in the order in which they are measured. The kernel families of a workload
// follow each other at once, so that they find the GPU equally warm.
func (p *Plan) Schedule() []Point {
	points := p.Points()
	scheduled := make([]Point, 0, len(points))
	block := len(p.Routings) * len(p.Tokens) // of one model and family
	for len(points) > 0 {
		for i := range block {
			for family := range p.Kernels {
				scheduled = append(scheduled, points[family*block+i])
			}
		}
		points = points[block*len(p.Kernels):]
	}
	return scheduled
}

// Validate returns an *profiler.ArgumentError for the first workload that no engine could run.
func (p *Plan) Validate() error {
	for _, point := range p.Points() {
		w, err := p.shape(point.Model)
		if err != nil {
			return err
		}
		w.Tokens, w.Routing, w.Seed = point.Tokens, point.Routing, p.Seed
		if err := w.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// rangeMark stands between the ends of a range of tokens.
const rangeMark = ".."

const tokensAllowed = "numbers of tokens such as 128, or ranges such as 1..8192, which stand for their ends and the powers of two between"

// ParseTokens reads a number of tokens, or a range: its ends and the powers of two between them. The
// error is an *profiler.ArgumentError.
func ParseTokens(text string) ([]int, error) {
	refused := &profiler.ArgumentError{Field: "tokens", Value: strconv.Quote(text), Allowed: tokensAllowed}
	from, to, isRange := strings.Cut(text, rangeMark)
	if !isRange {
		to = from
	}
	low, err := strconv.Atoi(from)
	if err != nil {
		return nil, refused
	}
	high, err := strconv.Atoi(to)
	if err != nil || low < 1 || high < low || high > profiler.MaxRows {
		return nil, refused
	}
	tokens := []int{low}
	for power := 1; power < high; power *= 2 {
		if power > low {
			tokens = append(tokens, power)
		}
	}
	if high > low {
		tokens = append(tokens, high)
	}
	return tokens, nil
}

// ParseTokenList reads several numbers and ranges and returns them rising, each once.
func ParseTokenList(texts []string) ([]int, error) {
	var all []int
	for _, text := range texts {
		tokens, err := ParseTokens(text)
		if err != nil {
			return nil, err
		}
		all = append(all, tokens...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// ParseModels reads the names of models and returns each once, as Workload.Name writes it. The error
// is an *profiler.ArgumentError.
func ParseModels(texts []string) ([]string, error) {
	var names []string
	for _, text := range texts {
		w, err := profiler.ParseModel(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, w.Name()) {
			names = append(names, w.Name())
		}
	}
	return names, nil
}

// ParseRoutings reads routings and returns each once. The error is an *profiler.ArgumentError.
func ParseRoutings(texts []string) ([]profiler.Routing, error) {
	var routings []profiler.Routing
	for _, text := range texts {
		routing, err := profiler.ParseRouting(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(routings, routing) {
			routings = append(routings, routing)
		}
	}
	return routings, nil
}
