package exporter

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/moetop/moetop/profiler"
)

// Health is what /healthz answers.
type Health struct {
	SchemaVersion string          `json:"schema_version"`
	OK            bool            `json:"ok"`
	Reason        *string         `json:"reason"`       // why not; null if ok
	Worker        string          `json:"worker"`       // starting, running, silent, ended or died
	State         *profiler.State `json:"state"`        // of the session; null before its first sample
	SampleAgeS    *float64        `json:"sample_age_s"` // null before the first sample
}

// reason tells why the worker does not do what it should; it is empty for one that does. One that still
// builds its engine does.
func (s *state) reason(now time.Time) string {
	switch {
	case s.view == nil:
		return "nothing was heard of the worker yet"
	case gone(s.view):
		return "the worker is gone: " + causeOf(s.view)
	case s.view.Worker.Phase == profiler.WorkerSilent:
		return "the worker is silent"
	case s.view.Sample == nil:
		return "the worker is starting"
	}
	if age, limit := now.Sub(s.received), s.freshness(); age > limit {
		return fmt.Sprintf("the newest sample is %v old: at most %v is allowed", age.Round(time.Millisecond), limit)
	}
	if stalled := time.Duration(s.sample.StalledMS) * time.Millisecond; stalled > profiler.SilentAfter {
		return fmt.Sprintf("no step has finished for %v", stalled)
	}
	return ""
}

// freshness is how old a sample may be: that of a heartbeat, and an interval.
func (s *state) freshness() time.Duration {
	return profiler.SilentAfter + s.view.Header.Interval()
}

func (s *state) health(now time.Time) Health {
	h := Health{SchemaVersion: profiler.SchemaVersion, OK: true, Worker: "starting"}
	if reason := s.reason(now); reason != "" {
		h.OK, h.Reason = false, &reason
	}
	if s.view != nil {
		h.Worker = phaseName(s.view.Worker.Phase)
		if s.view.Sample != nil {
			h.State = &s.view.Sample.State
		}
	}
	if s.sample != nil {
		age := now.Sub(s.received).Seconds()
		h.SampleAgeS = &age
	}
	return h
}

func phaseName(p profiler.WorkerPhase) string {
	switch p {
	case profiler.WorkerStarting:
		return "starting"
	case profiler.WorkerRunning:
		return "running"
	case profiler.WorkerSilent:
		return "silent"
	case profiler.WorkerEnded, profiler.WorkerResting:
		return "ended"
	case profiler.WorkerDied:
		return "died"
	}
	panic(fmt.Sprintf("worker phase %d", p))
}

// serveHealth answers 200, or 503 with the reason.
func (e *Exporter) serveHealth(w http.ResponseWriter, _ *http.Request) {
	s := e.snapshot()
	h := s.health(time.Now())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !h.OK {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// Whoever asked and went away knows.
	_ = json.NewEncoder(w).Encode(h)
}
