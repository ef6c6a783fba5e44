package ui

import (
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// TestBannersSayAllAtStandardSize cuts no banner's text in favour of what to do about it.
func TestBannersSayAllAtStandardSize(t *testing.T) {
	t.Parallel()
	progress := func(text string) func() *profiler.View {
		return with(buildingView(), func(v *profiler.View) { v.Sample.Progress = text })
	}
	for name, c := range map[string]struct {
		view  func() *profiler.View
		texts []string
	}{
		"building": {progress("making the weights and capturing the steps"), []string{"and capturing the steps  ", "esc cancels"}},
		"stalled":  {with(stalledView(), func(v *profiler.View) { v.Sample.StalledMS = 17300 }), []string{"no step for 17.3 s; figures from before  ", "r starts a new one"}},
		"silent": {with(silentView(), func(v *profiler.View) { v.Worker.Silent = 13 * time.Second }), []string{
			"nothing heard for 13 s, ended after 30 s  ", "r starts a new one",
		}},
		"died": {diedView, []string{"segmentation fault (SIGSEGV)", "r starts a new one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			checkShown(t, testModel(t, standardWidth, standardHeight, c.view(), nil), c.texts...)
		})
	}
	m := testModel(t, standardWidth, standardHeight, cudaView(), nil)
	m.Update(sweepMsg{sweptView(SweepRunning, 6)})
	checkShown(t, m, "6 of 14 points, 41s left; the session comes back", "3 shows it")
}

// TestAWorkerThatIsGoneTakesNoCPU shows no share of a core for what has ended.
func TestAWorkerThatIsGoneTakesNoCPU(t *testing.T) {
	t.Parallel()
	checkShown(t, testModel(t, 200, 60, cudaView(), nil), "worker 3% CPU")
	checkShown(t, testModel(t, 200, 60, diedView(), nil), "worker · CPU")
}

// TestTheLogIsNamedOnceItSaysWhy does not send people to a log that says nothing while NVML only takes its time.
func TestTheLogIsNamedOnceItSaysWhy(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{60, 16}, {80, 24}} {
		view := withoutNVML()
		checkShown(t, testModel(t, size[0], size[1], view, nil), "says why")
		view.Log = nil
		checkShown(t, testModel(t, size[0], size[1], view, nil), "no readings yet")
	}
}

// TestACancelledBuildIsNotCancelledAgain offers nothing while a build is only being cleared away.
func TestACancelledBuildIsNotCancelledAgain(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"cancelled: closing what was begun", "cancelled: opening the engine before again"} {
		m := testModel(t, 120, 40, with(buildingView(), func(v *profiler.View) { v.Sample.Progress = text })(), nil)
		checkShown(t, m, text)
		checkNotShown(t, m, "esc cancel")
	}
}
