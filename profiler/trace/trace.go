// Package trace writes a stream as a timeline in Chrome's trace event format, which ui.perfetto.dev
// and chrome://tracing show: steps with their stages, toggles and workloads, and the GPU's instruments
// as counters.
package trace

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/moetop/moetop/profiler"
)

// The tracks of the timeline; pid and tid are only names in this format.
const (
	process     = 1
	trackSteps  = 1
	trackEvents = 2
)

// event is one entry of the array that a trace is. Times are microseconds since the first record.
type event struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`
	TS    float64        `json:"ts"`
	Dur   *float64       `json:"dur,omitempty"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	Scope string         `json:"s,omitempty"`
	Args  map[string]any `json:"args,omitempty"`
}

// The phases of the format.
const (
	phaseMeta     = "M"
	phaseComplete = "X"
	phaseInstant  = "i"
	phaseCounter  = "C"
)

// Writer writes a trace. The file is an array of events, one a line; viewers take it without its
// closing bracket too, as a kill leaves it.
type Writer struct {
	out    *bufio.Writer
	began  time.Time
	events int
	// offset turns times of the engine into times of the trace; it is unknown until the engine's first
	// sample with steps.
	offset  *float64
	reading time.Time // of the newest reading that was written
	err     error
}

// NewWriter begins a trace.
func NewWriter(w io.Writer) *Writer {
	t := &Writer{out: bufio.NewWriterSize(w, 64<<10)}
	_, t.err = t.out.WriteString("[")
	return t
}

// Add writes what a record says and hands it on, so that a kill loses little.
func (t *Writer) Add(r profiler.Record) error {
	if t.began.IsZero() {
		t.began = r.Time
	}
	switch r.Kind {
	case profiler.KindHeader:
		t.header(r)
	case profiler.KindWorkload:
		t.offset = nil
		w := r.Workload.Workload
		t.instant(r.Time, w.Name(), map[string]any{"tokens": w.Tokens, "routing": w.Routing.String(), "engine": r.Workload.Engine})
	case profiler.KindToggle:
		t.instant(r.Time, "ES "+r.Toggle.From.String()+" → "+r.Toggle.To.String(), map[string]any{"step": r.Step})
	case profiler.KindWarning:
		t.instant(r.Time, r.Warning.Code+": "+r.Warning.Text, nil)
	case profiler.KindFailure:
		t.instant(r.Time, "failure: "+r.Failure.Text, nil)
	case profiler.KindSample:
		t.sample(r)
	case profiler.KindLaunches, profiler.KindAck, profiler.KindSummary: // They happen to nobody on the timeline.
	}
	if t.err == nil {
		t.err = t.out.Flush()
	}
	return t.failure()
}

// Close ends the array. It does not close the writer beneath.
func (t *Writer) Close() error {
	if t.err == nil {
		_, _ = t.out.WriteString("\n]\n")
		t.err = t.out.Flush()
	}
	return t.failure()
}

func (t *Writer) failure() error {
	if t.err != nil {
		return fmt.Errorf("write the trace: %w", t.err)
	}
	return nil
}

func (t *Writer) put(e event) {
	if t.err != nil {
		return
	}
	e.PID = process
	line, err := json.Marshal(e)
	if err != nil {
		t.err = err
		return
	}
	separator := "\n"
	if t.events > 0 {
		separator = ",\n"
	}
	t.events++
	_, err = t.out.WriteString(separator)
	_, err2 := t.out.Write(line)
	t.err = errors.Join(err, err2)
}

// at is a time on the trace's axis.
func (t *Writer) at(when time.Time) float64 {
	return float64(when.Sub(t.began).Nanoseconds()) / 1000
}

func (t *Writer) header(r profiler.Record) {
	t.put(event{Name: "process_name", Phase: phaseMeta, Args: map[string]any{"name": "moetop on " + r.Header.Host.Name}})
	t.put(event{Name: "thread_name", Phase: phaseMeta, TID: trackSteps, Args: map[string]any{"name": "steps"}})
	t.put(event{Name: "thread_name", Phase: phaseMeta, TID: trackEvents, Args: map[string]any{"name": "session"}})
}

func (t *Writer) instant(when time.Time, name string, args map[string]any) {
	t.put(event{Name: name, Phase: phaseInstant, TS: t.at(when), TID: trackEvents, Scope: "p", Args: args})
}

func (t *Writer) counter(when time.Time, name string, value float64) {
	t.put(event{Name: name, Phase: phaseCounter, TS: t.at(when), Args: map[string]any{"value": value}})
}

func (t *Writer) sample(r profiler.Record) {
	s := r.Sample
	t.counter(r.Time, "steps per second", s.StepsPerSecond)
	if n := len(s.Recent.StepUS); n > 0 {
		sorted := slices.Sorted(slices.Values(s.Recent.StepUS))
		t.counter(r.Time, "step latency (µs)", sorted[n/2])
	}
	t.steps(r.Time, &s.Recent)
	if s.NVML == nil || s.NVML.Stale || !s.NVML.Time.After(t.reading) {
		return
	}
	t.reading = s.NVML.Time
	for _, c := range []struct {
		name  string
		value *float64
	}{
		{"SM utilization (%)", s.NVML.SMUtilizationPercent},
		{"SM occupancy (%)", s.NVML.SMOccupancyPercent},
		{"tensor cores (%)", s.NVML.TensorPercent},
		{"DRAM bandwidth (%)", s.NVML.DRAMPercent},
		{"kernel active (%)", s.NVML.KernelActivePercent},
		{"SM clock (MHz)", s.NVML.SMClockMHz},
		{"power (W)", s.NVML.PowerWatts},
		{"temperature (°C)", s.NVML.TemperatureCelsius},
	} {
		if c.value != nil {
			t.counter(t.reading, c.name, *c.value)
		}
	}
	if used := s.NVML.MemoryUsedBytes; used != nil {
		t.counter(t.reading, "memory used (bytes)", float64(*used))
	}
}

// steps draws steps whose stages and beginnings were recorded. The engine's clock is put on the time
// axis once, by its first sample: its last step has ended by then.
func (t *Writer) steps(when time.Time, r *profiler.Recent) {
	n := len(r.Step)
	if n == 0 || len(r.StartUS) != n || len(r.StageUS) != n || len(r.StepUS) != n || len(r.Mask) != n {
		return
	}
	if t.offset == nil {
		offset := t.at(when) - r.StartUS[n-1] - r.StepUS[n-1]
		t.offset = &offset
	}
	for i := range r.Step {
		start := *t.offset + r.StartUS[i]
		t.slice("step", start, r.StepUS[i], map[string]any{"step": r.Step[i], "es": profiler.ESMask(r.Mask[i] & 3).String()})
		for stage, us := range r.StageUS[i] {
			if stage >= profiler.NumStages {
				break
			}
			t.slice(profiler.Stage(stage).String(), start, us, nil)
			start += us
		}
	}
}

// slice keeps nanoseconds, so that stages do not stick out of their step by a rounding.
func (t *Writer) slice(name string, start, us float64, args map[string]any) {
	start, us = math.Round(start*1000)/1000, math.Round(us*1000)/1000
	t.put(event{Name: name, Phase: phaseComplete, TS: start, Dur: &us, TID: trackSteps, Args: args})
}
