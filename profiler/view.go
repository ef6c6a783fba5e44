package profiler

import "time"

// View is everything that a front may show: a fold over a stream's records. It is immutable once
// handed out; slices are never written again.
type View struct {
	Worker   WorkerState
	Header   *Header
	Workload *WorkloadRecord
	// Launches are those of a step with each mask; empty while they are not known.
	Launches [NumMasks][]Launch
	Sample   *Sample // newest; kept when the worker dies
	// Time, Step and Generation are those of the newest sample.
	Time       time.Time
	Step       uint64
	Generation uint64
	Started    time.Time

	History []HistoryPoint // oldest first, at most HistoryLength
	Marks   []Mark         // what happened, on the same time axis
	Log     []LogEntry     // warnings, refusals, failures: oldest first, bounded
	Failure *Failure
	Summary *Report
	// Playback is where a recording is played; nil for a run.
	Playback *Playback
}

// Playback is where a recording is.
type Playback struct {
	At, Length time.Duration // since the beginning
	Speed      float64       // 1 is as fast as it was recorded
	Paused     bool
	Ended      bool
}

// Share is the part of the recording that has passed, from 0 to 1.
func (p *Playback) Share() float64 {
	if p.Length <= 0 {
		return 0
	}
	return min(max(float64(p.At)/float64(p.Length), 0), 1)
}

// HistoryLength is how many points a view keeps: two minutes at ten a second.
const HistoryLength = 1200

// HistoryPoint is one sample's contribution to the time axis. NaN stands for "no value".
type HistoryPoint struct {
	Time                 time.Time
	StepUS               float64 // median of the sample's steps
	SMUtilizationPercent float64
	SMOccupancyPercent   float64
	TensorPercent        float64
	DRAMPercent          float64
	PowerWatts           float64
}

// Mark is something that happened: a toggle, A/B mode, a new workload.
type Mark struct {
	Time time.Time
	Text string // short: "u on", "A/B", "512 tok"
}

// LogEntry is a line of the log.
type LogEntry struct {
	Time time.Time
	Code string
	Text string
}

// WorkerState is how the process behind a view fares.
type WorkerState struct {
	Phase  WorkerPhase
	Cause  string        // of Ended with a failure: signal, exit status, last words
	Silent time.Duration // since the last record, when that is too long
}

// WorkerPhase names a phase of the worker's life.
type WorkerPhase int

// The phases.
const (
	WorkerStarting WorkerPhase = iota
	WorkerRunning
	WorkerSilent // no heartbeat for SilentAfter
	WorkerEnded  // in good order
	WorkerDied   // not
	// WorkerResting has ended in good order to make room; another one takes its place when there is.
	WorkerResting
)

// Heartbeat limits: a worker silent for SilentAfter and the time between its samples is shown as such, and
// ended likewise after KillAfter.
const (
	SilentAfter = 5 * time.Second
	KillAfter   = 30 * time.Second
)

// Interval is the time between samples, 0 before a header.
func (h *Header) Interval() time.Duration {
	if h == nil {
		return 0
	}
	return time.Duration(h.IntervalMS) * time.Millisecond
}
