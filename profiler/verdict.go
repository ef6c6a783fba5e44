package profiler

import (
	"fmt"
	"math"
)

// judge says what to deploy. compared is nil outside A/B mode. engine is "cuda" or "cpu".
func judge(engine string, compared *comparisons) Verdict {
	if compared == nil {
		return Verdict{Text: "no verdict: off and on are not measured side by side; switch A/B mode on (key a, or --ab)"}
	}
	if compared.pairs < verdictPairs {
		return Verdict{Text: fmt.Sprintf("no verdict yet: A/B mode has measured %d of the %d interleaved cycles that it needs",
			compared.pairs, verdictPairs)}
	}
	upOn, upText := judgeStage(Up, &compared.up)
	downOn, downText := judgeStage(Down, &compared.down)
	mask := ESOff.With(Up, upOn).With(Down, downOn)
	stages := upText + ", " + downText
	if downOn && !upOn {
		// The stage that wins stands first.
		stages = downText + ", " + upText
	}
	if layer := &compared.layer[mask]; mask != ESOff && layer.winner < 0 && matters(layer.ratio) {
		stages = fmt.Sprintf("by stages %s would win (%s), but the whole layer is slower with it, %s",
			mask.Tuple(), stages, ratioText(layer.ratio))
		mask = ESOff
	}
	verdict := Verdict{EnableES: &[2]bool{mask.Has(Up), mask.Has(Down)}}
	if engine == "cpu" {
		verdict.Text = fmt.Sprintf("CPU reference figure, not what to deploy on a GPU: here enable_es=%s: %s", mask.Tuple(), stages)
	} else {
		verdict.Text = fmt.Sprintf("deploy enable_es=%s: %s", mask.Tuple(), stages)
	}
	return verdict
}

// judgeStage decides one stage: it takes ES only if that is faster beyond doubt.
func judgeStage(stage Stage, c *comparison) (on bool, text string) {
	switch {
	case c.winner == 0:
		return false, stage.String() + " not significant"
	case !matters(c.ratio):
		return false, fmt.Sprintf("%s %s: too small to matter", stage, ratioText(c.ratio))
	case c.winner < 0:
		return false, fmt.Sprintf("%s %s: leave it off", stage, ratioText(c.ratio))
	default:
		return true, fmt.Sprintf("%s %s", stage, ratioText(c.ratio))
	}
}

// matters reports whether a difference is large enough to act on.
func matters(r *Ratio) bool { return r != nil && math.Abs(r.Value-1) >= minEffect }

// ratioText writes a ratio with its interval, in two digits, or in three where two would show an
// interval that is clear of 1 as touching it.
func ratioText(r *Ratio) string {
	digits := 2
	if hundredths := func(v float64) float64 { return math.Round(v*100) / 100 }; r.Significant() &&
		(hundredths(r.Low) == 1 || hundredths(r.High) == 1) {
		digits = 3
	}
	return fmt.Sprintf("%.*fx [%.*f, %.*f]", digits, r.Value, digits, r.Low, digits, r.High)
}
