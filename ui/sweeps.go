package ui

import (
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// Sweeper measures sweeps for the screen. The session's worker makes room while one runs, since two
// runs on one GPU would measure each other; it comes back with what it ran before.
type Sweeper interface {
	// Begin measures a plan in place of the session that the view shows. Points of the plan that an
	// earlier sweep of this screen has measured are kept: the same plan again goes on. It does not wait.
	Begin(view *profiler.View, plan sweep.Plan) error
	// Cancel ends the sweep that runs, if one does; finished points are kept. It does not wait.
	Cancel()
	// Updates delivers the newest state; older ones that nobody took are dropped.
	Updates() <-chan *SweepUpdate
	// Save writes the points that an update shows as moetop sweep --json does, and says where. It may
	// take its time.
	Save(update *SweepUpdate) (path string, err error)
}

// SweepUpdate is a sweep at one moment. It is not changed once handed out.
type SweepUpdate struct {
	State SweepState
	Plan  sweep.Plan
	// Document holds the finished points; nil before a worker has come up.
	Document *sweep.Document
	// Progress is where the running point stands.
	Progress sweep.Progress
	Begun    time.Time
	Problem  string // why it failed
}

// SweepState says what a sweep does.
type SweepState int

// The states of a sweep.
const (
	SweepMakingRoom SweepState = iota // the session's worker is being ended
	SweepRunning
	SweepStopped // cancelled: the same plan goes on
	SweepDone
	SweepFailed
)

// active reports whether the session has no worker because of the sweep.
func (u *SweepUpdate) active() bool {
	return u != nil && (u.State == SweepMakingRoom || u.State == SweepRunning)
}

// finished returns how many points of the plan are there, and of how many.
func (u *SweepUpdate) finished() (done, total int) {
	total = len(u.Plan.Points())
	if u.Document != nil {
		done = len(u.Document.Points)
	}
	return done, total
}

// result returns the finished point with a number of tokens, or nil.
func (u *SweepUpdate) result(tokens int) *sweep.Result {
	if u == nil || u.Document == nil {
		return nil
	}
	for i := range u.Document.Points {
		if r := &u.Document.Points[i]; r.Tokens == tokens {
			return r
		}
	}
	return nil
}
