package comparison

import (
	"time"

	"github.com/moetop/moetop/profiler"
)

// Kind tells the document of a comparison from other documents.
const Kind = "comparison"

// Result is the outcome of a comparison: what --json prints.
type Result struct {
	SchemaVersion    string  `json:"schema_version"`
	Kind             string  `json:"kind"`
	ThresholdPercent float64 `json:"threshold_percent"`
	Alpha            float64 `json:"alpha"`      // of the corrected p
	Correction       string  `json:"correction"` // of p, for the number of figures
	Forced           bool    `json:"forced"`

	Old Side `json:"old"`
	New Side `json:"new"`
	// Differences are those that would have been refused but for force; Notes are others that bear on
	// the figures.
	Differences []Difference `json:"differences"`
	Notes       []string     `json:"notes"`

	Counts  Counts    `json:"counts"`
	Points  []Point   `json:"points"`
	Overall []Overall `json:"overall"` // one a figure, over all points; empty for a single point
	// OldOnly and NewOnly are points that the other side lacks or could not measure.
	OldOnly []Missing `json:"old_only"`
	NewOnly []Missing `json:"new_only"`
}

// Missing is a point that one side alone has measured.
type Missing struct {
	Point string `json:"point"`
	Why   string `json:"why,omitempty"` // it failed on the other side; empty if that did not try
}

// Side is one of the two.
type Side struct {
	File    string           `json:"file"`
	Runs    int              `json:"runs"`
	Version string           `json:"version"` // this and the following of the first run
	Time    time.Time        `json:"time"`
	Host    string           `json:"host"`
	Engine  string           `json:"engine"`
	GPU     *profiler.Device `json:"gpu"`
	Timer   string           `json:"timer"`
	Command []string         `json:"command"`
}

// Difference is a property in which the sides differ.
type Difference struct {
	Field string `json:"field"`
	Old   any    `json:"old"` // text or number
	New   any    `json:"new"`
}

// Counts sums up the latencies.
type Counts struct {
	Compared int `json:"compared"`
	Tested   int `json:"tested"` // those with a p
	Slower   int `json:"slower"` // regressions
	Faster   int `json:"faster"`
	Unsure   int `json:"unsure"`
	Failed   int `json:"failed"` // points that old has measured, and new failed at
}

// Regressed reports whether anything got worse.
func (c Counts) Regressed() bool { return c.Slower > 0 || c.Failed > 0 }

// Point is one workload that both sides measured.
type Point struct {
	Workload profiler.Workload `json:"workload"`
	Kernels  string            `json:"kernels"`
	// The sides' verdicts: the tuple (up, down), or null where one did not know. They are those of
	// the last run.
	OldEnableES *[2]bool `json:"old_enable_es"`
	NewEnableES *[2]bool `json:"new_enable_es"`
	Notes       []string `json:"notes"`
	Latencies   []Figure `json:"latencies"`
	// Gains are the off/on ratios of A/B mode, compared: a ratio above 1 means that ES gains more now.
	Gains []Figure `json:"gains"`
}

// Figure is one quantity on both sides.
type Figure struct {
	Part string `json:"part"` // layer, or a stage
	ES   string `json:"es"`   // off, up, down or both for the layer; off or on for a stage

	Old      float64 `json:"old"` // microseconds of a latency, off/on of a gain
	New      float64 `json:"new"`
	Ratio    Ratio   `json:"ratio"` // new/old: above 1 a latency is slower
	Basis    Basis   `json:"basis"`
	OldCount int     `json:"old_count"` // of runs, blocks or pairs, as the basis says
	NewCount int     `json:"new_count"`
	Outcome  Outcome `json:"outcome"`
}

// Name is how people call the figure.
func (f *Figure) Name() string {
	if f.ES == "" {
		return f.Part
	}
	return f.Part + " " + f.ES
}

// Ratio is new/old. What cannot be known is nil.
type Ratio struct {
	Value     float64  `json:"value"`
	Low       *float64 `json:"low"` // 95% interval
	High      *float64 `json:"high"`
	PValue    *float64 `json:"p_value"`
	PAdjusted *float64 `json:"p_adjusted"`
}

// Overall is one figure over all points: the geometric mean of their ratios. Its interval is made of
// how the points' ratios differ, each of which was measured by an engine of its own.
type Overall struct {
	Part     string   `json:"part"`
	ES       string   `json:"es"`
	Points   int      `json:"points"`
	Ratio    float64  `json:"ratio"`
	Low      *float64 `json:"low"` // 95% interval; null for a single point
	High     *float64 `json:"high"`
	Smallest float64  `json:"smallest"` // of the points
	Largest  float64  `json:"largest"`
}

// Basis says what a figure's interval and p stand on.
type Basis string

// The bases, the strongest first.
const (
	Runs        Basis = "runs"        // several runs a side: what differs from run to run is in the interval
	Blocks      Basis = "blocks"      // consecutive parts of one run a side
	Interleaved Basis = "interleaved" // the interval of A/B mode, for gains
	Nothing     Basis = "none"        // medians alone: no interval, no p
)

// Outcome is what became of a figure.
type Outcome string

// The outcomes. Of gains, slower means that ES gains less.
const (
	Slower Outcome = "slower"
	Faster Outcome = "faster"
	Same   Outcome = "same"   // within the threshold, with its whole interval if there is one
	Unsure Outcome = "unsure" // chance could make the change, or hide one
)
