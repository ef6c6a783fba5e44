package comparison

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// DifferentError says why two sides are not compared.
type DifferentError struct {
	Differences []Difference
}

func (e *DifferentError) Error() string {
	texts := make([]string, 0, len(e.Differences))
	for _, d := range e.Differences {
		texts = append(texts, fmt.Sprintf("%s: %v, and %v", d.Field, d.Old, d.New))
	}
	return "the two sides differ in " + strings.Join(texts, "; ")
}

func device(d *profiler.Device, field func(*profiler.Device) string) string {
	if d == nil {
		return "none"
	}
	return field(d)
}

// pick collects the properties that differ. Nothing where something might be is none.
func pick(all []Difference) []Difference {
	var found []Difference
	for _, d := range all {
		if d.Old == "" {
			d.Old = "none"
		}
		if d.New == "" {
			d.New = "none"
		}
		if d.Old != d.New {
			found = append(found, d)
		}
	}
	return found
}

// refused are the differences of two environments with which figures cannot be compared.
func refused(a, b *profiler.Environment) []Difference {
	name := func(d *profiler.Device) string { return d.Name }
	uuid := func(d *profiler.Device) string { return d.UUID }
	return pick([]Difference{
		{"engine", a.Engine, b.Engine},
		{"GPU", device(a.GPU, name), device(b.GPU, name)},
		{"GPU's UUID", device(a.GPU, uuid), device(b.GPU, uuid)},
		{"timer", a.Timer, b.Timer},
		{"L2", a.L2, b.L2},
	})
}

// noted are differences that may well be what one wants to compare.
func noted(a, b *profiler.Environment) []Difference {
	driver := func(d *profiler.Device) string { return d.Driver }
	return pick([]Difference{
		{"host", a.Host.Name, b.Host.Name},
		{"driver", device(a.GPU, driver), device(b.GPU, driver)},
		{"provider", a.Provider, b.Provider},
		{"version of moetop", a.Version, b.Version},
		{"ES launch", a.ESLaunch, b.ESLaunch},
	})
}

// differentWork names the fields in which two points are different work.
func differentWork(a, b *saved.Point) []Difference {
	v, w := &a.Workload, &b.Workload
	return pick([]Difference{
		{"kernels", a.Kernels, b.Kernels},
		{"model", v.Model, w.Model},
		{"experts", v.Experts, w.Experts},
		{"top-k", v.TopK, w.TopK},
		{"hidden", v.Hidden, w.Hidden},
		{"intermediate", v.Intermediate, w.Intermediate},
		{"tp", v.TP, w.TP},
		{"ep", v.EP, w.EP},
		{"tokens", v.Tokens, w.Tokens},
		{"routing", v.Routing.String(), w.Routing.String()},
		{"seed", v.Seed, w.Seed},
	})
}

// describe names a point in a line.
func describe(k saved.Key) string {
	return fmt.Sprintf("%s, %d tokens, %v, %s, seed %d", k.Workload.Name(), k.Workload.Tokens, k.Workload.Routing, k.Kernels, k.Workload.Seed)
}

// clockTolerance is how far SM clocks may be apart before it is said.
const clockTolerance = 0.02

// conditions says what about a point's sides bears on its figures.
func conditions(before, after []*saved.Point) []string {
	notes := []string{}
	was, is := clock(before), clock(after)
	if was > 0 && is > 0 && math.Abs(is/was-1) > clockTolerance {
		notes = append(notes, fmt.Sprintf("the SM clocks are %.1f%% apart: %.0f MHz, and %.0f MHz", 100*math.Abs(is/was-1), was, is))
	}
	if reasons := throttles(before); len(reasons) > 0 {
		notes = append(notes, "old was throttled: "+strings.Join(reasons, ", "))
	}
	if reasons := throttles(after); len(reasons) > 0 {
		notes = append(notes, "new was throttled: "+strings.Join(reasons, ", "))
	}
	return notes
}

// clock is the mean of the runs' median SM clocks, 0 if none is known.
func clock(points []*saved.Point) float64 {
	sum, n := 0.0, 0
	for _, p := range points {
		if p.SMClockMHz != nil {
			sum += p.SMClockMHz.Median
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

func throttles(points []*saved.Point) []string {
	var reasons []string
	for _, p := range points {
		reasons = append(reasons, p.ThrottleReasons...)
	}
	slices.Sort(reasons)
	return slices.Compact(reasons)
}
