package profiler

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Bounds of what a view keeps besides its history.
const (
	maxMarks = 256
	maxLog   = 200
)

// Codes of log entries that do not come from warnings.
const (
	logRefused = "refused"
	logFailure = "failure"
	logKernels = "kernels" // what auto found
	// logMeasured tells of ceilings that this worker has measured.
	logMeasured = "measured"
)

// Fold turns a stream into views. It is not safe for use by several goroutines; the views are.
type Fold struct {
	view View
	// history and marks only ever grow at their end, so that views may share them; when one is full,
	// what is still wanted moves to a new array.
	history []HistoryPoint
	marks   []Mark
	log     []LogEntry
}

// NewFold returns a Fold for a stream that is about to start.
func NewFold() *Fold { return &Fold{} }

// Apply takes the next record. The record must not be changed afterwards.
func (f *Fold) Apply(r Record) {
	if f.view.Started.IsZero() {
		f.view.Started = r.Time
	}
	switch r.Kind {
	case KindHeader:
		f.view.Header = r.Header
	case KindWorkload:
		f.applyWorkload(r)
	case KindLaunches:
		f.view.Launches[r.Launches.ES] = r.Launches.Launches
	case KindSample:
		f.applySample(r)
	case KindToggle:
		f.mark(r.Time, toggleText(r.Toggle.From, r.Toggle.To))
	case KindAck:
		if !r.Ack.OK {
			f.Log(LogEntry{Time: r.Time, Code: logRefused, Text: r.Ack.Error})
		}
	case KindWarning:
		f.Log(LogEntry{Time: r.Time, Code: r.Warning.Code, Text: r.Warning.Text})
	case KindFailure:
		f.view.Failure = r.Failure
		f.Log(LogEntry{Time: r.Time, Code: logFailure, Text: r.Failure.Text})
	case KindSummary:
		f.view.Summary = r.Summary
	}
}

// SetWorker says how the process behind the stream fares.
func (f *Fold) SetWorker(state WorkerState) { f.view.Worker = state }

// Log adds an entry to the log; the oldest one goes when it is full.
func (f *Fold) Log(entry LogEntry) { f.log = appendShared(f.log, entry, maxLog) }

// View returns what was folded so far. Neither Apply nor anything else changes it afterwards.
func (f *Fold) View() *View {
	view := f.view
	view.History = newest(f.history, HistoryLength)
	view.Log = newest(f.log, maxLog)
	view.Marks = newest(f.marks, maxMarks)
	if len(view.History) > 0 {
		first := view.History[0].Time
		old, _ := slices.BinarySearchFunc(view.Marks, first, func(m Mark, t time.Time) int { return m.Time.Compare(t) })
		view.Marks = view.Marks[old:]
	}
	return &view
}

// appendShared appends to a slice whose elements may be in use by views. It keeps at least the
// newest keep elements, and room for as many, so that a copy is rare.
func appendShared[T any](all []T, value T, keep int) []T {
	if len(all) == cap(all) {
		kept := newest(all, keep)
		grown := make([]T, len(kept), 2*len(kept)+16)
		copy(grown, kept)
		all = grown
	}
	return append(all, value)
}

// newest returns the last elements, without room to append into.
func newest[T any](all []T, keep int) []T {
	return all[max(0, len(all)-keep):len(all):len(all)]
}

func (f *Fold) mark(at time.Time, text string) {
	f.marks = appendShared(f.marks, Mark{Time: at, Text: text}, maxMarks)
}

// applyWorkload marks what is different from the workload before.
func (f *Fold) applyWorkload(r Record) {
	before := f.view.Workload
	f.view.Workload = r.Workload
	if why := r.Workload.KernelsReason; why != "" {
		f.Log(LogEntry{Time: r.Time, Code: logKernels, Text: why})
	}
	f.view.Launches = [NumMasks][]Launch{} // They were those of the engine before.
	if c := r.Workload.Ceilings; c != nil && (before == nil || before.Ceilings == nil) && c.MeasuredAt.After(f.view.Started) {
		f.Log(LogEntry{Time: r.Time, Code: logMeasured, Text: "this GPU's ceilings, once for all runs: " + c.String()})
	}
	if before == nil {
		return
	}
	was, is := before.Workload, r.Workload.Workload
	switch {
	case was.Name() != is.Name():
		f.mark(r.Time, is.Name())
	case was.Tokens != is.Tokens:
		f.mark(r.Time, strconv.Itoa(is.Tokens)+" tok")
	case was.Routing != is.Routing:
		f.mark(r.Time, is.Routing.String())
	case before.Kernels != r.Workload.Kernels:
		f.mark(r.Time, r.Workload.Kernels)
	}
}

func (f *Fold) applySample(r Record) {
	if was := f.view.Sample; was != nil && was.AB != r.Sample.AB {
		text := "A/B"
		if was.AB {
			text = "A/B off"
		}
		f.mark(r.Time, text)
	}
	f.view.Sample, f.view.Time, f.view.Step, f.view.Generation = r.Sample, r.Time, r.Step, r.Generation
	f.history = appendShared(f.history, historyPoint(r.Time, r.Sample), HistoryLength)
}

// historyPoint is what a sample adds to the time axis. A stale reading adds nothing.
func historyPoint(at time.Time, s *Sample) HistoryPoint {
	steps := slices.Sorted(slices.Values(s.Recent.StepUS))
	point := HistoryPoint{
		Time: at, StepUS: medianOfSorted(steps),
		SMUtilizationPercent: math.NaN(), SMOccupancyPercent: math.NaN(), TensorPercent: math.NaN(),
		DRAMPercent: math.NaN(), PowerWatts: math.NaN(),
	}
	if r := s.NVML; r != nil && !r.Stale {
		point.SMUtilizationPercent = orNaN(r.SMUtilizationPercent)
		point.SMOccupancyPercent = orNaN(r.SMOccupancyPercent)
		point.TensorPercent = orNaN(r.TensorPercent)
		point.DRAMPercent = orNaN(r.DRAMPercent)
		point.PowerWatts = orNaN(r.PowerWatts)
	}
	return point
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

// toggleText says what a toggle switched: "u on", "d off", or both stages as "e on" or "u on d off".
func toggleText(from, to ESMask) string {
	word := map[bool]string{false: "off", true: "on"}
	up, down := from.Has(Up) != to.Has(Up), from.Has(Down) != to.Has(Down)
	switch {
	case up && down && to.Has(Up) == to.Has(Down):
		return "e " + word[to.Has(Up)]
	case up && down:
		return fmt.Sprintf("u %s d %s", word[to.Has(Up)], word[to.Has(Down)])
	case up:
		return "u " + word[to.Has(Up)]
	default:
		return "d " + word[to.Has(Down)]
	}
}
