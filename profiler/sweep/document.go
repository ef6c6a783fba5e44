package sweep

import (
	"strings"
	"time"

	"github.com/moetop/moetop/profiler"
)

// Differences names what keeps the points of two environments from standing in one sweep, as "engine
// cuda, not cpu"; it is empty if nothing does.
func Differences(e, other *profiler.Environment) string {
	device := func(e *profiler.Environment) string {
		if e.GPU == nil {
			return "none"
		}
		return e.GPU.Name + " " + e.GPU.UUID
	}
	host := func(e *profiler.Environment) string {
		if e.GPU != nil {
			return "" // It is the GPU that is measured, and it has a name of its own.
		}
		return e.Host.Name
	}
	var found []string
	for _, field := range [][3]string{
		{"engine", e.Engine, other.Engine},
		{"GPU", device(e), device(other)},
		{"provider", e.Provider, other.Provider},
		{"timer", e.Timer, other.Timer},
		{"ES launch", e.ESLaunch, other.ESLaunch},
		{"L2", e.L2, other.L2},
		{"host", host(e), host(other)},
		{"version of moetop", e.Version, other.Version},
	} {
		if field[1] != field[2] {
			found = append(found, field[0]+" "+field[1]+", not "+field[2])
		}
	}
	return strings.Join(found, "; ")
}

// Document is the outcome of a sweep: what --json prints.
type Document struct {
	SchemaVersion string `json:"schema_version"`
	Kind          string `json:"kind"`    // Kind of this package
	Partial       bool   `json:"partial"` // interrupted: points of the plan are missing
	profiler.Environment
	Time    time.Time `json:"time"` // when it ended
	Command []string  `json:"command"`
	Plan    Plan      `json:"plan"`

	Points     []Result `json:"points"` // in the order of the plan
	Deployment []Advice `json:"deployment"`
}

// Kind tells the document of a sweep from other documents.
const Kind = "sweep"

// NewDocument puts the results into the order of the plan, with what follows from them. Results of
// points that the plan does not have are left out.
func NewDocument(h Header, results map[Point]Result, now time.Time) *Document {
	d := &Document{
		SchemaVersion: profiler.SchemaVersion, Kind: Kind, Environment: h.Environment, Time: now,
		Command: h.Command, Plan: h.Plan, Points: []Result{},
	}
	for _, point := range h.Plan.Points() {
		r, done := results[point]
		if !done {
			d.Partial = true
			continue
		}
		d.Points = append(d.Points, r)
	}
	d.Deployment = Deploy(d.Points)
	return d
}
