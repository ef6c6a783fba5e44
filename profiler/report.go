package profiler

import "time"

// Report is the outcome of a run: what --json prints.
type Report struct {
	SchemaVersion string    `json:"schema_version"`
	Partial       bool      `json:"partial"` // interrupted, or the worker died
	Version       string    `json:"version"`
	Time          time.Time `json:"time"` // of the newest measurement
	DurationS     float64   `json:"duration_s"`
	Command       []string  `json:"command"`
	Seed          uint64    `json:"seed"`
	Host          Host      `json:"host"`
	GPU           *Device   `json:"gpu"`
	Ceilings      *Ceilings `json:"ceilings"` // of the GPU; nil if they are not known
	Engine        string    `json:"engine"`
	EngineReason  string    `json:"engine_reason,omitempty"`
	Provider      string    `json:"provider"`
	Timer         string    `json:"timer"`
	TimerReason   string    `json:"timer_reason,omitempty"`
	Kernels       string    `json:"kernels"`
	KernelChoice
	ESLaunch    string   `json:"es_launch,omitempty"`
	L2          string   `json:"l2"`
	DutyPercent *float64 `json:"duty_percent"` // nil if the stream does not tell
	Workload    Workload `json:"workload"`
	ES          ESMask   `json:"es"`
	AB          bool     `json:"ab"`
	AA          bool     `json:"aa"` // a test of A/B mode: both sides were the same
	EndedBy     EndCause `json:"ended_by,omitempty"`
	Steps       uint64   `json:"steps"`
	Lost        uint64   `json:"lost_timings"`
	Generation  uint64   `json:"generation"`

	Stages []StageStats `json:"stages"`
	Step   StepStats    `json:"step"`
	NVML   *NVMLStats   `json:"nvml"`
	Memory Memory       `json:"memory"`
	Load   *Load        `json:"load"` // null while no engine is known, as are the next two
	// TileClasses is null, too, if the kernels' tiles are not known.
	TileClasses *TileClasses `json:"tile_classes"`
	Work        []StageWork  `json:"work"`
	Verdict     Verdict      `json:"verdict"`

	// WorkerCPUPercent is the worker's CPU time over the whole of DurationS, in percent of one core.
	WorkerCPUPercent float64   `json:"worker_cpu_percent"`
	Warnings         []Warning `json:"warnings"`
}

// BuildReport makes a report from the parts of a stream: the header, the newest workload record, the
// record of the newest sample, and the warnings. Each of them may be missing (nil, or a Record
// without a sample), as when a worker died early; what they would have said is then empty or null.
func BuildReport(h *Header, w *WorkloadRecord, s Record, warnings []Warning, partial bool) *Report {
	report := &Report{
		SchemaVersion: SchemaVersion,
		Partial:       partial,
		Time:          s.Time,
		Command:       []string{},
		Steps:         s.Step,
		Generation:    s.Generation,
		Warnings:      append([]Warning{}, warnings...),
	}
	if h != nil {
		report.Version, report.Seed, report.Host = h.Version, h.Seed, h.Host
		report.Command = append(report.Command, h.Command...)
	}
	if w != nil {
		report.GPU, report.Ceilings = w.GPU, w.Ceilings
		report.Engine, report.EngineReason = w.Engine, w.EngineReason
		report.Provider, report.Timer, report.TimerReason = w.Provider, w.Timer, w.TimerReason
		report.Kernels, report.ESLaunch, report.L2 = w.Kernels, w.ESLaunch, w.L2
		report.KernelChoice = w.KernelChoice
		report.Workload, report.Memory = w.Workload, w.Memory
		report.Load, report.TileClasses, report.Work = &w.Load, w.TileClasses, w.Work
		if w.DutyPercent > 0 {
			report.DutyPercent = &w.DutyPercent
		}
	}
	if sample := s.Sample; sample != nil {
		report.ES, report.AB, report.Lost = sample.ES, sample.AB, sample.Lost
		report.AA, report.EndedBy = sample.AA, sample.EndedBy
		report.Stages, report.Step = sample.Stages, sample.Steps
		report.NVML, report.Verdict = sample.NVMLStats, sample.Verdict
		report.DurationS = sample.ElapsedS
		if sample.ElapsedS > 0 {
			report.WorkerCPUPercent = 100 * sample.CPUSeconds / sample.ElapsedS
		}
	} else {
		report.Verdict = Verdict{Text: "no verdict: nothing was measured"}
	}
	if len(report.Stages) == 0 {
		report.Stages = new(recorder).stages()
	}
	return report
}

// Report makes a report of what a view holds, for a run that ended without one of its own. The
// entries of the log become its warnings, but for refused commands, which are the user's business.
func (v *View) Report(partial bool) *Report {
	warnings := make([]Warning, 0, len(v.Log))
	for _, entry := range v.Log {
		if !entry.Refusal() && !entry.Notice() {
			warnings = append(warnings, Warning{Code: entry.Code, Text: entry.Text})
		}
	}
	newest := Record{Kind: KindSample, Time: v.Time, Step: v.Step, Generation: v.Generation, Sample: v.Sample}
	return BuildReport(v.Header, v.Workload, newest, warnings, partial)
}
