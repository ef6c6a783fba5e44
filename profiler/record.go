package profiler

import "time"

// Record is one line of the stream. Kind says which one of the pointers is set.
type Record struct {
	Kind       RecordKind `json:"record"`
	Time       time.Time  `json:"time"`
	Step       uint64     `json:"step"`       // steps launched and finished so far
	Generation uint64     `json:"generation"` // statistics belong to one generation

	Header   *Header         `json:"header,omitempty"`
	Workload *WorkloadRecord `json:"workload,omitempty"`
	Launches *LaunchesRecord `json:"launches,omitempty"`
	Sample   *Sample         `json:"sample,omitempty"`
	Toggle   *Toggle         `json:"toggle,omitempty"`
	Ack      *Ack            `json:"ack,omitempty"`
	Warning  *Warning        `json:"warning,omitempty"`
	Failure  *Failure        `json:"failure,omitempty"`
	Summary  *Report         `json:"summary,omitempty"`
}

// RecordKind names a kind of record.
type RecordKind string

// The kinds. A stream is header, then anything, and ends with summary or failure.
const (
	KindHeader   RecordKind = "header"   // first: who runs what where
	KindWorkload RecordKind = "workload" // an engine is ready (again): new generation
	KindLaunches RecordKind = "launches" // the kernel launches of a step with one mask
	KindSample   RecordKind = "sample"   // the state of the session, every interval; the heartbeat too
	KindToggle   RecordKind = "toggle"   // the first step with another ES mask has run
	KindAck      RecordKind = "ack"      // a control line was taken, or refused
	KindWarning  RecordKind = "warning"
	KindFailure  RecordKind = "failure" // the session cannot go on; last
	KindSummary  RecordKind = "summary" // the report; last
)

// Header says who runs what where. It does not change in a session.
type Header struct {
	SchemaVersion string   `json:"schema_version"`
	Version       string   `json:"version"` // of moetop
	Command       []string `json:"command"` // argv that repeats the run
	Seed          uint64   `json:"seed"`
	Host          Host     `json:"host"`
	PID           int      `json:"pid"` // of the worker
	IntervalMS    int      `json:"interval_ms"`
	WarmupSteps   int      `json:"warmup_steps"`
}

// Host is the machine that the worker runs on.
type Host struct {
	Name string `json:"name"`
	OS   string `json:"os"`   // such as linux
	Arch string `json:"arch"` // such as amd64
	CPUs int    `json:"cpus"`
}

// WorkloadRecord says what a generation's engine runs.
type WorkloadRecord struct {
	Workload Workload `json:"workload"`
	// Engine is "cuda" or "cpu"; EngineReason says why "auto" did not take CUDA, else empty.
	Engine       string `json:"engine"`
	EngineReason string `json:"engine_reason,omitempty"`
	Provider     string `json:"provider"`
	Kernels      string `json:"kernels"` // the family that runs
	KernelChoice
	Timer       string `json:"timer"`
	TimerReason string `json:"timer_reason,omitempty"`
	ESLaunch    string `json:"es_launch,omitempty"`
	L2          string `json:"l2"` // hot: steps follow each other without a flush
	// DutyPercent is the share of the time that the device was to be kept busy.
	DutyPercent float64 `json:"duty_percent"`
	GPU         *Device `json:"gpu"`
	// Ceilings is null on the CPU and where they could not be measured.
	Ceilings *Ceilings `json:"ceilings"`
	Memory   Memory    `json:"memory"`
	// ExpertRows are the rows of each expert, averaged over the ring of routings.
	ExpertRows []float64 `json:"expert_rows"`
	RingLength int       `json:"ring_length"`
	Load       Load      `json:"load"`
	// TileClasses is null if the kernels' tiles are not known.
	TileClasses *TileClasses `json:"tile_classes"`
	// Work is what a step asks of each stage, on the mean of the ring.
	Work []StageWork `json:"work"`
}

// State is what the session does.
type State string

// The states of a session.
const (
	StateBuilding State = "building" // weights are made, graphs captured
	StateWarmup   State = "warmup"   // steps run, statistics are not yet kept
	StateRunning  State = "running"
	StatePaused   State = "paused"
	StateEnded    State = "ended"
)

// Sample is the whole state of a session at one moment; a report can be made from the newest one.
type Sample struct {
	State State `json:"state"`
	// ES is the mask of the newest finished step; PendingES is set from a toggle until its first step
	// has run.
	ES        ESMask  `json:"es"`
	PendingES *ESMask `json:"pending_es"`
	AB        bool    `json:"ab"`
	AA        bool    `json:"aa"`       // A/B mode is a test of itself: all blocks run the same mask
	ABPairs   int     `json:"ab_pairs"` // interleaved cycles measured so far
	// EndedBy is why the session ended or is about to.
	EndedBy EndCause `json:"ended_by,omitempty"`
	// StalledMS is how long no step has finished although some should: a hung GPU.
	StalledMS      int64   `json:"stalled_ms"`
	StepsPerSecond float64 `json:"steps_per_s"`        // since the sample before
	Progress       string  `json:"progress,omitempty"` // while building: what is being done

	Stages []StageStats `json:"stages"` // all six, in order; empty while building
	Steps  StepStats    `json:"step"`
	// Recent holds the steps since the sample before, thinned to at most MaxRecent.
	Recent Recent `json:"recent"`

	// Cycles are the newest cycles of A/B mode that were not told before, at most 64.
	Cycles []Cycle `json:"cycles"`

	NVML *Reading `json:"nvml"`
	// NVMLMask is the mask that the reading's whole GPM window ran with; null if it spans a toggle.
	NVMLMask  *ESMask    `json:"nvml_es"`
	NVMLStats *NVMLStats `json:"nvml_stats"`

	Verdict Verdict `json:"verdict"`
	Lost    uint64  `json:"lost_timings"`
	// Dropped counts the samples of this stream that its reader was too slow for, up to this one. The
	// writer sets it. The measurements that they showed are in the statistics all the same.
	Dropped uint64 `json:"dropped_samples"`
	// ElapsedS is the time since the first measured step of the session, in seconds, and CPUSeconds
	// the CPU time that the worker has used since then.
	ElapsedS   float64 `json:"elapsed_s"`
	CPUSeconds float64 `json:"worker_cpu_s"`
	// CPUPercent is the worker's own CPU time, in percent of one core, since the sample before.
	CPUPercent float64 `json:"worker_cpu_percent"`
}

// StageStats is one stage with ES off and on. A stage without a switch has all its steps in Off.
type StageStats struct {
	Name       string   `json:"name"`
	Switchable bool     `json:"switchable"`
	LastUS     *float64 `json:"last_us"`
	Off        *Summary `json:"off"`
	On         *Summary `json:"on"`
	// Ratio is off/on, above 1 if ES is faster; only from interleaved measurement (A/B mode).
	Ratio *Ratio `json:"ratio"`
	// AttainablePercent is the attainable time over the median of what runs, in A/B mode of the side to
	// deploy (off until that is known); null without the device's ceilings.
	AttainablePercent *float64 `json:"attainable_percent"`
}

// StepStats are whole steps, by mask. The names say up_down.
type StepStats struct {
	OffOff      *Summary `json:"off_off"`
	OnOff       *Summary `json:"on_off"`
	OffOn       *Summary `json:"off_on"`
	OnOn        *Summary `json:"on_on"`
	GapUS       *Summary `json:"gap_us"`        // idle between the stages of a step
	LaunchGapUS *Summary `json:"launch_gap_us"` // idle between two steps
	// Ratios are off_off/mask, above 1 if the mask is faster; only from A/B mode.
	OnOffRatio *Ratio `json:"on_off_ratio"`
	OffOnRatio *Ratio `json:"off_on_ratio"`
	OnOnRatio  *Ratio `json:"on_on_ratio"`
	// AttainablePercent is that of the whole layer: all stages at their best, without gaps, over the
	// median of the mask that runs, in A/B mode of the one to deploy.
	AttainablePercent *float64 `json:"attainable_percent"`
}

// Mask returns the summary of the mask.
func (s *StepStats) Mask(m ESMask) *Summary {
	return [NumMasks]*Summary{s.OffOff, s.OnOff, s.OffOn, s.OnOn}[m]
}

// Summary is a distribution of times in microseconds.
type Summary struct {
	Count    int64   `json:"count"`
	LastUS   float64 `json:"last_us"`
	MeanUS   float64 `json:"mean_us"`
	MinUS    float64 `json:"min_us"`
	MedianUS float64 `json:"median_us"`
	P90US    float64 `json:"p90_us"`
	P99US    float64 `json:"p99_us"`
	MaxUS    float64 `json:"max_us"`
	// MeasuredAt is the time of the newest value; Live is false if that side is not running now, and
	// the figures are those of its last run with this workload.
	MeasuredAt time.Time `json:"measured_at"`
	Live       bool      `json:"live"`
	// BlockUS are consecutive parts of the run, oldest first; only in a report that asked for them.
	BlockUS []float64 `json:"block_us,omitempty"`
}

// Ratio compares two sides measured interleaved.
type Ratio struct {
	Value  float64 `json:"value"`
	Low    float64 `json:"low"` // 95% interval
	High   float64 `json:"high"`
	PValue float64 `json:"p_value"` // Mann-Whitney
	Pairs  int     `json:"pairs"`
	// OffConditions and OnConditions are what the GPU did while each side ran; nil if unknown.
	OffConditions *SideConditions `json:"off_conditions"`
	OnConditions  *SideConditions `json:"on_conditions"`
}

// SideConditions are medians of the readings that were taken while one side of a comparison ran; where
// a side has several masks, the mean of their medians.
type SideConditions struct {
	Readings   int      `json:"readings"`
	SMClockMHz *float64 `json:"sm_clock_mhz"`
	PowerWatts *float64 `json:"power_watts"`
	// ThrottleReasons are all that were seen; nil if unknown.
	ThrottleReasons []string `json:"throttle_reasons"`
}

// Cycle is one interleaved cycle of A/B mode: what it says alone, and the reading nearest to it.
type Cycle struct {
	Cycle      uint64    `json:"cycle"` // counts up within a workload
	Step       uint64    `json:"step"`  // its first
	Time       time.Time `json:"time"`  // its middle
	UpRatio    float64   `json:"up_ratio"`
	DownRatio  float64   `json:"down_ratio"`
	LayerRatio float64   `json:"layer_ratio"` // off_off / on_on
	// These are nil if no reading was taken near the cycle.
	SMClockMHz        *float64 `json:"sm_clock_mhz"`
	PowerWatts        *float64 `json:"power_watts"`
	ThrottleReasons   []string `json:"throttle_reasons"`
	ReadingDistanceMS *float64 `json:"reading_distance_ms"` // from the cycle's middle
}

// Significant reports whether the interval keeps clear of 1.
func (r Ratio) Significant() bool { return r.Low > 1 || r.High < 1 }

// MaxRecent is the most steps that one sample carries.
const MaxRecent = 64

// Recent are raw steps as parallel arrays.
type Recent struct {
	Step   []uint64  `json:"step"`
	Mask   []int     `json:"mask"` // bit 0 up, bit 1 down
	StepUS []float64 `json:"step_us"`
	// StartUS, on the device's clock since the engine's first step, and StageUS, the six stages of each
	// step, are there only if the session was asked for them.
	StartUS []float64   `json:"start_us,omitempty"`
	StageUS [][]float64 `json:"stage_us,omitempty"`
}

// Range is the median and the extremes of what was read.
type Range struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Count  int     `json:"count"`
}

// NVMLStats summarizes the readings since the generation's workload began, all masks together, null
// where nothing could be read.
type NVMLStats struct {
	SMUtilizationPercent *Range  `json:"sm_utilization_percent"`
	SMOccupancyPercent   *Range  `json:"sm_occupancy_percent"`
	TensorPercent        *Range  `json:"tensor_percent"`
	DRAMPercent          *Range  `json:"dram_bandwidth_percent"`
	KernelActivePercent  *Range  `json:"kernel_active_percent"`
	PowerWatts           *Range  `json:"power_watts"`
	SMClockMHz           *Range  `json:"sm_clock_mhz"`
	TemperatureCelsius   *Range  `json:"temperature_celsius"`
	MemoryUsedBytes      *uint64 `json:"memory_used_bytes"` // newest
	MemoryFreeBytes      *uint64 `json:"memory_free_bytes"`
	MemoryReservedBytes  *uint64 `json:"memory_reserved_bytes"`
	MemoryTotalBytes     *uint64 `json:"memory_total_bytes"`
	MemoryProcessBytes   *uint64 `json:"memory_process_bytes"`
	// ThrottleReasons are all that were seen.
	ThrottleReasons []string `json:"throttle_reasons"`
	// EnergyJoulesPerToken is what the whole GPU took, idle gaps included, by EnergySource: its own
	// counter, or mean power. Both are nil if unknown.
	EnergyJoulesPerToken *float64 `json:"energy_joules_per_token"`
	EnergySource         *string  `json:"energy_source"`
	// ByES holds the readings that were taken while one mask ran alone, by its name (off, up, ...).
	ByES map[string]*MaskNVML `json:"by_es"`
}

// MaskNVML are the readings of one mask.
type MaskNVML struct {
	SMUtilizationPercent *Range `json:"sm_utilization_percent"`
	SMOccupancyPercent   *Range `json:"sm_occupancy_percent"`
	TensorPercent        *Range `json:"tensor_percent"`
	DRAMPercent          *Range `json:"dram_bandwidth_percent"`
	SMClockMHz           *Range `json:"sm_clock_mhz"`
	PowerWatts           *Range `json:"power_watts"`

	EnergyJoulesPerToken *float64 `json:"energy_joules_per_token"`
}

// Verdict is what to deploy.
type Verdict struct {
	// EnableES is the tuple (up, down); nil while it is not known.
	EnableES *[2]bool `json:"enable_es"`
	Text     string   `json:"text"`
	// Up and Down say what ES does to these stages, and Layer what EnableES does to the whole layer;
	// nil where nothing was compared, or where nothing is to be switched on.
	Up    *Outcome `json:"up"`
	Down  *Outcome `json:"down"`
	Layer *Outcome `json:"layer"`
	// Settled says that more cycles would not change what to do.
	Settled bool `json:"settled"`
}

// EndCause says why a session ended.
type EndCause string

// The causes. A session that failed has none.
const (
	EndDuration    EndCause = "duration"
	EndMaxDuration EndCause = "max_duration" // the verdict did not settle in time
	EndSteps       EndCause = "steps"
	EndSettled     EndCause = "settled" // the verdict did
	EndStopped     EndCause = "stopped" // by a command
	EndInterrupted EndCause = "interrupted"
)

// Toggle marks the first step that ran with another mask. Record.Step is that step's number.
type Toggle struct {
	From ESMask `json:"from"`
	To   ESMask `json:"to"`
	// RequestedStep is the number of steps launched when the request came.
	RequestedStep uint64 `json:"requested_step"`
}

// Ack answers a control line. Step says from which step on it holds.
type Ack struct {
	ID    string `json:"id,omitempty"` // as in the command
	OK    bool   `json:"ok"`
	Field string `json:"field,omitempty"` // refused: which field
	Error string `json:"error,omitempty"` // refused: why, and what is allowed
}

// Warning is for the log.
type Warning struct {
	Code string `json:"code"` // a short word: nvml, timer, engine, lost, ...
	Text string `json:"text"`
}

// Failure ends a stream.
type Failure struct {
	// ExitCode is the process exit code that fits: 1 failure, 2 usage, 3 no usable GPU.
	ExitCode int    `json:"exit_code"`
	Text     string `json:"text"`
}
