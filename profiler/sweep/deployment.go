package sweep

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/moetop/moetop/profiler"
)

// Advice is what to deploy for a range of tokens: the measured numbers of tokens from TokensFrom to
// TokensTo, all of which led to the same tuple.
type Advice struct {
	Model      string           `json:"model"`
	Routing    profiler.Routing `json:"routing"`
	Kernels    string           `json:"kernels"`
	TokensFrom int              `json:"tokens_from"`
	TokensTo   int              `json:"tokens_to"`
	Points     int              `json:"points"`
	// EnableES is the tuple (up, down); null where the points do not tell.
	EnableES *[2]bool `json:"enable_es"`
	// Matters is false where no switch changes anything worth naming; null where that is not known.
	Matters *bool `json:"matters"`
	// Gain is what the tuple makes of the whole layer, off/on; null where ES stays off. Up and Down
	// are what ES does to the stages, also where it is better left off.
	Gain *Gain `json:"gain"`
	Up   *Gain `json:"up"`
	Down *Gain `json:"down"`
	// Against is the kernel family that this one took turns with, and Speed how much faster this one is,
	// each with its best tuple; empty and null for the first family of a plan.
	Against string `json:"against,omitempty"`
	Speed   *Gain  `json:"speed"`
	Text    string `json:"text"`
}

// Gain is a ratio over the points of a range: the geometric mean of their ratios, and an interval
// that holds the 95% intervals of all of them.
type Gain struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Deploy merges points that lie beside each other and lead to the same tuple. The points of a model
// with a routing and a kernel family have to come with rising tokens.
func Deploy(points []Result) []Advice {
	advice := []Advice{}
	var run []*Result
	// A point that failed does not know what would have run; the others do.
	ran := make(map[string]string)
	for i := range points {
		if r := &points[i]; r.RanKernels != "" {
			ran[r.Kernels] = r.RanKernels
		}
	}
	finish := func() {
		if len(run) > 0 {
			a := advise(run)
			a.Kernels = cmp.Or(ran[a.Kernels], a.Kernels)
			advice = append(advice, a)
			run = nil
		}
	}
	for i := range points {
		if len(run) > 0 && !alike(run[0], &points[i]) {
			finish()
		}
		run = append(run, &points[i])
	}
	finish()
	return advice
}

// alike reports whether two points belong into one range.
func alike(a, b *Result) bool {
	if a.Model != b.Model || a.Routing != b.Routing || a.Kernels != b.Kernels || a.Status != b.Status {
		return false
	}
	known := a.Verdict.EnableES != nil
	if a.side() != b.side() {
		return false
	}
	if known != (b.Verdict.EnableES != nil) {
		return false
	}
	return !known || *a.Verdict.EnableES == *b.Verdict.EnableES && matters(a) == matters(b)
}

// side says which family is faster at a point: 1 this one, -1 the other, 0 neither or not known.
func (r *Result) side() int {
	switch {
	case r.Against == nil || r.Against.Layer == nil:
		return 0
	case r.Against.Layer.Low > 1:
		return 1
	case r.Against.Layer.High < 1:
		return -1
	default:
		return 0
	}
}

// matters reports whether any switch changes anything at a point.
func matters(r *Result) bool {
	return mask(*r.Verdict.EnableES) != profiler.ESOff ||
		r.Stage(profiler.Up).Ratio.Matters() || r.Stage(profiler.Down).Ratio.Matters()
}

// mask is the tuple as the ES mask that it stands for.
func mask(tuple [2]bool) profiler.ESMask {
	return profiler.ESOff.With(profiler.Up, tuple[0]).With(profiler.Down, tuple[1])
}

// advise sums up a range.
func advise(run []*Result) Advice {
	first, last := run[0], run[len(run)-1]
	a := Advice{
		Model: first.Model, Routing: first.Routing, Kernels: first.Kernels,
		TokensFrom: first.Tokens, TokensTo: last.Tokens, Points: len(run),
		Up:   gain(run, func(r *Result) *profiler.Ratio { return r.Stage(profiler.Up).Ratio }),
		Down: gain(run, func(r *Result) *profiler.Ratio { return r.Stage(profiler.Down).Ratio }),
	}
	if tuple := first.Verdict.EnableES; tuple != nil {
		up, worth := *tuple, matters(first)
		a.EnableES, a.Matters = &up, &worth
		if deployed := mask(up); deployed != profiler.ESOff {
			a.Gain = gain(run, func(r *Result) *profiler.Ratio { return r.Layer.Ratio(deployed) })
		}
	}
	if first.Against != nil {
		a.Against = first.Against.Kernels
		a.Speed = gain(run, func(r *Result) *profiler.Ratio {
			if r.Against == nil {
				return nil
			}
			return r.Against.Layer
		})
	}
	a.say(first)
	if a.Speed != nil {
		a.Text += fmt.Sprintf("; %v as fast as %s", a.Speed, a.Against)
	}
	return a
}

// say puts what a range with this first point says of the tuple into words.
func (a *Advice) say(first *Result) {
	if first.Verdict.EnableES == nil {
		a.Text = "not known: too few interleaved cycles; measure for longer"
		if first.Status != OK {
			a.Text = "not measured: " + first.Error
		}
		return
	}
	deployed, worth := mask(*a.EnableES), *a.Matters
	switch {
	case deployed != profiler.ESOff:
		a.Text = "ES gains " + a.Gain.String()
		if left := slower(a.Up, a.Down); left != "" {
			a.Text += "; leave off: " + left
		}
	case worth:
		a.Text = "leave ES off: " + cmp.Or(slower(a.Up, a.Down), fmt.Sprintf("up %v, down %v", a.Up, a.Down))
	default:
		a.Text = "does not matter"
	}
}

// slower names the stages that ES makes slower at every point, if any.
func slower(up, down *Gain) string {
	var texts []string
	if up != nil && up.High < 1 {
		texts = append(texts, profiler.Up.String()+" "+up.String())
	}
	if down != nil && down.High < 1 {
		texts = append(texts, profiler.Down.String()+" "+down.String())
	}
	return strings.Join(texts, ", ")
}

// gain merges a ratio of all points. It is nil where one of them lacks it.
func gain(run []*Result, of func(*Result) *profiler.Ratio) *Gain {
	g := &Gain{Low: math.Inf(1), High: math.Inf(-1)}
	logs := 0.0
	for _, r := range run {
		ratio := of(r)
		if ratio == nil {
			return nil
		}
		logs += math.Log(ratio.Value)
		g.Low, g.High = min(g.Low, ratio.Low), max(g.High, ratio.High)
	}
	g.Value = math.Exp(logs / float64(len(run)))
	return g
}

// String writes the ratio with its interval, or a dash for none.
func (g *Gain) String() string {
	if g == nil {
		return "-"
	}
	return profiler.RatioText(g.Value, g.Low, g.High)
}

// boundary is the last number of tokens for which the range before a gap still holds: the middle of
// the gap on a logarithmic scale, since speed follows the ratio of batch sizes.
func boundary(last, next int) int {
	middle := int(math.Sqrt(float64(last) * float64(next)))
	return min(max(middle, last), next-1)
}

// groups are the advice of each model, kernel family and routing, in order.
func groups(advice []Advice) [][]Advice {
	return slices.Collect(func(yield func([]Advice) bool) {
		for len(advice) > 0 {
			n := 1
			for n < len(advice) && advice[n].sameGroup(&advice[0]) {
				n++
			}
			if !yield(advice[:n]) {
				return
			}
			advice = advice[n:]
		}
	})
}

func (a *Advice) sameGroup(b *Advice) bool {
	return a.Model == b.Model && a.Routing == b.Routing && a.Kernels == b.Kernels
}
