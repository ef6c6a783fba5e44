package exporter

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/moetop/moetop/profiler"
)

// layerMetrics are what was measured of the layer, and what follows from it.
type layerMetrics struct {
	stage, step, gap, launchGap *prometheus.Desc
	attainable, layerAttainable *prometheus.Desc
	enabled, ab, cycles         *prometheus.Desc
	verdict                     *prometheus.Desc
	stageRatio, layerRatio      ratioMetrics
}

// ratioMetrics are a ratio with its 95% interval.
type ratioMetrics struct{ value, low, high, p *prometheus.Desc }

func newRatioMetrics(c *catalog, name, help string, labels ...string) ratioMetrics {
	return ratioMetrics{
		value: c.add(name+"_ratio", help+": off by on, above 1 where ES is faster. Only in A/B mode.", labels...),
		low:   c.add(name+"_low_ratio", help+": lower end of the 95% interval.", labels...),
		high:  c.add(name+"_high_ratio", help+": upper end of the 95% interval.", labels...),
		p:     c.add(name+"_p_value", help+": p by Mann-Whitney that there is no difference.", labels...),
	}
}

func (m *ratioMetrics) collect(out output, r *profiler.Ratio, labels ...string) {
	if r == nil {
		return
	}
	out.gauge(m.value, r.Value, labels...)
	out.gauge(m.low, r.Low, labels...)
	out.gauge(m.high, r.High, labels...)
	out.gauge(m.p, r.PValue, labels...)
}

func newLayerMetrics(c *catalog) layerMetrics {
	const whole = "every timed step of the generation, by the worker's own histogram"
	return layerMetrics{
		stage:           c.add("moetop_stage_latency_generation_seconds", "Latency of stages: "+whole+".", "stage", "es"),
		step:            c.add("moetop_step_duration_generation_seconds", "Duration of whole steps: "+whole+".", "es_up", "es_down"),
		gap:             c.add("moetop_step_gap_generation_seconds", "Idle time between the stages of a step: "+whole+"."),
		launchGap:       c.add("moetop_launch_gap_generation_seconds", "Idle time between two steps: "+whole+"."),
		attainable:      c.add("moetop_stage_attainable_ratio", "Attainable time of the stage over the median of what runs, in A/B mode of the side to deploy.", "stage"),
		layerAttainable: c.add("moetop_layer_attainable_ratio", "Attainable time of the whole layer, all stages at their best without gaps, over the median of what runs."),
		enabled:         c.add("moetop_es_enabled", "Whether ES was on for the stage in the newest step.", "stage"),
		ab:              c.add("moetop_ab_enabled", "Whether all ES masks are measured interleaved (A/B mode)."),
		cycles:          c.add("moetop_ab_cycles", "Interleaved cycles that the comparison rests on."),
		verdict:         c.add("moetop_verdict_es_enabled", "Whether to deploy ES for the stage; absent while that is not known.", "stage"),
		stageRatio:      newRatioMetrics(c, "moetop_es_speedup", "Speed-up of the stage by ES", "stage"),
		layerRatio:      newRatioMetrics(c, "moetop_layer_speedup", "Speed-up of the whole layer by ES", "es_up", "es_down"),
	}
}

func (m *layerMetrics) collect(out output, s *profiler.Sample) {
	for i := range s.Stages {
		stage := &s.Stages[i]
		out.summary(m.stage, stage.Off, stage.Name, sideLabel(stage, false))
		if stage.Switchable {
			out.summary(m.stage, stage.On, stage.Name, sideLabel(stage, true))
			m.stageRatio.collect(out, stage.Ratio, stage.Name)
		}
		out.percent(m.attainable, stage.AttainablePercent, stage.Name)
	}
	out.percent(m.layerAttainable, s.Steps.AttainablePercent)
	m.collectSteps(out, &s.Steps)
	for _, stage := range profiler.Stages() {
		if stage.Switchable() {
			out.flag(m.enabled, s.ES.Has(stage), stage.String())
		}
	}
	out.flag(m.ab, s.AB)
	if s.AB {
		out.gauge(m.cycles, float64(s.ABPairs))
	}
	if es := s.Verdict.EnableES; es != nil {
		out.flag(m.verdict, es[0], profiler.Up.String())
		out.flag(m.verdict, es[1], profiler.Down.String())
	}
}

func (m *layerMetrics) collectSteps(out output, s *profiler.StepStats) {
	for mask := range profiler.ESMask(profiler.NumMasks) {
		out.summary(m.step, s.Mask(mask), onOff(mask.Has(profiler.Up)), onOff(mask.Has(profiler.Down)))
	}
	out.summary(m.gap, s.GapUS)
	out.summary(m.launchGap, s.LaunchGapUS)
	m.layerRatio.collect(out, s.OnOffRatio, onOff(true), onOff(false))
	m.layerRatio.collect(out, s.OffOnRatio, onOff(false), onOff(true))
	m.layerRatio.collect(out, s.OnOnRatio, onOff(true), onOff(true))
}
