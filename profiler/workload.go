package profiler

import (
	"fmt"
	"strconv"
)

// Workload is what an engine runs: one MoE layer's shape, its batch and its routing. Build one with
// ParseModel or CustomWorkload, and check it with Validate.
type Workload struct {
	Model        string  `json:"model"`        // preset name, or "custom"
	Experts      int     `json:"experts"`      // E of the shard that runs, 1..1024
	TopK         int     `json:"top_k"`        // k, 1..min(E,32)
	Hidden       int     `json:"hidden"`       // H, multiple of 128
	Intermediate int     `json:"intermediate"` // I of the shard that runs, multiple of 128
	TP           int     `json:"tp"`           // the model's intermediate was divided by this
	EP           int     `json:"ep"`           // the model's experts were divided by this
	Tokens       int     `json:"tokens"`       // T, at least 1; T*k at most MaxRows
	Routing      Routing `json:"routing"`
	Seed         uint64  `json:"seed"`
}

// The limits of a workload. They are those of the C ABI.
const (
	// MaxRows bounds Tokens*TopK.
	MaxRows = 262144
	// MaxExperts bounds Experts.
	MaxExperts = 1024
	// MaxTopK bounds TopK.
	MaxTopK = 32
	// MaxWidth bounds Hidden and Intermediate, so that a typing error cannot overflow a size.
	MaxWidth = 65536
	// BlockWidth is the width of a scale block; Hidden and Intermediate are multiples of it.
	BlockWidth = 128
)

// What a workload starts with where nothing else is said.
const (
	DefaultTokens = 128
	DefaultSeed   = 1
)

// CustomModel is the Model of a workload whose shape comes from flags.
const CustomModel = "custom"

// CustomWorkload returns a workload of the given shape with the default batch, routing and seed.
func CustomWorkload(experts, topK, hidden, intermediate int) Workload {
	return Workload{
		Model: CustomModel, Experts: experts, TopK: topK, Hidden: hidden, Intermediate: intermediate,
		TP: 1, EP: 1, Tokens: DefaultTokens, Routing: Routing{Kind: Uniform}, Seed: DefaultSeed,
	}
}

// Rows is R = T*k.
func (w Workload) Rows() int { return w.Tokens * w.TopK }

// Validate returns an *ArgumentError that names the first field, by its flag, whose value an engine
// cannot run.
func (w Workload) Validate() error {
	checks := []struct {
		ok      bool
		field   string
		value   int
		allowed string
	}{
		{w.Experts >= 1 && w.Experts <= MaxExperts, "experts", w.Experts, fmt.Sprintf("1 to %d", MaxExperts)},
		{
			w.TopK >= 1 && w.TopK <= min(w.Experts, MaxTopK), "top-k", w.TopK,
			fmt.Sprintf("1 to %d with %d experts", min(w.Experts, MaxTopK), w.Experts),
		},
		{validWidth(w.Hidden), "hidden", w.Hidden, widths},
		{validWidth(w.Intermediate), "intermediate", w.Intermediate, widths},
		{w.TP >= 1, "tp", w.TP, "1 or more"},
		{w.EP >= 1, "ep", w.EP, "1 or more"},
		{
			w.Tokens >= 1 && w.Tokens <= MaxRows/max(w.TopK, 1), "tokens", w.Tokens,
			fmt.Sprintf("1 to %d with top-k %d", MaxRows/max(w.TopK, 1), w.TopK),
		},
	}
	for _, c := range checks {
		if !c.ok {
			return &ArgumentError{Field: c.field, Value: strconv.Itoa(c.value), Allowed: c.allowed}
		}
	}
	return w.Routing.Validate()
}

const widths = "a multiple of 128 from 128 to 65536"

func validWidth(n int) bool { return n >= BlockWidth && n <= MaxWidth && n%BlockWidth == 0 }

// Shard returns the workload of one rank when the whole model is split over tp ranks by intermediate
// size and over ep ranks by experts. A shard that the workload already has is replaced, not
// multiplied. The error is an *ArgumentError.
func (w Workload) Shard(tp, ep int) (Workload, error) {
	whole := w
	whole.Intermediate *= max(w.TP, 1)
	whole.Experts *= max(w.EP, 1)
	if tp < 1 || whole.Intermediate%tp != 0 || whole.Intermediate/tp%BlockWidth != 0 {
		return Workload{}, &ArgumentError{
			Field: "tp", Value: strconv.Itoa(tp),
			Allowed: fmt.Sprintf("a divisor of the intermediate size %d that leaves a multiple of %d",
				whole.Intermediate, BlockWidth),
		}
	}
	if ep < 1 || whole.Experts%ep != 0 || whole.Experts/ep < w.TopK {
		return Workload{}, &ArgumentError{
			Field: "ep", Value: strconv.Itoa(ep),
			Allowed: fmt.Sprintf("a divisor of the %d experts that leaves at least top-k %d", whole.Experts, w.TopK),
		}
	}
	whole.Intermediate /= tp
	whole.Experts /= ep
	whole.TP, whole.EP = tp, ep
	return whole, nil
}

// Footprint is what the tensors of the workload take with a ring of so many routings. What kernels want
// besides, their workspace, only they know.
func (w Workload) Footprint(ring int) Memory {
	e, r, t, n := uint64(w.Experts), uint64(w.Rows()), uint64(w.Tokens), uint64(ring)
	h, i := uint64(w.Hidden), uint64(w.Intermediate)
	weights := 3 * e * h * i
	return Memory{
		WeightsBytes: weights + 4*weights/(BlockWidth*BlockWidth),
		ActivationsBytes: 2*t*h*n + 4*(e+1) + 4*r +
			r*h + 4*r*h/BlockWidth + 4*r*i + r*i + 4*r*i/BlockWidth + 2*r*h + 2*t*h + 8*r*n,
	}
}

// Name is the model with its shard as ParseModel reads it, such as "dsv3-tp8".
func (w Workload) Name() string { return w.Model + w.shards("-") }

// Title names the model and its shard for people, such as "DeepSeek-V3 tp8".
func (w Workload) Title() string {
	title := w.Model
	if p, ok := presetByName(w.Model); ok {
		title = p.Title
	}
	if w.Model == CustomModel {
		title = fmt.Sprintf("custom E%d k%d H%d I%d", w.Experts, w.TopK, w.Hidden, w.Intermediate)
	}
	return title + w.shards(" ")
}

func (w Workload) shards(separator string) string {
	text := ""
	if w.TP > 1 {
		text += separator + "tp" + strconv.Itoa(w.TP)
	}
	if w.EP > 1 {
		text += separator + "ep" + strconv.Itoa(w.EP)
	}
	return text
}
