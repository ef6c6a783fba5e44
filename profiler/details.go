package profiler

import "slices"

// reportedPercents draw the shape of a distribution: its body in even parts, its tail in tenths.
var reportedPercents = [...]float64{1, 5, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99}

// addDetails fills into a report what a sample has no room for: the percentiles, and the blocks if
// they were asked for. The summaries are copied, since the newest sample, which has gone out already,
// shares them.
func (r *recorder) addDetails(report *Report, blocks bool) {
	with := func(s *Summary, c *cell) *Summary {
		if s == nil || c.count == 0 {
			return s
		}
		copied := *s
		copied.Percentiles = c.percentiles()
		if blocks {
			copied.BlockUS = slices.Clone(c.blocks.done)
		}
		return &copied
	}
	report.Stages = slices.Clone(report.Stages)
	for i := range report.Stages {
		stage := &report.Stages[i]
		stage.Off, stage.On = with(stage.Off, &r.sides[i][0]), with(stage.On, &r.sides[i][1])
	}
	step := &report.Step
	step.OffOff, step.OnOff = with(step.OffOff, &r.steps[ESOff]), with(step.OnOff, &r.steps[ESUp])
	step.OffOn, step.OnOn = with(step.OffOn, &r.steps[ESDown]), with(step.OnOn, &r.steps[ESBoth])
}

// percentiles leaves out those of the tail that fewer than one value lies beyond: they are the maximum.
func (c *cell) percentiles() []Percentile {
	var all []Percentile
	for _, percent := range reportedPercents {
		if beyond := float64(c.count) * (100 - percent) / 100; beyond >= 1 || percent <= 50 {
			all = append(all, Percentile{Percent: percent, TimeUS: rounded(c.quantile(percent), roundUS)})
		}
	}
	return all
}
