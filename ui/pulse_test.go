package ui

import (
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// TestRatesAreOfASecond sends samples whose own rates jump: what stands in the header is the mean of a
// second, and does not change within it.
func TestRatesAreOfASecond(t *testing.T) {
	t.Parallel()
	var used time.Duration
	m := testModel(t, 160, 48, cudaView(), func(o *Options) { o.CPUTime = func() time.Duration { return used } })
	checkShown(t, m, "2 366 steps/s", "worker 3% CPU")
	tenths := func(n int, steps uint64, percent float64) {
		for range n {
			next, sample := *m.view, *m.view.Sample
			next.Time, next.Step, next.Sample = next.Time.Add(100*time.Millisecond), next.Step+steps, &sample
			sample.StepsPerSecond, sample.CPUPercent = float64(steps)*10, percent
			m.Update(viewMsg{&next})
			used += 4 * time.Millisecond
		}
	}
	tenths(5, 300, 10)
	checkShown(t, m, "2 366 steps/s", "worker 3% CPU")
	tenths(5, 100, 20)
	checkShown(t, m, "2 000 steps/s", "worker 15% CPU", "screen 4%")
	tenths(9, 400, 90)
	checkShown(t, m, "2 000 steps/s")
	// A recording that was sought back begins anew.
	m.Update(viewMsg{with(cudaView(), func(v *profiler.View) { v.Sample.StepsPerSecond = 77 })()})
	checkShown(t, m, "77.0 steps/s")
}
