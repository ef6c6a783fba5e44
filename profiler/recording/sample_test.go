package recording

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// began is when the tests' sessions begin.
var began = time.Date(2026, 1, 2, 3, 4, 5, 123456789, time.UTC)

// session makes the records of a run in A/B mode on a GPU, where nearly every figure changes from
// sample to sample: the worst that a recording has to hold.
type session struct {
	rng   *rand.Rand
	begin time.Time
	steps uint64
	count int64
	nvml  *profiler.Reading
}

func newSession(seed uint64, begin time.Time) *session {
	return &session{rng: rand.New(rand.NewPCG(seed, 1)), begin: begin}
}

func (s *session) header() profiler.Record {
	return profiler.Record{Kind: profiler.KindHeader, Time: s.begin, Header: &profiler.Header{
		SchemaVersion: profiler.SchemaVersion, Version: "test", Command: []string{"moetop", "--ab"}, PID: int(s.rng.Uint32()),
		IntervalMS: 100,
	}}
}

func (s *session) workload() profiler.Record {
	rows := make([]float64, 256)
	for i := range rows {
		rows[i] = s.rng.Float64() * 10
	}
	return profiler.Record{Kind: profiler.KindWorkload, Time: s.begin.Add(time.Millisecond), Generation: 1, Workload: &profiler.WorkloadRecord{
		Engine: "cuda", Workload: profiler.Workload{Model: "dsv3", Experts: 256, Tokens: 128, Routing: profiler.Routing{Kind: profiler.Uniform}},
		ExpertRows: rows,
	}}
}

func (s *session) summary(at time.Duration) profiler.Record {
	return profiler.Record{Kind: profiler.KindSummary, Time: s.begin.Add(at), Step: s.steps, Summary: &profiler.Report{
		SchemaVersion: profiler.SchemaVersion, Workload: profiler.Workload{Routing: profiler.Routing{Kind: profiler.Uniform}}, Steps: s.steps,
	}}
}

// us is a time as CUPTI gives it, in whole nanoseconds.
func (s *session) us(center float64) float64 {
	return math.Round(1000*center*(1+0.01*s.rng.NormFloat64())) / 1000
}

// settled is a figure of a whole generation: it settles as more is measured, and histograms give it in
// three digits.
func (s *session) settled(center float64, digits int) float64 {
	v := center * (1 + 0.03*s.rng.NormFloat64()/math.Sqrt(float64(s.count+1)))
	unit := math.Pow(10, float64(digits)-math.Ceil(math.Log10(v)))
	return math.Round(math.Round(v*unit)/unit*1000) / 1000
}

func (s *session) stats(center float64, at time.Time) *profiler.Summary {
	return &profiler.Summary{
		Count: s.count, LastUS: s.us(center), MeanUS: s.settled(center, 6), MinUS: 0.9 * center,
		MedianUS: s.settled(center, 4), P90US: s.settled(1.04*center, 4), P99US: s.settled(1.1*center, 4),
		MaxUS: 1.4 * center, MeasuredAt: at, Live: true,
	}
}

func (s *session) ratio() *profiler.Ratio {
	return &profiler.Ratio{
		Value: s.settled(1.2, 6), Low: s.settled(1.19, 6), High: s.settled(1.21, 6), PValue: float64(100+s.rng.IntN(900)) * 1e-15, Pairs: int(s.count / 8),
	}
}

func (s *session) reading(at time.Time) *profiler.Reading {
	percent := func() *float64 { return new(math.Round(10*(60+30*s.rng.Float64())) / 10) }
	return &profiler.Reading{
		Time: at, WindowStart: at.Add(-250 * time.Millisecond), WindowEnd: at, SMUtilizationPercent: percent(), SMOccupancyPercent: percent(),
		TensorPercent: percent(), DRAMPercent: percent(), KernelActivePercent: new(100.0), MemoryUsedBytes: new(uint64(7 << 30)),
		MemoryTotalBytes: new(uint64(140 << 30)), SMClockMHz: new(1980.0), PowerWatts: new(s.us(600)), EnergyJoules: new(s.us(123456)),
		TemperatureCelsius: new(61.0), ThrottleReasons: []string{},
	}
}

// sample is the i-th, at ten a second.
func (s *session) sample(i int) profiler.Record {
	at := s.begin.Add(time.Duration(i)*100*time.Millisecond + time.Duration(s.rng.IntN(300_000)))
	if i%3 == 0 {
		s.nvml = s.reading(at)
	}
	sample := &profiler.Sample{
		State: profiler.StateRunning, AB: true, ABPairs: int(s.count / 8), StepsPerSecond: s.settled(2366, 7),
		NVML: s.nvml, ElapsedS: float64(i) / 10, CPUSeconds: float64(i) / 100, CPUPercent: s.us(10),
		Verdict: profiler.Verdict{Text: "deploy enable_es=(False, True): down 1.27x [1.26, 1.28]"},
		NVMLStats: &profiler.NVMLStats{
			SMUtilizationPercent: &profiler.Range{Median: s.settled(80, 4), Min: 60, Max: 90, Count: i},
			PowerWatts:           &profiler.Range{Median: s.settled(600, 5), Min: 500, Max: 700, Count: i},
		},
		Steps: profiler.StepStats{
			OffOff: s.stats(455, at), OnOff: s.stats(454, at), OffOn: s.stats(422, at), OnOn: s.stats(421, at), GapUS: s.stats(8, at),
			LaunchGapUS: s.stats(2, at), OnOffRatio: s.ratio(), OffOnRatio: s.ratio(), OnOnRatio: s.ratio(),
		},
	}
	s.count += 59
	for j, name := range []string{"route", "quant", "up", "act", "down", "combine"} {
		stage := profiler.StageStats{Name: name, Off: s.stats(float64(4+40*j), at), LastUS: new(s.us(10))}
		if name == "up" || name == "down" {
			stage.Switchable, stage.On, stage.Ratio = true, s.stats(150, at), s.ratio()
		}
		sample.Stages = append(sample.Stages, stage)
	}
	mask := 0
	for j := range profiler.MaxRecent {
		if j%5 == 0 { // A/B mode runs blocks.
			mask = s.rng.IntN(4)
		}
		s.steps += 4
		sample.Recent.Step = append(sample.Recent.Step, s.steps)
		sample.Recent.Mask = append(sample.Recent.Mask, mask)
		sample.Recent.StepUS = append(sample.Recent.StepUS, s.us(430))
	}
	return profiler.Record{Kind: profiler.KindSample, Time: at, Step: s.steps, Generation: 1, Sample: sample}
}

// stream is a whole run with so many samples.
func (s *session) stream(samples int) []profiler.Record {
	records := []profiler.Record{s.header(), s.workload()}
	for i := range samples {
		records = append(records, s.sample(i))
	}
	return append(records, s.summary(time.Duration(samples)*100*time.Millisecond))
}

func addAll(tb testing.TB, w *Writer, records []profiler.Record) {
	tb.Helper()
	for _, r := range records {
		if err := w.Add(r); err != nil {
			tb.Fatal(err)
		}
	}
}
