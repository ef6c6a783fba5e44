package saved

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-faster/jx"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// sweepPoint checks and converts the figures of a sweep's point.
func sweepPoint(f *sweep.Figures) (Point, error) {
	if err := f.Check(); err != nil {
		return Point{}, err
	}
	point := Point{Kernels: f.Family(), Verdict: f.Verdict}
	if f.Workload != nil {
		point.Workload = *f.Workload
	} else {
		// A point that did not fit has no workload of its own. The name may be of a newer moetop.
		w, err := profiler.ParseModel(f.Model)
		if err != nil {
			w = profiler.Workload{Model: f.Model}
		}
		w.Tokens, w.Routing, w.Seed = f.Tokens, f.Routing, f.Seed
		point.Workload = w
	}
	if f.Status != sweep.OK {
		point.Failure = cmp.Or(f.Error, string(f.Status))
		return point, nil
	}
	for _, stage := range profiler.Stages() {
		s := f.Stage(stage)
		point.Stages[stage] = Stage{Off: s.Off, On: s.On, Ratio: s.Ratio}
	}
	for m := range profiler.ESMask(profiler.NumMasks) {
		point.Layer[m], point.Ratios[m] = f.Layer.Times(m), f.Layer.Ratio(m)
	}
	point.SMClockMHz, point.PowerWatts, point.ThrottleReasons = f.SMClockMHz, f.PowerWatts, f.ThrottleReasons
	return point, nil
}

// readJournal reads one journal or several that were joined. Of several results of one point in a
// journal the last counts, since a resumed sweep measures again what had failed. A last line that a
// kill cut off is passed over, as --resume does.
func readJournal(in *bufio.Reader) ([]Run, error) {
	j := journalReader{places: map[Key]int{}}
	for number := 1; ; number++ {
		text, err := in.ReadBytes('\n')
		switch {
		case errors.Is(err, io.EOF) && len(j.runs) == 0:
			return nil, errors.New("its only line was cut off: a journal begins with a whole one")
		case errors.Is(err, io.EOF):
			return j.runs, nil
		case err != nil:
			return nil, err
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		if err := j.add(text); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
	}
}

// journalReader gathers the lines of journals.
type journalReader struct {
	reader  sweep.Decoder
	figures sweep.Figures
	runs    []Run
	places  map[Key]int // of the points in the last run
}

func (j *journalReader) add(text []byte) error {
	var line sweep.Line[sweep.Figures]
	if err := j.reader.Line(jx.DecodeBytes(text), &line, &j.figures); err != nil {
		return err
	}
	if h := line.Header; h != nil {
		j.runs = append(j.runs, Run{Kind: Sweep, Environment: h.Environment, Time: h.Time, Command: h.Command})
		clear(j.places)
		return nil
	}
	if len(j.runs) == 0 {
		return errors.New("a point before the header of its sweep")
	}
	point, err := sweepPoint(line.Point)
	if err != nil {
		return err
	}
	run := &j.runs[len(j.runs)-1]
	if line.Point.Time.After(run.Time) {
		run.Time = line.Point.Time
	}
	if at, again := j.places[point.Key()]; again {
		run.Points[at] = point
		return nil
	}
	j.places[point.Key()] = len(run.Points)
	run.Points = append(run.Points, point)
	return nil
}

// Key is what makes two points the same work.
type Key struct {
	Workload profiler.Workload
	Kernels  string
}

// Key returns the point's key.
func (p *Point) Key() Key { return Key{Workload: p.Workload, Kernels: p.Kernels} }

// pointsAtOnce is how many points find room at a time; a list that grows would be copied many times.
const pointsAtOnce = 512

// decodePoints reads the points of a sweep's document one after the other: there may be thousands.
func decodePoints(d *jx.Decoder) ([]Point, error) {
	var (
		reader  sweep.Decoder
		figures sweep.Figures
		parts   [][]Point
		part    []Point
	)
	elements, err := d.ArrIter()
	if err != nil {
		return nil, err
	}
	for elements.Next() {
		if err := reader.Figures(d, &figures); err != nil {
			return nil, fmt.Errorf("points: %d: %w", len(parts)*pointsAtOnce+len(part), err)
		}
		point, err := sweepPoint(&figures)
		if err != nil {
			return nil, err
		}
		if len(part) == pointsAtOnce {
			parts, part = append(parts, part), nil
		}
		if part == nil {
			part = make([]Point, 0, pointsAtOnce)
		}
		part = append(part, point)
	}
	return slices.Concat(append(parts, part)...), elements.Err()
}
