package profiler

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AutoKernels stands for the fastest of an engine's kernel families.
const AutoKernels = "auto"

// KernelChoice says how the kernel family that runs came to run.
type KernelChoice struct {
	// KernelsRequested is a family, or auto; empty in streams of older versions.
	KernelsRequested string `json:"kernels_requested"`
	// KernelsReason says what auto found; empty where a family was asked for by its name.
	KernelsReason string `json:"kernels_reason,omitempty"`
	// KernelFamilies are all that the engine offers; null where it has one of its own.
	KernelFamilies []string `json:"kernel_families"`
	// KernelsMeasured are the families that auto compared, the one that runs first.
	KernelsMeasured []FamilyTime `json:"kernels_measured,omitempty"`
	// KernelsRatio is the second of KernelsMeasured over the first: above 1 the one that runs is faster.
	KernelsRatio *Ratio `json:"kernels_ratio,omitempty"`
}

// FamilyTime is what a trial of a kernel family took. In A/B mode it is that of its fastest mask.
type FamilyTime struct {
	Kernels  string  `json:"kernels"`
	ES       ESMask  `json:"es"`
	MedianUS float64 `json:"median_us"` // of a step, over the rounds
	Rounds   int     `json:"rounds"`
}

// cheapBuild is how long an engine may take to build for a workload that was changed live to be
// measured with the other families, too: every one of them is built as long.
const cheapBuild = time.Second

// openKernels opens the engine of an order. Where the order leaves the family open it finds the
// fastest: cfg.Kernels is then the one that was taken.
func (d *driver) openKernels(o *buildOrder) (Engine, KernelChoice, error) {
	choice := KernelChoice{KernelsRequested: o.cfg.Kernels, KernelFamilies: d.families}
	if o.cfg.Kernels != AutoKernels {
		engine, err := d.openOne(o, o.cfg.Kernels)
		return engine, choice, err
	}
	switch len(d.families) {
	case 0:
		choice.KernelsReason = "this engine has kernels of its own"
		engine, err := d.openOne(o, "")
		return engine, choice, err
	case 1:
		choice.KernelsReason = d.families[0] + ": the library offers no other family"
		engine, err := d.openOne(o, d.families[0])
		return engine, choice, err
	}
	return d.openFastest(o, choice)
}

func (d *driver) openOne(o *buildOrder, family string) (Engine, error) {
	cfg := o.cfg
	cfg.Kernels = family
	engine, err := d.open(cfg)
	if err == nil {
		o.cfg.Kernels = family
	}
	return engine, err
}

// openFastest opens the families beside each other, measures them in turn, and keeps the fastest. A
// family that cannot run is left out. Where a change of the workload did not ask for it, what ran
// before goes on if the comparison is dear.
func (d *driver) openFastest(o *buildOrder, choice KernelChoice) (Engine, KernelChoice, error) {
	families := slices.Clone(d.families)
	before := d.cfg.Kernels
	keeps := !o.asked && slices.Contains(families, before)
	if keeps {
		slices.SortStableFunc(families, func(a, b string) int {
			return boolInt(b == before) - boolInt(a == before)
		})
	}
	var trials []*trial
	var left []string // families that are not measured, and why
	kept := func(why string) (Engine, KernelChoice, error) {
		choice.KernelsReason = before + ", as before: " + why
		o.cfg.Kernels = before
		return trials[0].engine, choice, nil
	}
	var first error
	for _, family := range families {
		if keeps && len(trials) == 1 && trials[0].family == before && trials[0].built > cheapBuild {
			return kept(fmt.Sprintf("measuring the families again would take longer than %v each", cheapBuild))
		}
		d.progress("making the weights and capturing the steps of the kernels " + family)
		one := &trial{family: family}
		begun := time.Now()
		var err error
		one.engine, err = d.openOne(o, family)
		one.built = time.Since(begun)
		if err == nil {
			trials = append(trials, one)
			continue
		}
		if _, isMemory := errors.AsType[*MemoryError](err); isMemory && (len(trials) > 0 || d.engine != nil) {
			if keeps && len(trials) == 1 && trials[0].family == before {
				return kept("there is no room for " + family + " beside it")
			}
			if d.engine != nil {
				// Whoever called makes room by closing the engine before, and asks again.
				o.cfg.Kernels = AutoKernels
				return nil, choice, errors.Join(err, closeTrials(trials))
			}
			if err := closeTrials(trials); err != nil {
				return nil, choice, err
			}
			return d.openInTurns(o, choice, families)
		}
		if first == nil {
			first = err
		}
		left = append(left, family+" is left out: "+err.Error())
	}
	if len(trials) == 0 {
		return nil, choice, first
	}
	d.runTrials(trials)
	return d.decide(o, choice, trials, left)
}

// openInTurns measures families that do not fit beside each other, one after the other.
func (d *driver) openInTurns(o *buildOrder, choice KernelChoice, families []string) (Engine, KernelChoice, error) {
	var trials []*trial
	var left []string
	var first error
	for _, family := range families {
		if err := closeTrials(trials); err != nil {
			return nil, choice, err
		}
		d.progress("making the weights and capturing the steps of the kernels " + family)
		one := &trial{family: family, inTurn: true}
		var err error
		if one.engine, err = d.openOne(o, family); err != nil {
			if first == nil {
				first = err
			}
			left = append(left, family+" is left out: "+err.Error())
			continue
		}
		d.runTrials([]*trial{one})
		trials = append(trials, one)
	}
	if len(trials) == 0 {
		return nil, choice, first
	}
	if len(trials) > 1 {
		left = append(left, "measured one after the other, since they do not fit beside each other")
	}
	return d.decide(o, choice, trials, left)
}

// decide keeps the fastest of the trials, opens it again where it had to make room, and says why.
func (d *driver) decide(o *buildOrder, choice KernelChoice, trials []*trial, left []string) (Engine, KernelChoice, error) {
	var ran []*trial
	for _, one := range trials {
		if one.err != nil {
			left = append(left, one.family+" is left out: "+one.err.Error())
			continue
		}
		ran = append(ran, one)
	}
	if len(ran) == 0 {
		return nil, choice, errors.Join(trials[0].err, closeTrials(trials))
	}
	best, text := fastest(ran)
	choice.KernelsMeasured = append(choice.KernelsMeasured, best.time())
	for _, one := range ran {
		if one != best {
			choice.KernelsMeasured = append(choice.KernelsMeasured, one.time())
		}
	}
	if len(ran) > 1 {
		choice.KernelsRatio = best.ratioTo(ran[boolInt(ran[0] == best)])
	}
	others := slices.DeleteFunc(slices.Clone(trials), func(one *trial) bool { return one == best })
	if err := closeTrials(others); err != nil {
		// They run nothing any more; that must not end what runs instead.
		left = append(left, err.Error())
	}
	choice.KernelsReason = strings.Join(append([]string{text}, left...), "; ")
	o.cfg.Kernels = best.family
	if best.engine == nil {
		d.progress("opening the kernels " + best.family + " again")
		engine, err := d.openOne(o, best.family)
		return engine, choice, err
	}
	return best.fresh(), choice, nil
}

// closeTrials closes the engines that are still open.
func closeTrials(trials []*trial) error {
	var failed error
	for _, one := range trials {
		if one.engine == nil {
			continue
		}
		if err := one.engine.Close(); err != nil {
			failed = errors.Join(failed, fmt.Errorf("close the kernels %s: %w", one.family, err))
		}
		one.engine = nil
	}
	return failed
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
