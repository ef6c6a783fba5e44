package main

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"
)

// traceEvent has the fields that Chrome's "Trace Event Format" documents for the phases that moetop
// writes. Pointers tell what is missing from what is zero.
type traceEvent struct {
	Name  *string        `json:"name"`
	Phase string         `json:"ph"`
	TS    *float64       `json:"ts"` // microseconds
	Dur   *float64       `json:"dur"`
	PID   *int           `json:"pid"`
	TID   *int           `json:"tid"`
	Scope *string        `json:"s"`
	Args  map[string]any `json:"args"`
}

// checkTraceFormat holds a trace to the documented format, since no viewer can be run here: the array
// form, the fields that each phase needs and no others, counters that are numbers, slices of one track
// that nest, and tracks that have a name.
func checkTraceFormat(t *testing.T, data []byte) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	var events []traceEvent
	if err := decoder.Decode(&events); err != nil {
		t.Fatal(err)
	}
	slicesOf, tracks, named := map[int][]traceEvent{}, map[int]bool{}, map[int]bool{}
	for i := range events {
		e := &events[i]
		if e.Name == nil || *e.Name == "" || e.PID == nil || e.TID == nil || e.TS == nil || *e.TS < 0 || math.IsInf(*e.TS, 0) {
			t.Fatalf("event %d lacks a field that all have: %+v", i, e)
		}
		if (e.Dur != nil) != (e.Phase == "X") || (e.Scope != nil) != (e.Phase == "i") {
			t.Errorf("event %d: dur belongs to X, and s to i: %+v", i, e)
		}
		switch e.Phase {
		case "M":
			if _, ok := e.Args["name"].(string); !ok || !slices.Contains([]string{"process_name", "thread_name"}, *e.Name) {
				t.Errorf("metadata %d: %+v", i, e)
			}
			named[*e.TID] = true
		case "X":
			if e.Dur == nil || *e.Dur < 0 {
				t.Fatalf("slice %d: %+v", i, e)
			}
			tracks[*e.TID] = true
			slicesOf[*e.TID] = append(slicesOf[*e.TID], *e)
		case "i":
			if e.Scope == nil || !slices.Contains([]string{"g", "p", "t"}, *e.Scope) {
				t.Errorf("instant %d: %+v", i, e)
			}
			tracks[*e.TID] = true
		case "C":
			for name, value := range e.Args {
				if _, ok := value.(float64); !ok {
					t.Errorf("counter %d: %s is %v", i, name, value)
				}
			}
			if len(e.Args) == 0 {
				t.Errorf("counter %d has no value", i)
			}
		default:
			t.Errorf("event %d has phase %q", i, e.Phase)
		}
	}
	for track := range tracks {
		if !named[track] {
			t.Errorf("track %d has no name", track)
		}
	}
	for track, all := range slicesOf {
		checkNesting(t, track, all)
	}
}

// checkNesting wants two slices of a track either apart or one within the other: viewers draw what
// overlaps otherwise in the wrong place, or not at all.
func checkNesting(t *testing.T, track int, all []traceEvent) {
	t.Helper()
	const resolution = 0.0015 // microseconds; the writer rounds to nanoseconds
	slices.SortStableFunc(all, func(a, b traceEvent) int {
		switch {
		case *a.TS != *b.TS && *a.TS < *b.TS, *a.TS == *b.TS && *a.Dur > *b.Dur:
			return -1
		case *a.TS == *b.TS && *a.Dur == *b.Dur:
			return 0
		}
		return 1
	})
	var ends []float64
	for _, e := range all {
		for len(ends) > 0 && *e.TS >= ends[len(ends)-1]-resolution {
			ends = ends[:len(ends)-1]
		}
		end := *e.TS + *e.Dur
		if len(ends) > 0 && end > ends[len(ends)-1]+resolution {
			t.Errorf("on track %d, %s from %v to %v sticks out of what it began in, which ends at %v", track, *e.Name, *e.TS, end, ends[len(ends)-1])
			return
		}
		ends = append(ends, end)
	}
}
