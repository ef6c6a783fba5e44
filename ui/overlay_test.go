package ui

import (
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

// TestOverlayOnALargerScreen shows text after a resize, although fewer lines are left to scroll to.
func TestOverlayOnALargerScreen(t *testing.T) {
	t.Parallel()
	m := testModel(t, MinWidth, MinHeight, cudaView(), nil)
	press(m, "?")
	for range 200 {
		press(m, "down")
	}
	m.Update(tea.WindowSizeMsg{Width: 200, Height: 60})
	checkShown(t, m, "n/a, ·")
	before := plain(t, m)
	press(m, "up")
	if plain(t, m) == before {
		t.Error("the first key after the resize does nothing")
	}
}

// TestNoPickerBeforeTheSessionIsBack shows no key that a worker would have to answer while there is none.
func TestNoPickerBeforeTheSessionIsBack(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	sweeping(SweepRunning, 6)(m)
	m.Update(sweepMsg{sweptView(SweepDone, 14)})
	checkNotShown(t, m, "a A/B")
	press(m, "n", "u")
	if got := sent(t, m); len(got) > 0 || m.overlay.kind != overlayNone {
		t.Errorf("sent %q, overlay %d", got, m.overlay.kind)
	}
	m.Update(viewMsg{cudaView()})
	checkShown(t, m, "a A/B")
}

// TestPickersOfAWorkloadThatIsGone opens one just before the view of a worker that has only been started.
func TestPickersOfAWorkloadThatIsGone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"n", "w", "m"} {
		m := testModel(t, 80, 24, cudaView(), nil)
		press(m, name)
		m.Update(viewMsg{with(cudaView(), func(v *profiler.View) {
			v.Worker.Phase, v.Workload, v.Sample = profiler.WorkerStarting, nil, nil
		})()})
		checkShown(t, m, "STARTING")
		press(m, "down", "enter")
	}
}
