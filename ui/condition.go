package ui

import (
	"fmt"
	"time"

	"github.com/moetop/moetop/profiler"
)

// condition is how the run fares.
type condition int

const (
	conditionStarting condition = iota // no sample yet
	conditionBuilding
	conditionWarmup
	conditionRunning
	conditionPaused
	conditionStalled // the worker answers, but no step finishes
	conditionSilent
	conditionEnded
	conditionDied
	conditionResting // it made room for a sweep
)

// stalledAfter is how long no step may finish before the screen says so.
const stalledAfter = 2 * time.Second

func conditionOf(view *profiler.View, closed bool) condition {
	if view == nil {
		if closed {
			return conditionEnded
		}
		return conditionStarting
	}
	switch view.Worker.Phase {
	case profiler.WorkerDied:
		return conditionDied
	case profiler.WorkerEnded:
		if view.Failure != nil {
			return conditionDied
		}
		return conditionEnded
	case profiler.WorkerSilent:
		return conditionSilent
	case profiler.WorkerResting:
		return conditionResting
	case profiler.WorkerStarting, profiler.WorkerRunning:
	}
	if closed {
		return conditionEnded
	}
	if view.Sample == nil || view.Worker.Phase == profiler.WorkerStarting {
		return conditionStarting
	}
	if time.Duration(view.Sample.StalledMS)*time.Millisecond >= stalledAfter {
		return conditionStalled
	}
	switch view.Sample.State {
	case profiler.StateBuilding:
		return conditionBuilding
	case profiler.StateWarmup:
		return conditionWarmup
	case profiler.StatePaused:
		return conditionPaused
	case profiler.StateEnded:
		return conditionEnded
	case profiler.StateRunning:
		return conditionRunning
	default:
		return conditionRunning
	}
}

// restartable reports whether only a new worker helps.
func (c condition) restartable() bool {
	switch c {
	case conditionStalled, conditionSilent, conditionEnded, conditionDied:
		return true
	case conditionStarting, conditionBuilding, conditionWarmup, conditionRunning, conditionPaused, conditionResting:
		return false
	default:
		return false
	}
}

// live reports whether the figures on screen are those of a run that goes on.
func (c condition) live() bool { return c == conditionRunning || c == conditionWarmup }

// gone reports whether there is no worker.
func (c condition) gone() bool {
	return c == conditionResting || c == conditionEnded || c == conditionDied
}

// banner is what stands below the panels when something is not as usual: a word, the cause, and what
// to do about it. Word is empty when all is well.
type banner struct {
	word, text, hint string
	bad              bool
}

// banner describes the condition.
func (c condition) banner(view *profiler.View, restarting bool) banner {
	restart := "r starts a new one; L shows the log"
	if restarting {
		restart = "starting a new one"
	}
	switch c {
	case conditionRunning, conditionWarmup:
		return banner{}
	case conditionPaused:
		return banner{word: "RUN PAUSED", text: "no steps are launched", hint: "p goes on"}
	case conditionStarting:
		return banner{word: "STARTING", text: "waiting for the worker's first figures"}
	case conditionBuilding:
		text := view.Sample.Progress
		if text == "" {
			text = "making weights and inputs"
		}
		hint := ""
		if view.Workload != nil && !view.Sample.GivenUp() {
			hint = "esc cancels; the one before goes on"
		}
		return banner{word: "BUILDING", text: text, hint: hint}
	case conditionStalled:
		return banner{
			word: "ENGINE STALLED", bad: true, hint: restart,
			text: fmt.Sprintf("no step for %.1f s; figures from before",
				float64(view.Sample.StalledMS)/1000),
		}
	case conditionSilent:
		return banner{
			word: "WORKER SILENT", bad: true, hint: restart,
			text: fmt.Sprintf("nothing heard for %.0f s, ended after %.0f s",
				view.Worker.Silent.Seconds(), (profiler.KillAfter + view.Header.Interval()).Seconds()),
		}
	case conditionResting:
		return banner{word: "RESTING", text: "the worker made room for a sweep and comes back"}
	case conditionEnded:
		return banner{word: "RUN ENDED", text: "figures are the last ones", hint: restart}
	case conditionDied:
		return banner{word: "WORKER DIED", bad: true, text: diedOf(view), hint: restart}
	default:
		return banner{}
	}
}

func diedOf(view *profiler.View) string {
	cause := view.Worker.Cause
	if view.Failure != nil && view.Failure.Text != "" {
		if cause == "" || cause == view.Failure.Text {
			return view.Failure.Text
		}
		return view.Failure.Text + " (" + cause + ")"
	}
	if cause == "" {
		return "no cause is known"
	}
	return cause
}
