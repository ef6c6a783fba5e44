package ui

import (
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

// drawVerdict says what to deploy. The badge and the tuple stand first, since they are the answer; on
// a second line stands in words what they rest on.
func drawVerdict(area grid.Area, s scene) {
	if s.sample == nil {
		area.Print(0, 0, " VERDICT ", styleBadgeInfo)
		area.Print(10, 0, "nothing measured yet", styleMuted)
		return
	}
	v := s.sample.Verdict
	badge, style, text := " NO VERDICT ", styleBadgeInfo, styleMuted
	detail := v.Text
	switch {
	case v.EnableES != nil && s.cpu():
		badge, style, text = " CPU ONLY ", styleBadgeCPU, styleStrong
	case v.EnableES != nil:
		badge, style, text = " DEPLOY ", styleBadgeGood, styleStrong
		detail = strings.TrimPrefix(detail, "deploy ")
	default:
		detail = strings.TrimPrefix(detail, "no verdict: ")
		if detail == "" {
			detail = "a compares off and on side by side"
		}
	}
	x := area.Print(0, 0, badge, style)
	lines := wrap(detail, max(area.Width()-x-2, 10))
	area.Print(x+1, 0, lines[0], text)
	if area.Height() < 2 {
		if len(lines) > 1 {
			area.Print(x+1, 0, detail, text)
		}
		return
	}
	second := strings.Join(lines[1:], " ")
	if second == "" {
		second = inWords(s.sample)
	}
	area.Print(x+1, 1, second, styleMuted)
}

// inWords says what the ratios mean, stage by stage and for the layer.
func inWords(sample *profiler.Sample) string {
	var parts []string
	for _, stage := range sample.Stages {
		if stage.Ratio == nil || stage.Off == nil || stage.On == nil {
			continue
		}
		parts = append(parts, stage.Name+" "+comparison(stage.Ratio)+" ("+
			micros(stage.Off.MedianUS)+" → "+micros(stage.On.MedianUS)+" µs)")
	}
	if m, ok := verdictMask(sample.Verdict); ok && m != profiler.ESOff {
		ratios := [profiler.NumMasks]*profiler.Ratio{
			nil, sample.Steps.OnOffRatio, sample.Steps.OffOnRatio, sample.Steps.OnOnRatio,
		}
		if r := ratios[m]; r != nil {
			parts = append(parts, "the layer with "+shortTuple(m)+" "+comparison(r))
		}
	}
	return strings.Join(parts, "; ")
}

func comparison(r *profiler.Ratio) string {
	switch {
	case !r.Significant():
		return "the same with ES, as far as can be told"
	case r.Value > 1:
		return ratioText(r.Value) + " as fast with ES"
	default:
		return ratioText(r.Value) + " as fast with ES, so slower"
	}
}
