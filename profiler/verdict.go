package profiler

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Outcome is what a comparison says about expert specialization.
type Outcome string

// The outcomes.
const (
	OutcomeFaster  Outcome = "faster"  // beyond doubt, and by enough to matter
	OutcomeSlower  Outcome = "slower"  // likewise
	OutcomeSame    Outcome = "same"    // whatever difference there is does not matter
	OutcomeUnknown Outcome = "unknown" // the measurement does not tell
)

// DefaultUntilWidth is how narrow an interval has to be to count as an answer without a winner.
const DefaultUntilWidth = 0.01

// DeployedKernels are those that sglang runs, and that its enable_es switches.
const DeployedKernels = "cutlass"

// NotDeployed begins the text of a verdict on other kernels.
const NotDeployed = "kernels that sglang does not run: "

// judge says what to deploy. compared is nil outside A/B mode. engine is "cuda" or "cpu".
func judge(engine, kernels string, compared *comparisons) Verdict {
	if compared == nil {
		return Verdict{Text: "no verdict: off and on are not measured side by side; switch A/B mode on (key a, or --ab)"}
	}
	if compared.pairs < verdictPairs {
		return tooEarly(compared)
	}
	verdict, mask, stages := compared.judgeStages()
	if loss := verdict.loss(); loss != "" {
		stages = fmt.Sprintf("by stages %s would win (%s), but the whole layer %s with it, %s",
			mask.Tuple(), stages, loss, ratioText(compared.layer[mask].ratio))
		mask = ESOff
	}
	verdict.EnableES = &[2]bool{mask.Has(Up), mask.Has(Down)}
	switch {
	case engine == "cpu":
		verdict.Text = fmt.Sprintf("CPU reference figure, not what to deploy on a GPU: here enable_es=%s: %s", mask.Tuple(), stages)
	case kernels != DeployedKernels:
		verdict.Text = fmt.Sprintf("%s%senable_es=%s: %s", kernels+" ", NotDeployed, mask.Tuple(), stages)
	default:
		verdict.Text = fmt.Sprintf("deploy enable_es=%s: %s", mask.Tuple(), stages)
	}
	return verdict
}

// loss says why the tuple that the stages add up to is not worth deploying, if it is known not to be.
func (v Verdict) loss() string {
	switch {
	case v.Layer == nil:
		return ""
	case *v.Layer == OutcomeSlower:
		return "is slower"
	case *v.Layer == OutcomeSame:
		return "gains nothing that matters"
	default:
		return ""
	}
}

// judgeSame is the verdict of an A/A test, in which everything ran with one mask: there is nothing to
// deploy, and each winner that is named is a false one.
func judgeSame(mask ESMask, compared *comparisons) Verdict {
	if compared == nil {
		return Verdict{Text: "no verdict: the A/A test is not running; switch it on (key a)"}
	}
	if compared.pairs < verdictPairs {
		return tooEarly(compared)
	}
	verdict, _, stages := compared.judgeStages()
	word := "no winner is named, as it should be"
	if named(verdict.Up) || named(verdict.Down) {
		word = "a false winner is named"
	}
	verdict.Text = fmt.Sprintf("A/A test, both sides ran %s: %s: %s", mask.Tuple(), word, stages)
	return verdict
}

func named(o *Outcome) bool { return o != nil && (*o == OutcomeFaster || *o == OutcomeSlower) }

// giveUp is a verdict that did not settle in the time that it was given: it says so, and recommends
// nothing.
func (v Verdict) giveUp(c *comparisons, after time.Duration) Verdict {
	v.EnableES = nil
	if c == nil || c.pairs < verdictPairs {
		v.Text = fmt.Sprintf("not known after %v: %s", after, strings.TrimPrefix(v.Text, "no verdict yet: "))
		return v
	}
	var parts []string
	for _, one := range []struct {
		name string
		of   *comparison
	}{{Up.String(), &c.up}, {Down.String(), &c.down}} {
		word := ""
		if !one.of.settled(c.untilWidth()) {
			word = ": not known"
		}
		parts = append(parts, one.name+" "+ratioText(one.of.ratio)+word)
	}
	v.Text = fmt.Sprintf("not known after %v: %s", after, strings.Join(parts, ", "))
	return v
}

func tooEarly(compared *comparisons) Verdict {
	return Verdict{Text: fmt.Sprintf("no verdict yet: A/B mode has measured %d of the %d interleaved cycles that it needs",
		compared.pairs, verdictPairs)}
}

// judgeStages judges each stage, the mask that they add up to, and the layer with it.
func (c *comparisons) judgeStages() (verdict Verdict, mask ESMask, text string) {
	width := c.untilWidth()
	up, upText := judgeStage(Up, &c.up)
	down, downText := judgeStage(Down, &c.down)
	mask = ESOff.With(Up, up == OutcomeFaster).With(Down, down == OutcomeFaster)
	verdict = Verdict{Up: &up, Down: &down, Settled: c.up.settled(width) && c.down.settled(width)}
	if mask != ESOff {
		layer := c.layer[mask].outcome()
		verdict.Layer = &layer
		verdict.Settled = verdict.Settled && c.layer[mask].settled(width)
	}
	if mask == ESDown {
		// The stage that wins stands first.
		return verdict, mask, downText + ", " + upText
	}
	return verdict, mask, upText + ", " + downText
}

// judgeStage decides one stage: it takes ES only if that is faster beyond doubt.
func judgeStage(stage Stage, c *comparison) (outcome Outcome, text string) {
	outcome = c.outcome()
	switch outcome {
	case OutcomeUnknown:
		return outcome, stage.String() + " not significant"
	case OutcomeSame:
		return outcome, fmt.Sprintf("%s %s: too small to matter", stage, ratioText(c.ratio))
	case OutcomeSlower:
		return outcome, fmt.Sprintf("%s %s: leave it off", stage, ratioText(c.ratio))
	case OutcomeFaster:
	}
	return outcome, fmt.Sprintf("%s %s", stage, ratioText(c.ratio))
}

// outcome is what the cycles so far say.
func (c *comparison) outcome() Outcome {
	switch {
	case c.ratio == nil:
		return OutcomeUnknown
	case c.winner != 0 && matters(c.ratio) && c.winner > 0:
		return OutcomeFaster
	case c.winner != 0 && matters(c.ratio):
		return OutcomeSlower
	case c.winner != 0 || c.ratio.Low > 1-minEffect && c.ratio.High < 1+minEffect:
		// Either there is a difference and it is tiny, or the whole interval is.
		return OutcomeSame
	default:
		return OutcomeUnknown
	}
}

// settled reports whether more cycles would not change what to do: the outcome is known, or the
// interval is narrower than width.
func (c *comparison) settled(width float64) bool {
	return c.outcome() != OutcomeUnknown || c.ratio != nil && c.ratio.High-c.ratio.Low < width
}

// matters reports whether a difference is large enough to act on.
func matters(r *Ratio) bool { return r != nil && math.Abs(r.Value-1) >= minEffect }

// ratioText writes a ratio that may be unknown.
func ratioText(r *Ratio) string {
	if r == nil {
		return "not measured"
	}
	return RatioText(r.Value, r.Low, r.High)
}
