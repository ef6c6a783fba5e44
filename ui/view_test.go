package ui

import (
	"math"
	"time"

	"github.com/moetop/moetop/profiler"
)

// The views of the tests: literal figures at a fixed time.

func testTime() time.Time { return time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC) }

func summary(median float64, age time.Duration) *profiler.Summary {
	return &profiler.Summary{
		Count: 1240, LastUS: median * 1.004, MeanUS: median * 1.01, MinUS: median * 0.97, MedianUS: median,
		P90US: median * 1.03, P99US: median * 1.08, MaxUS: median * 1.3,
		MeasuredAt: testTime().Add(-age), Live: age == 0,
	}
}

func ratio(value, low, high float64) *profiler.Ratio {
	p := 0.0001
	if low < 1 && high > 1 {
		p = 0.31
	}
	return &profiler.Ratio{Value: value, Low: low, High: high, PValue: p, Pairs: 1240}
}

func stage(name string, off *profiler.Summary) profiler.StageStats {
	return profiler.StageStats{Name: name, LastUS: last(off), Off: off}
}

// cudaView is A/B mode on a GPU with a verdict: ES pays for down only.
func cudaView() *profiler.View {
	gpu := &profiler.Device{Name: "NVIDIA H200", UUID: "GPU-0", SMs: 132, CUDA: "13.0", L2Bytes: 52428800}
	view := &profiler.View{
		Worker: profiler.WorkerState{Phase: profiler.WorkerRunning},
		Time:   testTime(), Step: 143250, Generation: 7, Started: testTime().Add(-90 * time.Second),
		Workload: &profiler.WorkloadRecord{
			Workload: profiler.Workload{
				Model: "dsv3", Experts: 256, TopK: 8, Hidden: 7168, Intermediate: 256, TP: 8, EP: 1, Tokens: 128,
				Routing: profiler.Routing{Kind: profiler.Uniform}, Seed: 1,
			},
			Engine: "cuda", Provider: "libmoetop", Kernels: "cutlass", Timer: "cupti", ESLaunch: "pdl", L2: "hot",
			GPU: gpu, Memory: profiler.Memory{WeightsBytes: 1503238553, ActivationsBytes: 107374182, WorkspaceBytes: 53687091},
			ExpertRows: expertRows(256), RingLength: 8,
			Load:        profiler.Load{ActiveExperts: 251.3, MaxOverMean: 2.75, Variation: 0.49, Gini: 0.27},
			TileClasses: cutlassClasses(), Work: stageWork(), Ceilings: ceilings(),
		},
		Sample: &profiler.Sample{
			State: profiler.StateRunning, ES: profiler.ESDown, AB: true, ABPairs: 1240, StepsPerSecond: 2366.4,
			NVML: reading(), CPUPercent: 3.4,
		},
	}
	up := stage("up", summary(227.4, 0))
	up.Switchable, up.On, up.Ratio = true, summary(230.9, 0), ratio(0.985, 0.97, 0.99)
	down := stage("down", summary(186.9, 0))
	down.Switchable, down.On, down.Ratio = true, summary(147.4, 0), ratio(1.268, 1.26, 1.28)
	view.Sample.Stages = []profiler.StageStats{
		stage("route", summary(4.2, 0)), stage("quant", summary(5.1, 0)), up,
		stage("act", summary(4.9, 0)), down, stage("combine", summary(11.0, 0)),
	}
	view.Sample.Steps = profiler.StepStats{
		OffOff: summary(454.9, 0), OnOff: summary(459.6, 0), OffOn: summary(422.5, 0), OnOn: summary(424.1, 0),
		GapUS: summary(8.1, 0), LaunchGapUS: summary(1.7, 0),
		OnOffRatio: ratio(0.99, 0.985, 0.994), OffOnRatio: ratio(1.077, 1.07, 1.083), OnOnRatio: ratio(1.07, 1.06, 1.08),
	}
	view.Sample.Verdict = profiler.Verdict{
		EnableES: &[2]bool{false, true},
		Text:     "deploy enable_es=(False, True): down 1.27x [1.26, 1.28], up 0.98x [0.97, 0.99]: leave it off",
	}
	for i, w := range view.Workload.Work {
		s := &view.Sample.Stages[i]
		shown := s.Off
		if s.Name == "down" { // as the verdict has it
			shown = s.On
		}
		s.AttainablePercent = new(100 * *w.AttainableUS / shown.MedianUS)
	}
	view.Header = &profiler.Header{SchemaVersion: profiler.SchemaVersion, Command: []string{"moetop"}}
	view.Launches = cutlassLaunches()
	view.History = history(true)
	view.Marks = []profiler.Mark{
		{Time: testTime().Add(-41 * time.Second), Text: "d on"},
		{Time: testTime().Add(-12 * time.Second), Text: "A/B"},
	}
	return view
}

func expertRows(n int) []float64 {
	rows := make([]float64, n)
	for i := range rows {
		rows[i] = 4 + 2.5*math.Sin(float64(i)*1.7) + float64(i%5)*0.3
	}
	return rows
}

func reading() *profiler.Reading {
	return &profiler.Reading{
		Time:                 testTime(),
		SMUtilizationPercent: new(93.2), SMOccupancyPercent: new(41.0), TensorPercent: new(14.2), DRAMPercent: new(81.4),
		KernelActivePercent: new(100.0),
		MemoryUsedBytes:     new(uint64(6_700_000_000)), MemoryFreeBytes: new(uint64(143_400_000_000)),
		MemoryReservedBytes: new(uint64(600_000_000)), MemoryTotalBytes: new(uint64(150_754_820_096)),
		SMClockMHz: new(1980.0), MemoryClockMHz: new(3201.0), PowerWatts: new(612.0), PowerLimitWatts: new(700.0),
		TemperatureCelsius: new(61.0), ThrottleReasons: []string{},
	}
}

// history is a minute at ten points a second: a toggle 41 s ago, A/B mode from 12 s ago.
func history(withGPU bool) []profiler.HistoryPoint {
	var list []profiler.HistoryPoint
	for i := range 600 {
		age := time.Duration(600-i) * 100 * time.Millisecond
		noise := math.Sin(float64(i)*0.9) * 1.5
		step, util := 454.9, 88.0
		switch {
		case age < 12*time.Second:
			step, util = 440, 90
			noise *= 4
		case age < 41*time.Second:
			step, util = 422.5, 93
		}
		p := profiler.HistoryPoint{
			Time: testTime().Add(-age), StepUS: step + noise, SMUtilizationPercent: util + noise,
			SMOccupancyPercent: 41 + noise, TensorPercent: 14 + noise, DRAMPercent: 81 + noise, PowerWatts: 612,
		}
		if !withGPU {
			nan := math.NaN()
			p.SMUtilizationPercent, p.SMOccupancyPercent, p.TensorPercent, p.DRAMPercent, p.PowerWatts = nan, nan, nan, nan, nan
		}
		list = append(list, p)
	}
	return list
}

// manualView is outside A/B mode: down runs with ES, its off side was measured 12 s ago, and the other
// side of up never was.
func manualView() *profiler.View {
	v := cudaView()
	s := v.Sample
	s.AB, s.ABPairs = false, 0
	for i := range s.Stages {
		s.Stages[i].Ratio = nil
	}
	s.Stages[2].On = nil
	s.Stages[4].Off = summary(186.9, 12*time.Second)
	s.Steps = profiler.StepStats{
		OffOff: summary(454.9, 12*time.Second), OffOn: summary(422.5, 0),
		GapUS: summary(8.1, 0), LaunchGapUS: summary(1.7, 0),
	}
	s.Verdict = profiler.Verdict{
		Text: "no verdict: off and on are not measured side by side; switch A/B mode on (key a, or --ab)",
	}
	v.Marks = v.Marks[:1]
	return v
}

func pendingView() *profiler.View {
	v := manualView()
	v.Sample.PendingES = new(profiler.ESBoth)
	return v
}

// cpuView is the reference engine, without any reading of a GPU.
func cpuView() *profiler.View {
	v := manualView()
	v.Workload.Workload = profiler.Workload{
		Model: "tiny", Experts: 16, TopK: 2, Hidden: 256, Intermediate: 128, TP: 1, EP: 1, Tokens: 32,
		Routing: profiler.Routing{Kind: profiler.Zipf, Exponent: 1}, Seed: 1,
	}
	w := v.Workload
	w.Engine, w.EngineReason = "cpu", "No CUDA: libmoetop.so was not found."
	w.Kernels, w.Timer, w.ESLaunch, w.L2, w.GPU = "reference", "cpu", "", "", nil
	w.Memory = profiler.Memory{WeightsBytes: 1_600_000, ActivationsBytes: 300_000, WorkspaceBytes: 40_000}
	w.ExpertRows, w.Load = expertRows(16), profiler.Load{ActiveExperts: 14.1, MaxOverMean: 3.2, Variation: 0.9, Gini: 0.45}
	w.TileClasses, v.Launches = cpuClasses(), cpuLaunches()
	w.Ceilings = nil
	for i := range w.Work {
		w.Work[i].AttainableUS = nil
	}
	s := v.Sample
	s.NVML, s.StepsPerSecond, s.CPUPercent = nil, 31.4, 97
	scale := 71.0
	for i := range s.Stages {
		st := &s.Stages[i]
		st.Off, st.On = scaled(st.Off, scale), scaled(st.On, scale)
		st.LastUS, st.AttainablePercent = last(st.Off), nil
	}
	s.Steps = profiler.StepStats{
		OffOff: scaled(s.Steps.OffOff, scale), OffOn: scaled(s.Steps.OffOn, scale), GapUS: scaled(s.Steps.GapUS, 0.1),
	}
	v.History = history(false)
	for i := range v.History {
		v.History[i].StepUS *= scale
	}
	return v
}

func scaled(s *profiler.Summary, by float64) *profiler.Summary {
	if s == nil {
		return nil
	}
	c := *s
	for _, f := range []*float64{&c.LastUS, &c.MeanUS, &c.MinUS, &c.MedianUS, &c.P90US, &c.P99US, &c.MaxUS} {
		*f *= by
	}
	return &c
}

func buildingView() *profiler.View {
	v := cudaView()
	v.Sample = &profiler.Sample{State: profiler.StateBuilding, Progress: "making the weights of 256 experts"}
	v.History, v.Marks = nil, nil
	return v
}

func diedView() *profiler.View {
	v := cudaView()
	v.Worker = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: "segmentation fault (SIGSEGV)"}
	v.Log = logEntries()
	return v
}

func logEntries() []profiler.LogEntry {
	return []profiler.LogEntry{
		{Time: testTime().Add(-80 * time.Second), Code: "timer", Text: "CUPTI cannot be used: libcupti.so.13 was not found; CUDA events are used, which cost 5% of a step"},
		{Time: testTime().Add(-30 * time.Second), Code: "refused", Text: "tokens: 524288 is not allowed: 1 to 32768 with top-k 8"},
		{Time: testTime(), Code: "worker", Text: "the worker ended: segmentation fault (SIGSEGV)"},
	}
}

func silentView() *profiler.View {
	v := cudaView()
	v.Worker = profiler.WorkerState{Phase: profiler.WorkerSilent, Silent: 7 * time.Second}
	return v
}

func stalledView() *profiler.View {
	v := manualView()
	v.Sample.StalledMS = 7300
	return v
}

func withoutNVML() *profiler.View {
	v := manualView()
	v.Sample.NVML = nil
	v.Log = []profiler.LogEntry{{Time: testTime().Add(-time.Minute), Code: "nvml", Text: "no GPU instruments: nvml: connecting has not answered for 5s"}}
	v.History = history(false)
	return v
}

// partialNVML is a GPU without GPM, whose readings are stale besides.
func partialNVML() *profiler.View {
	v := manualView()
	r := reading()
	r.SMUtilizationPercent, r.SMOccupancyPercent, r.TensorPercent, r.DRAMPercent = nil, nil, nil, nil
	r.MemoryReservedBytes, r.MemoryUsedBytes, r.ThrottleReasons = nil, nil, nil
	r.Time, r.Stale = testTime().Add(-4*time.Second), true
	v.Sample.NVML = r
	return v
}

func throttledView() *profiler.View {
	v := cudaView()
	v.Sample.NVML.ThrottleReasons = []string{"power cap", "thermal"}
	v.Sample.Lost = 12
	v.Workload.TimerReason = "libcupti.so.13 was not found"
	v.Workload.Timer = "events"
	return v
}

func testModels() []ModelChoice {
	return []ModelChoice{
		{"dsv3-tp8", "DeepSeek-V3 tp8"},
		{"kimi-k2-tp8", "Kimi-K2 tp8"},
		{"qwen3-30b", "Qwen3-30B-A3B"},
		{"tiny", "tiny, for the CPU engine"},
	}
}
