package saved

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/moetop/moetop/profiler"
)

// sweepHeader is what all points of a sweep share, in its document and in its journal alike.
type sweepHeader struct {
	SchemaVersion string `json:"schema_version"`
	Environment
	Time    time.Time `json:"time"`
	Command []string  `json:"command"`
	Partial bool      `json:"partial"`

	Deployment []Advice `json:"deployment"`
}

// Advice is what to deploy for a range of tokens.
type Advice struct {
	Model      string           `json:"model"`
	Routing    profiler.Routing `json:"routing"`
	Kernels    string           `json:"kernels"`
	TokensFrom int              `json:"tokens_from"`
	TokensTo   int              `json:"tokens_to"`
	EnableES   *[2]bool         `json:"enable_es"` // (up, down); nil where the points do not tell
	Matters    *bool            `json:"matters"`   // nil where that is not known
	Gain       *Gain            `json:"gain"`      // of the tuple for the whole layer; nil where ES stays off
	Text       string           `json:"text"`
}

// Gain is a ratio over the points of a range, with an interval that holds all of theirs.
type Gain struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// sweepPoint is a finished point of a sweep.
type sweepPoint struct {
	Model      string             `json:"model"`
	Tokens     int                `json:"tokens"`
	Routing    profiler.Routing   `json:"routing"`
	Kernels    string             `json:"kernels"` // the family that was asked for
	RanKernels string             `json:"ran_kernels"`
	Status     string             `json:"status"`
	Error      string             `json:"error"`
	Time       time.Time          `json:"time"`
	Seed       uint64             `json:"seed"`
	Workload   *profiler.Workload `json:"workload"`
	Stages     []struct {
		Name  string          `json:"name"`
		Off   *Times          `json:"off"`
		On    *Times          `json:"on"`
		Ratio *profiler.Ratio `json:"ratio"`
	} `json:"stages"`
	Layer struct {
		OffOff     *Times          `json:"off_off"`
		OnOff      *Times          `json:"on_off"`
		OffOn      *Times          `json:"off_on"`
		OnOn       *Times          `json:"on_on"`
		OnOffRatio *profiler.Ratio `json:"on_off_ratio"`
		OffOnRatio *profiler.Ratio `json:"off_on_ratio"`
		OnOnRatio  *profiler.Ratio `json:"on_on_ratio"`
	} `json:"layer"`
	SMClockMHz      *profiler.Range  `json:"sm_clock_mhz"`
	PowerWatts      *profiler.Range  `json:"power_watts"`
	ThrottleReasons []string         `json:"throttle_reasons"`
	Verdict         profiler.Verdict `json:"verdict"`
}

// sweepRun starts the run of a sweep.
func sweepRun(h *sweepHeader) Run {
	return Run{Kind: Sweep, Environment: h.Environment, Time: h.Time, Command: h.Command, Partial: h.Partial, Deployment: h.Deployment}
}

// point checks and converts what was read.
func (p *sweepPoint) point() (Point, error) {
	if p.Model == "" || p.Tokens < 1 {
		return Point{}, fmt.Errorf("a point of a sweep without its model or tokens (model %q, tokens %d)", p.Model, p.Tokens)
	}
	point := Point{Kernels: p.RanKernels, Verdict: p.Verdict}
	if point.Kernels == "" {
		point.Kernels = p.Kernels
	}
	switch {
	case p.Workload != nil:
		point.Workload = *p.Workload
	default:
		// A point that did not fit has no workload of its own. The name may be of a newer moetop.
		w, err := profiler.ParseModel(p.Model)
		if err != nil {
			w = profiler.Workload{Model: p.Model}
		}
		w.Tokens, w.Routing, w.Seed = p.Tokens, p.Routing, p.Seed
		point.Workload = w
	}
	if p.Status != "ok" {
		point.Failure = p.Status
		if p.Error != "" {
			point.Failure = p.Error
		}
		return point, nil
	}
	for _, s := range p.Stages {
		for _, stage := range profiler.Stages() {
			if stage.String() == s.Name {
				point.Stages[stage] = Stage{Off: s.Off, On: s.On, Ratio: s.Ratio}
			}
		}
	}
	l := &p.Layer
	point.Layer = [profiler.NumMasks]*Times{l.OffOff, l.OnOff, l.OffOn, l.OnOn}
	point.Ratios = [profiler.NumMasks]*profiler.Ratio{nil, l.OnOffRatio, l.OffOnRatio, l.OnOnRatio}
	point.SMClockMHz, point.PowerWatts, point.ThrottleReasons = p.SMClockMHz, p.PowerWatts, p.ThrottleReasons
	return point, nil
}

// journalLine is a line of a sweep's journal: a header, or a point.
type journalLine struct {
	Record string       `json:"record"`
	Header *sweepHeader `json:"sweep"`
	Point  *sweepPoint  `json:"point"`
}

// readJournal reads the lines of one journal or of several. Of several results of one point in a
// journal the last counts, since a resumed sweep measures again what had failed.
func readJournal(next func(any) error) ([]Run, error) {
	var runs []Run
	places := map[Key]int{}
	for {
		var line journalLine
		if err := next(&line); isEnd(err) {
			return runs, nil
		} else if err != nil {
			return nil, err
		}
		switch {
		case line.Header != nil:
			if err := profiler.CheckSchemaVersion(line.Header.SchemaVersion); err != nil {
				return nil, err
			}
			runs, places = append(runs, sweepRun(line.Header)), map[Key]int{}
		case line.Point == nil:
			return nil, fmt.Errorf("record %q is not allowed in a sweep's journal: sweep or point", line.Record)
		case len(runs) == 0:
			return nil, fmt.Errorf("a point before the header of its sweep")
		default:
			point, err := line.Point.point()
			if err != nil {
				return nil, err
			}
			run := &runs[len(runs)-1]
			if line.Point.Time.After(run.Time) {
				run.Time = line.Point.Time
			}
			if at, again := places[point.Key()]; again {
				run.Points[at] = point
				continue
			}
			places[point.Key()] = len(run.Points)
			run.Points = append(run.Points, point)
		}
	}
}

// Key is what makes two points the same work.
type Key struct {
	Workload profiler.Workload
	Kernels  string
}

// Key returns the point's key.
func (p *Point) Key() Key { return Key{Workload: p.Workload, Kernels: p.Kernels} }

// decodePoints reads the points of a sweep's document one after the other: there may be thousands.
func decodePoints(d *json.Decoder) ([]Point, error) {
	if err := expectDelim(d, '['); err != nil {
		return nil, err
	}
	var points []Point
	for d.More() {
		var raw sweepPoint
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		point, err := raw.point()
		if err != nil {
			return nil, err
		}
		points = append(points, point)
	}
	return points, expectDelim(d, ']')
}
