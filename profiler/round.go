package profiler

import (
	"math"
	"strconv"
)

// Figures of a sample are rounded to what can be measured before they are emitted: digits beyond are
// noise that no reader needs, and that a recording of an hour cannot be compressed out of.
const (
	roundUS      = 1e3 // a nanosecond, the resolution of the device's clock
	roundRatio   = 1e5
	roundRate    = 1e3 // steps a second, percent, watts
	roundShare   = 1e2 // of what is attainable, in percent
	roundElapsed = 1e6 // seconds, to a microsecond
)

func rounded(v, unit float64) float64 { return math.Round(v*unit) / unit }

// round rounds the figures. What is kept by others than the sample is replaced, not written to.
func (s *Sample) round() {
	for i := range s.Stages {
		stage := &s.Stages[i]
		stage.LastUS = roundedPointer(stage.LastUS, roundUS)
		stage.AttainablePercent = roundedPointer(stage.AttainablePercent, roundShare)
		stage.Off, stage.On, stage.Ratio = stage.Off.rounded(), stage.On.rounded(), stage.Ratio.rounded()
	}
	for _, summary := range []**Summary{
		&s.Steps.OffOff, &s.Steps.OnOff, &s.Steps.OffOn, &s.Steps.OnOn, &s.Steps.GapUS, &s.Steps.LaunchGapUS,
	} {
		*summary = (*summary).rounded()
	}
	for _, ratio := range []**Ratio{&s.Steps.OnOffRatio, &s.Steps.OffOnRatio, &s.Steps.OnOnRatio} {
		*ratio = (*ratio).rounded()
	}
	s.Steps.AttainablePercent = roundedPointer(s.Steps.AttainablePercent, roundShare)
	s.Recent.round()
	s.StepsPerSecond = rounded(s.StepsPerSecond, roundRate)
	s.CPUPercent = rounded(s.CPUPercent, roundRate)
	s.ElapsedS = rounded(s.ElapsedS, roundElapsed)
}

func roundedPointer(v *float64, unit float64) *float64 {
	if v == nil {
		return nil
	}
	r := rounded(*v, unit)
	return &r
}

func (s *Summary) rounded() *Summary {
	if s == nil {
		return nil
	}
	r := *s
	for _, v := range []*float64{&r.LastUS, &r.MeanUS, &r.MinUS, &r.MedianUS, &r.P90US, &r.P99US, &r.MaxUS} {
		*v = rounded(*v, roundUS)
	}
	return &r
}

// rounded keeps an interval on its side of 1: a verdict must not hang on a digit.
func (r *Ratio) rounded() *Ratio {
	if r == nil {
		return nil
	}
	whole := *r
	whole.Value, whole.Low, whole.High = rounded(r.Value, roundRatio), rounded(r.Low, roundRatio), rounded(r.High, roundRatio)
	whole.PValue = threeDigits(r.PValue)
	if whole.Significant() != r.Significant() {
		return r
	}
	return &whole
}

// threeDigits keeps the digits of a small number that say something.
func threeDigits(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return v
	}
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return v
	}
	return short
}

func (r *Recent) round() {
	for i := range r.StepUS {
		r.StepUS[i] = rounded(r.StepUS[i], roundUS)
	}
	for i := range r.StartUS {
		r.StartUS[i] = rounded(r.StartUS[i], roundUS)
	}
	for _, stages := range r.StageUS {
		for i := range stages {
			stages[i] = rounded(stages[i], roundUS)
		}
	}
}

// round does the same for a reading; its sampler keeps the values that it points to.
func (r *Reading) round() {
	for _, v := range []**float64{
		&r.SMUtilizationPercent, &r.SMOccupancyPercent, &r.TensorPercent, &r.DRAMPercent, &r.PowerWatts, &r.EnergyJoules,
	} {
		*v = roundedPointer(*v, roundRate)
	}
}
