package ui

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
	"github.com/moetop/moetop/ui/internal/grid"
)

// sweepForm is what the next sweep is to measure besides what the session runs: model, routing and
// kernels are the session's, and change with its keys.
type sweepForm struct {
	field int
	// low and high are powers of two; high 0 stands for what the engine gets through in minutes.
	low, high int
	pairs     int // place in sweepPairs
	limit     int // place in sweepLimits
}

// sweepFormFields is the line of the form's first field.
const sweepFormFields = 6

// The fields of the form.
const (
	fieldFrom = iota
	fieldTo
	fieldPairs
	fieldLimit
	numFields
)

// What the form's choices go through. They begin where moetop sweep does.
func sweepPairs() []int { return []int{10, 20, 40, 80, 160, 320} }

func sweepLimits() []time.Duration {
	return []time.Duration{2 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 30 * time.Second, time.Minute}
}

func newSweepForm() sweepForm {
	return sweepForm{
		low:   1,
		pairs: slices.Index(sweepPairs(), sweep.DefaultPairs), limit: slices.Index(sweepLimits(), sweep.DefaultTime),
	}
}

// most is the largest number of tokens that the form goes to: what the layer can have, and where
// nothing was chosen what takes minutes, not hours.
func (f sweepForm) most(w *profiler.WorkloadRecord) int {
	limit := 1
	for limit*2 <= profiler.MaxRows/max(w.Workload.TopK, 1) {
		limit *= 2
	}
	const usual, usualCPU = 8192, 64
	switch {
	case f.high != 0:
		return min(f.high, limit)
	case w.Engine == "cpu":
		return usualCPU
	default:
		return min(usual, limit)
	}
}

// plan is what the form says about the workload that runs. described is the model of the session if a file
// describes it.
func (f sweepForm) plan(w *profiler.WorkloadRecord, described *sweep.Described) (sweep.Plan, error) {
	most := f.most(w)
	tokens, err := sweep.ParseTokens(fmt.Sprintf("%d..%d", min(f.low, most), most))
	if err != nil {
		return sweep.Plan{}, err
	}
	kernels := w.Kernels
	if w.Engine == "cpu" {
		kernels = sweep.DefaultKernels // It has its own whatever is asked for.
	}
	plan := sweep.Plan{
		Kernels: []string{kernels}, Routings: []profiler.Routing{w.Workload.Routing}, Tokens: tokens,
		Seed: w.Workload.Seed, Pairs: sweepPairs()[f.pairs], TimeS: sweepLimits()[f.limit].Seconds(),
	}
	name := w.Workload.Name()
	if described != nil && described.Workload.Name() == name {
		plan.Describe(described.ConfigJSON, described.Workload)
		return plan, nil
	}
	plan.Models, err = sweep.ParseModels([]string{name})
	if err != nil {
		return sweep.Plan{}, fmt.Errorf("a sweep measures known models, and %s is a shape of your own: m picks another, --config-json describes one",
			w.Workload.Title())
	}
	return plan, nil
}

// change goes to the next value of the field.
func (f *sweepForm) change(by int, w *profiler.WorkloadRecord) {
	double := func(n int) int {
		if by > 0 {
			return n * 2
		}
		return max(n/2, 1)
	}
	switch f.field {
	case fieldFrom:
		f.low = min(double(f.low), f.most(w))
	case fieldTo:
		f.high = max(double(f.most(w)), f.low)
		f.high = f.most(w)
	case fieldPairs:
		f.pairs = min(max(f.pairs+by, 0), len(sweepPairs())-1)
	case fieldLimit:
		f.limit = min(max(f.limit+by, 0), len(sweepLimits())-1)
	}
}

// draw shows the form, and what its sweep means.
func (f sweepForm) draw(area grid.Area, s scene) {
	if s.workload == nil {
		area.Print(0, 0, "the workload is not known yet", styleMuted)
		return
	}
	w := s.workload
	plan, err := f.plan(w, s.opts.Described)
	// What the form comes to stands below it, and on the smallest screen where else it says what a sweep is.
	outcome := sweepFormFields + numFields + 1
	if outcome >= area.Height() {
		outcome = 0
	} else {
		for i, text := range wrap("A sweep measures batches of many sizes, each with all four tuples interleaved, and says what to deploy for which.", area.Width()) {
			area.Print(0, i, text, styleText)
		}
	}
	y := sweepFormFields - 3
	for _, row := range [][3]string{
		{"model", w.Workload.Title(), "m"}, {"routing", w.Workload.Routing.String(), "[ ]"}, {"kernels", w.Kernels, ""},
	} {
		f.drawRow(area, y, row, false)
		y++
	}
	for i, row := range [numFields][3]string{
		{"tokens from", grouped(int64(min(f.low, f.most(w)))), "←→"},
		{"tokens to", grouped(int64(f.most(w))), "←→"},
		{"cycles", strconv.Itoa(sweepPairs()[f.pairs]) + " a point", "←→"},
		{"at most", sweepLimits()[f.limit].String() + " a point", "←→"},
	} {
		f.drawRow(area, y, row, i == f.field)
		y++
	}
	if err != nil {
		for i, text := range wrap(err.Error(), area.Width()) {
			area.Print(0, outcome+i, text, styleWarn)
		}
		return
	}
	n := len(plan.Tokens)
	whole := (time.Duration(n) * sweepLimits()[f.limit]).Round(time.Second)
	says := fmt.Sprintf("enter starts it: %s, at most %v of measuring besides building", counted(n, "point"), whole)
	for i, text := range wrap(says, area.Width()) {
		area.Print(0, outcome+i, text, styleText)
	}
	area.Print(0, outcome, "enter", styleKey)
	for i, text := range wrap("The session makes room for it, so that the two do not measure each other: its worker ends, "+
		"and comes back with what runs now. x stops the sweep and goes on with it.", area.Width()) {
		area.Print(0, y+3+i, text, styleMuted)
	}
}

func (f sweepForm) drawRow(area grid.Area, y int, row [3]string, chosen bool) {
	const value, key = 16, 40
	mark, style := "  ", styleText
	if chosen {
		mark, style = "> ", styleSelected
		area.Sub(grid.Rect{Y: y, W: min(area.Width(), key+4), H: 1}).Fill(' ', style)
	}
	area.Print(0, y, mark+row[0], style)
	area.Print(value, y, row[1], style)
	if !chosen && row[2] != "←→" {
		style = styleKey
	}
	if chosen || row[2] != "←→" {
		area.Print(key, y, row[2], style)
	}
}
