package comparison

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// Options steer a comparison.
type Options struct {
	// Threshold is the smallest change that counts, as a fraction.
	Threshold float64
	// Force compares what would be refused.
	Force bool
}

// Compare compares two sides. A *DifferentError says why they are not compared.
func Compare(before, after *saved.File, o Options) (*Result, error) {
	r := &Result{
		SchemaVersion: profiler.SchemaVersion, Kind: Kind, ThresholdPercent: 100 * o.Threshold, Alpha: alpha,
		Correction: correction, Forced: o.Force, Old: side(before), New: side(after),
		Differences: []Difference{}, Notes: []string{}, Points: []Point{}, Overall: []Overall{},
		OldOnly: []Missing{}, NewOnly: []Missing{},
	}
	if err := r.compareEnvironments(before, after, o.Force); err != nil {
		return nil, err
	}
	same := func(k saved.Key) saved.Key { return k }
	if o.Force {
		same = loosely(before, after)
	}
	olds, news := gather(before, same), gather(after, same)
	if o.Force && len(olds.keys) == 1 && len(news.keys) == 1 && olds.keys[0] != news.keys[0] {
		news = news.renamed(olds.keys[0])
	}
	t := newTester()
	r.comparePoints(t, olds, news)
	if len(r.Points) == 0 {
		return nil, nothingInCommon(olds, news)
	}
	r.judge(o.Threshold)
	if len(r.Points) > 1 {
		r.Overall = t.overall(r.Points)
	}
	return r, nil
}

func (r *Result) comparePoints(t *tester, olds, news *gathered) {
	r.Points = make([]Point, 0, len(olds.keys))
	for _, key := range olds.keys {
		before, after := olds.points[key], news.points[key]
		if len(after) > 0 {
			r.differ(differentWork(before[0], after[0]))
			r.Points = append(r.Points, t.point(before, after))
			continue
		}
		missing := Missing{Point: describe(before[0].Key()), Why: news.failed[key]}
		if missing.Why != "" {
			r.Counts.Failed++
		}
		r.OldOnly = append(r.OldOnly, missing)
	}
	for _, key := range news.keys {
		if len(olds.points[key]) == 0 {
			r.NewOnly = append(r.NewOnly, Missing{Point: describe(news.points[key][0].Key()), Why: olds.failed[key]})
		}
	}
}

func side(f *saved.File) Side {
	first := &f.Runs[0]
	command := first.Command
	if command == nil {
		command = []string{}
	}
	return Side{
		File: f.Name, Runs: len(f.Runs), Version: first.Version, Time: first.Time, Host: first.Host.Name,
		Engine: first.Engine, GPU: first.GPU, Timer: first.Timer, Command: command,
	}
}

// compareEnvironments looks at every run: those of one side have to agree, too.
func (r *Result) compareEnvironments(before, after *saved.File, force bool) error {
	first := &before.Runs[0].Environment
	for _, f := range []*saved.File{before, after} {
		for i := range f.Runs {
			run := &f.Runs[i]
			r.differ(refused(first, &run.Environment))
			for _, d := range noted(first, &run.Environment) {
				r.note(fmt.Sprintf("%s: %v, and %v", d.Field, d.Old, d.New))
			}
			if run.Partial {
				r.note(f.Name + " is partial: the run was interrupted, or its worker died")
			}
		}
	}
	if len(r.Differences) > 0 && !force {
		return &DifferentError{r.Differences}
	}
	return nil
}

// differ adds differences, each once.
func (r *Result) differ(found []Difference) {
	for _, d := range found {
		if !slices.Contains(r.Differences, d) {
			r.Differences = append(r.Differences, d)
		}
	}
}

func (r *Result) note(text string) {
	if !slices.Contains(r.Notes, text) {
		r.Notes = append(r.Notes, text)
	}
}

// gathered are the measured points of a side, by key, in the order of their first appearance.
type gathered struct {
	keys   []saved.Key
	points map[saved.Key][]*saved.Point
	failed map[saved.Key]string // why
}

func (g *gathered) first() *saved.Point { return g.points[g.keys[0]][0] }

// loosely matches points in spite of another seed, and in spite of another family of kernels where
// each side has but one.
func loosely(before, after *saved.File) func(saved.Key) saved.Key {
	one := true
	for _, f := range []*saved.File{before, after} {
		family := ""
		for i := range f.Runs {
			for j := range f.Runs[i].Points {
				kernels := f.Runs[i].Points[j].Kernels
				one = one && (family == "" || family == kernels)
				family = kernels
			}
		}
	}
	return func(k saved.Key) saved.Key {
		k.Workload.Seed = 0
		if one {
			k.Kernels = ""
		}
		return k
	}
}

// gather joins the runs of a side. Points whose keys are the same stand for the same work.
func gather(f *saved.File, same func(saved.Key) saved.Key) *gathered {
	most := 0
	for i := range f.Runs {
		most = max(most, len(f.Runs[i].Points))
	}
	g := &gathered{
		keys: make([]saved.Key, 0, most), points: make(map[saved.Key][]*saved.Point, most), failed: map[saved.Key]string{},
	}
	for i := range f.Runs {
		for j := range f.Runs[i].Points {
			point := &f.Runs[i].Points[j]
			if point.Failure != "" {
				g.failed[same(point.Key())] = point.Failure
				continue
			}
			key := same(point.Key())
			if len(g.points[key]) == 0 {
				g.keys = append(g.keys, key)
			}
			g.points[key] = append(g.points[key], point)
		}
	}
	return g
}

// renamed puts the only point of a side under another key.
func (g *gathered) renamed(key saved.Key) *gathered {
	return &gathered{
		keys: []saved.Key{key}, points: map[saved.Key][]*saved.Point{key: g.points[g.keys[0]]}, failed: g.failed,
	}
}

// nothingInCommon says why no point of one side is in the other.
func nothingInCommon(olds, news *gathered) error {
	switch {
	case len(olds.keys) == 0:
		return errors.New("the old side has no measured point")
	case len(news.keys) == 0:
		return errors.New("the new side has no measured point")
	case len(olds.keys) == 1 && len(news.keys) == 1:
		return &DifferentError{differentWork(olds.first(), news.first())}
	}
	return &DifferentError{[]Difference{{
		Field: "every point",
		Old:   fmt.Sprintf("%s (%d points)", describe(olds.keys[0]), len(olds.keys)),
		New:   fmt.Sprintf("%s (%d points)", describe(news.keys[0]), len(news.keys)),
	}}}
}

// judge corrects the p and decides each figure. Latencies and gains are families of their own: only
// the former can be a regression.
func (r *Result) judge(threshold float64) {
	var latencies, gains []*Figure
	for i := range r.Points {
		for j := range r.Points[i].Latencies {
			latencies = append(latencies, &r.Points[i].Latencies[j])
		}
		for j := range r.Points[i].Gains {
			gains = append(gains, &r.Points[i].Gains[j])
		}
	}
	holm(latencies)
	holm(gains)
	for _, f := range gains {
		f.Outcome = outcome(&f.Ratio, threshold)
		switch f.Outcome { // above 1 is good for a gain
		case Slower:
			f.Outcome = Faster
		case Faster:
			f.Outcome = Slower
		case Same, Unsure:
		}
	}
	r.Counts.Compared = len(latencies)
	for _, f := range latencies {
		f.Outcome = outcome(&f.Ratio, threshold)
		if f.Basis != Nothing {
			r.Counts.Tested++
		}
		switch f.Outcome {
		case Slower:
			r.Counts.Slower++
		case Faster:
			r.Counts.Faster++
		case Unsure:
			r.Counts.Unsure++
		case Same:
		}
	}
}

// overall sums each latency up over the points.
func (t *tester) overall(points []Point) []Overall {
	places := map[string]int{}
	all := []Overall{}
	var changes [][]float64
	for i := range points {
		for j := range points[i].Latencies {
			f := &points[i].Latencies[j]
			at, known := places[f.Name()]
			if !known {
				at = len(all)
				places[f.Name()] = at
				all = append(all, Overall{Part: f.Part, ES: f.ES})
				changes = append(changes, nil)
			}
			changes[at] = append(changes[at], math.Log(f.Ratio.Value))
		}
	}
	for i, logs := range changes {
		o, m := &all[i], runsMean(logs)
		o.Points, o.Ratio = len(logs), math.Exp(m.value)
		o.Smallest, o.Largest = math.Exp(slices.Min(logs)), math.Exp(slices.Max(logs))
		if len(logs) > 1 {
			half := t.quantile(len(logs)-1) * math.Sqrt(m.variance/m.n)
			low, high := math.Exp(m.value-half), math.Exp(m.value+half)
			if !math.IsInf(high, 1) {
				o.Low, o.High = &low, &high
			}
		}
	}
	return all
}
