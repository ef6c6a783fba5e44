package ui

import (
	"time"

	"github.com/moetop/moetop/profiler"
)

// intent is what was asked for and has not been seen to hold yet. It is shown as pending, and the next
// key builds on it. It ends when a view shows it, when something is refused, or when it takes longer
// than any of its requests should.
type intent struct {
	at    time.Time // of the view at which it was asked for
	es    *profiler.ESMask
	mode  *bool // A/B mode
	count *int  // tokens
	route *string
	model *string
	// kernels is a family.
	kernels *string
}

// intentTime is how long an intent may wait, in the time of views. Building a workload takes seconds.
const intentTime = 15 * time.Second

// settle ends the intent if the view shows it.
func (i *intent) settle(view *profiler.View) {
	if *i == (intent{}) {
		return
	}
	if view.Time.Sub(i.at) > intentTime || view.Time.Before(i.at) || view.Sample == nil {
		*i = intent{}
		return
	}
	s := view.Sample
	if i.mode != nil && *i.mode == s.AB {
		i.mode = nil
	}
	if i.es != nil && *i.es == s.ES && s.PendingES == nil && !s.AB {
		i.es = nil
	}
	if w := view.Workload; w != nil {
		if i.count != nil && *i.count == w.Workload.Tokens {
			i.count = nil
		}
		if i.route != nil && *i.route == w.Workload.Routing.String() {
			i.route = nil
		}
		if i.model != nil && *i.model == w.Workload.Name() {
			i.model = nil
		}
		if i.kernels != nil && *i.kernels == w.Kernels {
			i.kernels = nil
		}
	}
	if i.es == nil && i.mode == nil && i.count == nil && i.route == nil && i.model == nil && i.kernels == nil {
		*i = intent{}
	}
}

// mask is the mask that will hold.
func (i intent) mask(s *profiler.Sample) profiler.ESMask {
	switch {
	case i.es != nil:
		return *i.es
	case s.PendingES != nil:
		return *s.PendingES
	default:
		return s.ES
	}
}

// pendingMask is the mask that is asked for and does not run yet, or nil.
func (i intent) pendingMask(s *profiler.Sample) *profiler.ESMask {
	if s == nil || i.ab(s) {
		return nil
	}
	if m := i.mask(s); m != s.ES {
		return &m
	}
	return nil
}

func (i intent) ab(s *profiler.Sample) bool {
	if i.mode != nil {
		return *i.mode
	}
	return s.AB
}

func (i intent) tokens(w *profiler.WorkloadRecord) int {
	if i.count != nil {
		return *i.count
	}
	return w.Workload.Tokens
}

func (i intent) routing(w *profiler.WorkloadRecord) profiler.Routing {
	if i.route != nil {
		// Only the skew keys set it, from texts that are known to parse.
		if r, err := profiler.ParseRouting(*i.route); err == nil {
			return r
		}
	}
	return w.Workload.Routing
}

// family is the kernel family that will run.
func (i intent) family(w *profiler.WorkloadRecord) string {
	if i.kernels != nil {
		return *i.kernels
	}
	return w.Kernels
}
