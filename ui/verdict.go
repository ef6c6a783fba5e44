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
	case v.EnableES != nil && s.undeployed():
		badge, style, text = " "+strings.ToUpper(s.workload.Kernels)+" ", styleBadgeInfo, styleStrong
		detail = strings.TrimPrefix(detail, s.workload.Kernels+" "+profiler.NotDeployed)
	case v.EnableES != nil:
		badge, style, text = " DEPLOY ", styleBadgeGood, styleStrong
		detail = strings.TrimPrefix(detail, "deploy ")
	case s.replayed() && !s.sample.AB:
		detail = "off and on were not measured side by side"
	default:
		detail = strings.TrimPrefix(strings.TrimPrefix(detail, "no verdict: "), "no verdict yet: ")
		if detail == "" {
			detail = "a compares off and on side by side"
		}
	}
	x := area.Print(0, 0, badge, style) + 1
	room := max(area.Width()-x, 10)
	if first, second, ok := answer(s.sample, room); ok && area.Height() > 1 && !s.cpu() && !s.undeployed() {
		area.Print(x, 0, first, text)
		area.Print(x, 1, second, styleMuted)
		return
	}
	if area.Height() < 2 {
		area.Print(x, 0, brief(detail, room, v.EnableES == nil && !s.sample.AB && !s.replayed()), text)
		return
	}
	lines := wrap(detail, room)
	area.Print(x, 0, lines[0], text)
	second := strings.Join(lines[1:], " ")
	if second == "" {
		second = inWords(s.sample)
	}
	area.Print(x, 1, second, styleMuted)
}

// answer says in the first line what to deploy and what that makes of the layer, and in the second what
// each switch does. ok is false where the verdict alone must speak: where nothing was compared, or the
// sides did not run under the same conditions.
func answer(sample *profiler.Sample, room int) (first, second string, ok bool) {
	mask, known := verdictMask(sample.Verdict)
	if !known || len(sample.Stages) == 0 || strings.Contains(sample.Verdict.Text, "MHz") {
		return "", "", false
	}
	first = pythonTuple(mask) + ": "
	gain := ratioOf(&sample.Steps, mask)
	switch {
	case mask == profiler.ESOff && sample.Verdict.Layer != nil:
		first += "ES makes a stage faster here, but not the whole layer"
	case mask == profiler.ESOff:
		first += "ES makes nothing faster here"
	case gain == nil:
		return "", "", false
	case gain.Significant():
		first += "the whole layer is " + ratioText(gain.Value) + " as fast " + intervalText(gain)
	default:
		first += "the stage is faster; the whole layer shows no proven difference"
	}
	if grid.Width(first) > room {
		first = withoutIntervals(first)
	}
	var long, short []string
	for _, stage := range sample.Stages {
		if stage.Ratio == nil || stage.Off == nil || stage.On == nil {
			continue
		}
		word := " off: "
		if mask.Has(map[string]profiler.Stage{"up": profiler.Up, "down": profiler.Down}[stage.Name]) {
			word = " on: "
		}
		text := ratioText(stage.Ratio.Value) + " " + intervalText(stage.Ratio)
		if !stage.Ratio.Significant() {
			text += ", no proven difference"
		}
		short = append(short, stage.Name+word+text)
		long = append(long, stage.Name+word+micros(stage.Off.MedianUS)+" → "+micros(stage.On.MedianUS)+" µs with ES, "+text)
	}
	if on := sample.Steps.Mask(mask); mask != profiler.ESOff && on != nil && sample.Steps.OffOff != nil {
		long = append(long, "layer: "+micros(sample.Steps.OffOff.MedianUS)+" → "+micros(on.MedianUS)+" µs")
	}
	second = strings.Join(long, "; ")
	if grid.Width(second) > room {
		second = strings.Join(short, "; ")
	}
	return first, second, true
}

// undeployed reports whether kernels run that sglang does not: there is nothing to deploy then, since
// enable_es is a switch of sglang's own.
func (s scene) undeployed() bool {
	return s.workload != nil && !s.cpu() && s.workload.Kernels != profiler.DeployedKernels
}

// brief shortens a verdict for one line: without intervals, then without the flag's name. compare says
// that comparing is what is missing.
func brief(text string, room int, compare bool) string {
	if grid.Width(text) > room && compare {
		return "press a to measure off and on side by side"
	}
	if grid.Width(text) > room {
		text = withoutIntervals(text)
	}
	if grid.Width(text) > room {
		text = strings.Replace(text, "enable_es=", "", 1)
	}
	return text
}

func withoutIntervals(text string) string {
	for {
		from := strings.Index(text, " [")
		if from < 0 {
			return text
		}
		to := strings.Index(text[from:], "]")
		if to < 0 {
			return text
		}
		text = text[:from] + text[from+to+1:]
	}
}

// inWords says what the ratios mean in times, for the stages and for the layer.
func inWords(sample *profiler.Sample) string {
	var parts []string
	for _, stage := range sample.Stages {
		if stage.Ratio != nil && stage.Off != nil && stage.On != nil {
			parts = append(parts, stage.Name+" "+change(stage.Off, stage.On, stage.Ratio))
		}
	}
	if m, ok := verdictMask(sample.Verdict); ok && m != profiler.ESOff {
		on, r := sample.Steps.Mask(m), ratioOf(&sample.Steps, m)
		if r != nil && on != nil && sample.Steps.OffOff != nil {
			parts = append(parts, "layer "+change(sample.Steps.OffOff, on, r))
		}
	}
	return strings.Join(parts, ", ")
}

func change(off, on *profiler.Summary, r *profiler.Ratio) string {
	word := "slower"
	switch {
	case !r.Significant():
		word = "no difference"
	case r.Value > 1:
		word = "faster"
	}
	return micros(off.MedianUS) + " → " + micros(on.MedianUS) + " µs (" + word + ")"
}
