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
	Engine        string    `json:"engine"`
	EngineReason  string    `json:"engine_reason,omitempty"`
	Provider      string    `json:"provider"`
	Timer         string    `json:"timer"`
	TimerReason   string    `json:"timer_reason,omitempty"`
	Kernels       string    `json:"kernels"`
	ESLaunch      string    `json:"es_launch,omitempty"`
	L2            string    `json:"l2"`
	Workload      Workload  `json:"workload"`
	ES            ESMask    `json:"es"`
	AB            bool      `json:"ab"`
	Steps         uint64    `json:"steps"`
	Lost          uint64    `json:"lost_timings"`
	Generation    uint64    `json:"generation"`

	Stages  []StageStats `json:"stages"`
	Step    StepStats    `json:"step"`
	NVML    *NVMLStats   `json:"nvml"`
	Memory  Memory       `json:"memory"`
	Verdict Verdict      `json:"verdict"`

	WorkerCPUPercent float64   `json:"worker_cpu_percent"`
	Warnings         []Warning `json:"warnings"`
}
