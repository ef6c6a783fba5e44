package ui

import (
	"runtime"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// drawn counts the frames that a model draws anew for some views.
func drawn(m *model, views []*profiler.View) int {
	n := 0
	for _, v := range views {
		m.Update(viewMsg{v})
		if m.frame.changed {
			n++
		}
		_ = m.View()
	}
	return n
}

// minute is a minute of views, ten a second.
func minute(view func() *profiler.View) []*profiler.View {
	var views []*profiler.View
	for i := range 600 {
		v := view()
		v.Time = v.Time.Add(time.Duration(i) * 100 * time.Millisecond)
		views = append(views, v)
	}
	return views
}

// TestPausedScreenDrawsNothing holds the screen still: nothing is drawn but what is said about the run.
func TestPausedScreenDrawsNothing(t *testing.T) {
	t.Parallel()
	m := testModel(t, 160, 48, cudaView(), nil)
	press(m, "space")
	_ = m.View()
	if n := drawn(m, minute(cudaView)); n != 0 {
		t.Errorf("%d frames drawn while the screen is paused", n)
	}
	m.Update(viewMsg{diedView()})
	if !m.frame.changed {
		t.Error("the worker's death is not drawn")
	}
	checkShown(t, m, "WORKER DIED")
	press(m, "?")
	checkShown(t, m, "Help")
}

// TestPausedRunIsDrawnEachOtherSecond draws a run that launches nothing as often as there is something new.
func TestPausedRunIsDrawnEachOtherSecond(t *testing.T) {
	t.Parallel()
	paused := func() *profiler.View {
		return with(manualView(), func(v *profiler.View) { v.Sample.State = profiler.StatePaused })()
	}
	m := testModel(t, 160, 48, paused(), nil)
	if n := drawn(m, minute(paused)); n < 29 || n > 32 {
		t.Errorf("%d frames drawn in a minute of a paused run", n)
	}
	m.Update(viewMsg{manualView()})
	if !m.frame.changed {
		t.Error("the run's going on is not drawn")
	}
}

// TestAnHourInFakeTime draws an hour of views on all pages: what the screen holds does not grow with
// them.
func TestAnHourInFakeTime(t *testing.T) {
	// Not parallel: nothing else may use the heap meanwhile.
	fold := profiler.NewFold()
	start := cudaView()
	fold.Apply(profiler.Record{Kind: profiler.KindHeader, Time: testTime(), Header: start.Header})
	fold.Apply(profiler.Record{Kind: profiler.KindWorkload, Time: testTime(), Workload: start.Workload})
	m := testModel(t, 160, 48, start, nil)
	second := 0
	// A frame a second of ten samples; a toggle and a warning each ten seconds.
	minutes := func(n int) {
		for range n * 60 {
			at := testTime().Add(time.Duration(second) * time.Second)
			for i := range 10 {
				sample := *start.Sample
				sample.StepsPerSecond += float64(second % 7)
				sample.Recent = profiler.Recent{Step: []uint64{uint64(second)}, Mask: []int{0}, StepUS: []float64{440 + float64(second%9)}}
				fold.Apply(profiler.Record{Kind: profiler.KindSample, Time: at.Add(time.Duration(i) * 100 * time.Millisecond), Sample: &sample})
			}
			if second%10 == 0 {
				from, to := profiler.ESMask(second/10%4), profiler.ESMask((second/10+1)%4)
				fold.Apply(profiler.Record{Kind: profiler.KindToggle, Time: at, Toggle: &profiler.Toggle{From: from, To: to}})
				fold.Apply(profiler.Record{Kind: profiler.KindWarning, Time: at, Warning: &profiler.Warning{Code: "clocks", Text: at.String()}})
			}
			press(m, string("124"[second%3]))
			m.Update(viewMsg{fold.View()})
			_ = m.View()
			second++
		}
	}
	minutes(10)
	before := heap()
	minutes(50)
	after := heap()
	t.Logf("heap %.2f MB after 10 minutes, %.2f MB after an hour", before/1e6, after/1e6)
	runtime.KeepAlive(m)
	runtime.KeepAlive(fold)
	if after > before*1.1+1e6 {
		t.Errorf("the heap grew from %.2f to %.2f MB between minute 10 and 60", before/1e6, after/1e6)
	}
}
