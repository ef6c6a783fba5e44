package ui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

func sweeper(m *model) *fakeSweeper { return m.opts.Sweeps.(*fakeSweeper) }

// TestSweepFormPlans goes through the form: what it shows is what is begun.
func TestSweepFormPlans(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, cudaView(), nil)
	press(m, "3", "right", "j", "left", "left", "j", "right", "j", "left", "enter")
	begun := sweeper(m).begun
	if len(begun) != 1 {
		t.Fatalf("%d sweeps begun", len(begun))
	}
	plan := begun[0]
	if !slices.Equal(plan.Models, []string{"dsv3-tp8"}) || !slices.Equal(plan.Tokens, []int{2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048}) ||
		plan.Pairs != 80 || plan.TimeS != 5 || plan.Kernels[0] != "cutlass" || plan.Routings[0].Kind != profiler.Uniform || plan.Seed != 1 {
		t.Errorf("%+v", plan)
	}
	if err := plan.Validate(); err != nil {
		t.Error(err)
	}
}

// TestSweepFormStaysInBounds holds every change of the form down: the plan stays one that can be run.
func TestSweepFormStaysInBounds(t *testing.T) {
	t.Parallel()
	for _, view := range []*profiler.View{cudaView(), cpuView(), kimiView()} {
		for field := range numFields {
			for _, key := range []string{"left", "right"} {
				m := testModel(t, 60, 16, view, nil)
				press(m, "3")
				press(m, slices.Repeat([]string{"j"}, field)...)
				press(m, slices.Repeat([]string{key}, 40)...)
				press(m, "x")
				begun := sweeper(m).begun
				if len(begun) != 1 || begun[0].Validate() != nil || len(begun[0].Tokens) == 0 {
					t.Errorf("field %d, %s: %+v", field, key, begun)
				}
				screen(t, m)
			}
		}
	}
}

func TestSweepOfACustomShapeIsRefusedWithWords(t *testing.T) {
	t.Parallel()
	view := with(cudaView(), func(v *profiler.View) { v.Workload.Workload.Model = profiler.CustomModel })()
	m := testModel(t, 120, 40, view, nil)
	press(m, "3", "enter")
	if len(sweeper(m).begun) != 0 {
		t.Error("a sweep was begun")
	}
	checkShown(t, m, "a shape of your own")
	// Its last words say what to do, and come whole on the form.
	m.Update(tea.WindowSizeMsg{Width: standardWidth, Height: standardHeight})
	checkShown(t, m, "--config-json describes one")
}

// TestSweepOfADescribedModel measures the model that a file describes, whose shape is known by that alone.
func TestSweepOfADescribedModel(t *testing.T) {
	t.Parallel()
	view := with(cudaView(), func(v *profiler.View) { v.Workload.Workload.Model = "new-moe" })()
	m := testModel(t, 120, 40, view, nil)
	described := &sweep.Described{ConfigJSON: "config.json", Workload: view.Workload.Workload}
	m.opts.Described = described
	press(m, "3", "enter")
	begun := sweeper(m).begun
	if len(begun) != 1 || !slices.Equal(begun[0].Models, []string{described.Workload.Name()}) || *begun[0].Described != *described {
		t.Errorf("begun %+v", begun)
	}
}

func TestSweepKeyStopsGoesOnAndBeginsAgain(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	m.page = pageSweep
	sweeping(SweepRunning, 6)(m)
	press(m, "u", "+", "m", "r")
	if got := sent(t, m); len(got) != 0 {
		t.Errorf("while a sweep runs the session was sent %q", got)
	}
	press(m, "esc", "x")
	if sweeper(m).cancels != 1 {
		t.Errorf("%d cancels", sweeper(m).cancels)
	}
	m.Update(viewMsg{cudaView()})
	sweeping(SweepStopped, 6)(m)
	press(m, "x")
	if got := sweeper(m).begun; len(got) != 1 || len(got[0].Tokens) != 14 {
		t.Errorf("went on with %+v", got)
	}
	sweeping(SweepDone, 14)(m)
	press(m, "x")
	checkShown(t, m, "tokens from")
	press(m, "esc")
	checkShown(t, m, "what to deploy")
	press(m, "x", "enter")
	if got := sweeper(m).begun; len(got) != 2 {
		t.Errorf("%d sweeps begun", len(got))
	}
}

// TestAFrozenSweepKeepsItsCursor holds the cursor still with the map that it is in.
func TestAFrozenSweepKeepsItsCursor(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	sweeping(SweepRunning, 3)(m)
	press(m, "3", "space")
	before := plain(t, m)
	m.Update(sweepMsg{sweptView(SweepRunning, 6)})
	if got := plain(t, m); got != before {
		t.Errorf("the paused screen changed from\n%s\nto\n%s", before, got)
	}
	press(m, "space")
	checkShown(t, m, ">    64 ")
}

func TestSweepFailureIsTold(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	update := sweptView(SweepFailed, 3)
	update.Problem = "the points that are there cannot be compared with new ones: engine cpu, not cuda"
	m.Update(sweepMsg{update})
	checkShown(t, m, "the sweep failed: the points that are there")
	press(m, "3")
	checkShown(t, m, "FAILED")
	sweeper(m).refuse = errors.New("a sweep runs already")
	press(m, "x")
	checkShown(t, m, "a sweep runs already")
}

func TestSweepSaves(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	press(m, "3")
	checkNotShown(t, m, "s save")
	press(m, "s")
	checkShown(t, m, "no point of a sweep was measured")
	m.Update(sweepMsg{sweptView(SweepStopped, 4)})
	_, cmd := m.Update(keyPress("s"))
	m.Update(cmd())
	const saved = "saved /home/me/moetop-sweep-20260304-120000.json"
	checkShown(t, m, saved)
	// A key asked for the file's name: that the sweep ends, and the session comes back, does not hide it.
	m.Update(sweepMsg{sweptView(SweepDone, 14)})
	view := cudaView()
	view.Log = append(view.Log, profiler.LogEntry{Time: view.Time, Code: "worker", Text: "started again"})
	m.Update(viewMsg{view})
	checkShown(t, m, saved)
}

func TestSweepVerdictOfOneBatch(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	press(m, "3")
	m.Update(sweepMsg{sweptView(SweepStopped, 1)})
	m.sweeps.row = 0
	checkShown(t, m, "no other batch is measured yet")
}

// TestSweepMouse clicks a cell, and again to open it.
func TestSweepMouse(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, cudaView(), nil)
	sweeping(SweepDone, 14)(m)
	press(m, "3")
	lines := strings.Split(plain(t, m), "\n")
	y := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "1.29") })
	left, _, _ := strings.Cut(lines[y], "1.29")
	x := len([]rune(left))
	click := tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}
	m.Update(click)
	checkShown(t, m, "[1.29 ▲]")
	m.Update(click)
	checkShown(t, m, "dsv3-tp8, 128 tokens")
	press(m, "esc")
	m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	checkShown(t, m, "[1.41 ▲]")
}

func TestSweepCursorFollowsUntilItIsMoved(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, cudaView(), nil)
	press(m, "3")
	m.Update(sweepMsg{sweptView(SweepRunning, 2)})
	m.Update(sweepMsg{sweptView(SweepRunning, 3)})
	if m.sweeps.row != 3 {
		t.Errorf("row %d", m.sweeps.row)
	}
	press(m, "up")
	m.Update(sweepMsg{sweptView(SweepRunning, 4)})
	if m.sweeps.row != 2 {
		t.Errorf("row %d after it was moved", m.sweeps.row)
	}
}

// TestHeatNeedsProof gives no colour to what could be chance.
func TestHeatNeedsProof(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value, low, high float64
		want             any
	}{
		{1.5, 0.9, 2, styleMuted},
		{1.5, 1.4, 1.6, styleFaster3},
		{1.2, 1.1, 1.3, styleFaster2},
		{1.02, 1.01, 1.03, styleFaster1},
		{0.98, 0.97, 0.99, styleSlower1},
		{0.9, 0.89, 0.91, styleSlower2},
		{0.5, 0.4, 0.6, styleSlower3},
	} {
		if got := heat(&profiler.Ratio{Value: c.value, Low: c.low, High: c.high}); got != c.want {
			t.Errorf("%v [%v, %v]: style %v, want %v", c.value, c.low, c.high, got, c.want)
		}
	}
	if heat(nil) != styleMuted {
		t.Error("nothing has a colour")
	}
}

func TestReplayHasNoSweep(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), func(o *Options) { o.Sweeps, o.Recorder = nil, nil })
	press(m, "3", "x", "R")
	if m.page != pageLive {
		t.Errorf("page %d", m.page)
	}
	checkShown(t, m, "2 experts", "4 kernels")
	m.Update(tea.WindowSizeMsg{Width: standardWidth, Height: standardHeight})
	checkShown(t, m, "1 2 4 views")
}

func TestFailedPointIsShown(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	update := sweptView(SweepDone, 14)
	update.Document.Points[2].Status, update.Document.Points[2].Error = sweep.Failed, "the worker died: segmentation fault"
	m.Update(sweepMsg{update})
	press(m, "3")
	checkShown(t, m, "failed: the worker died")
}

// TestSweepNamesItsKernels beside a session that runs others meanwhile, or has none to choose from.
func TestSweepNamesItsKernels(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, familiesView("native", "native"), nil)
	sweeping(SweepStopped, 6)(m)
	press(m, "3")
	checkShown(t, m, "native kernels", "Sweep of DeepSeek-V3 tp8, uniform, cutlass ")
	m = testModel(t, 80, 24, cpuView(), nil)
	sweeping(SweepStopped, 6)(m)
	press(m, "3")
	checkNotShown(t, m, "cutlass")
}

// TestNoRowIsClickedDuringASweep clicks on a switch while there is no worker whose switch it is.
func TestNoRowIsClickedDuringASweep(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, manualView(), nil)
	sweeping(SweepRunning, 3)(m)
	press(m, "1")
	x, y := placeOf(t, m, "│up ")
	m.Update(tea.MouseClickMsg{X: x + 9, Y: y, Button: tea.MouseLeft})
	if got := sent(t, m); len(got) > 0 || m.want != (intent{}) {
		t.Errorf("sent %q, want %+v", got, m.want)
	}
}

func TestRecordKey(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	do := func() {
		_, cmd := m.Update(keyPress("R"))
		m.Update(cmd())
	}
	do()
	checkShown(t, m, "recording to /home/me/a.moetop")
	checkShown(t, m, "● REC 1:23")
	do()
	checkShown(t, m, "recorded 1m23s, 45.2 kB: moetop replay /home/me/a.moetop")
	recorder := m.opts.Recorder.(*fakeRecorder)
	recorder.err = errors.New("save: no space left on device")
	do()
	checkShown(t, m, "no space left on device")
	recorder.on, recorder.now.Err = true, recorder.err
	m.Update(viewMsg{cudaView()})
	checkShown(t, m, "REC FAILED")
}

// TestNewsDoNotHideAFile keeps the notice that names a file while the run has something to tell.
func TestNewsDoNotHideAFile(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	runSave(t, m)
	m.Update(viewMsg{with(cudaView(), func(v *profiler.View) { v.Log = logEntries() })()})
	checkShown(t, m, "saved /home/me/")
	m.Update(noticeEndMsg{m.notice.id})
	press(m, "L")
	checkShown(t, m, "the worker ended")
}

// TestEscCancelsABuild goes back to the workload before, where there is one.
func TestEscCancelsABuild(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"1", "2", "3", "4"} {
		m := testModel(t, 120, 40, cudaView(), nil)
		press(m, page, "+")
		sent(t, m)
		m.Update(viewMsg{buildingView()})
		checkShown(t, m, "esc cancels")
		press(m, "esc")
		if got := sent(t, m); len(got) != 1 || got[0] != `{"cancel":true}` {
			t.Errorf("on page %s sent %q", page, got)
		}
	}
	first := testModel(t, 120, 40, with(buildingView(), func(v *profiler.View) { v.Workload = nil })(), nil)
	press(first, "esc")
	if got := sent(t, first); len(got) != 0 {
		t.Errorf("without a workload before: sent %q", got)
	}
}

// TestEscIsShownOnce names only what esc does first, and no build while a sweep ends its worker.
func TestEscIsShownOnce(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	press(m, "2", "/", "S", "enter")
	checkShown(t, m, "esc all")
	m.Update(viewMsg{buildingView()})
	checkShown(t, m, "esc cancel")
	checkNotShown(t, m, "esc all")
	m.Update(sweepMsg{sweptView(SweepMakingRoom, 0)})
	checkShown(t, m, "esc all")
	checkNotShown(t, m, "esc cancel")
}

// TestPickersSend picks from lists and types what no list has.
func TestPickersSend(t *testing.T) {
	t.Parallel()
	typed := func(text string) []string { return append(strings.Split(text, ""), "enter") }
	for name, c := range map[string]struct {
		keys []string
		want string
	}{
		"routing":       {[]string{"w", "down", "down", "enter"}, `{"routing":"zipf:0.8"}`},
		"typed routing": {append([]string{"w"}, typed("zipf:0.93")...), `{"routing":"zipf:0.93"}`},
		"trace":         {append([]string{"w"}, typed("trace:/tmp/Counts.ndjson")...), `{"routing":"trace:/tmp/Counts.ndjson"}`},
		"tokens":        {[]string{"n", "up", "enter"}, `{"tokens":64}`},
		"typed tokens":  {append([]string{"n"}, typed("300")...), `{"tokens":300}`},
		"a shard":       {append([]string{"m"}, typed("kimi-k2-tp2-ep8")...), `{"model":"kimi-k2-tp2-ep8"}`},
		"nothing":       {append([]string{"n"}, typed("0")...), ""},
		"too many":      {append([]string{"n"}, typed("32769")...), ""},
		"far too many":  {append([]string{"n"}, typed("4611686018427387904")...), ""}, // Times the top-k it is 0 in 64 bits.
		"no number":     {append([]string{"n"}, typed("999999999999999999999")...), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := testModel(t, 80, 24, cudaView(), nil)
			press(m, c.keys...)
			screen(t, m)
			if got := strings.Join(sent(t, m), " "); got != c.want {
				t.Errorf("sent %s, want %s", got, c.want)
			}
		})
	}
}

// TestModelsThatDoNotFitSaySo compares what a model would need with what is free once the engine of
// now has made room.
func TestModelsThatDoNotFitSaySo(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, with(cudaView(), func(v *profiler.View) {
		v.Sample.NVML.MemoryFreeBytes = new(uint64(3 << 30))
	})(), func(o *Options) {
		o.Models = []ModelChoice{{"dsv3", "DeepSeek-V3"}, {"dsv3-tp4", "DeepSeek-V3 tp4"}, {"dsv3-tp8", "DeepSeek-V3 tp8"}}
	})
	press(m, "m")
	text := plain(t, m)
	for _, want := range []string{"≈ 10.5 GiB, does not fit", "≈ 2.7 GiB", runsNow} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Count(text, "does not fit") != 1 {
		t.Errorf("more than one does not fit:\n%s", text)
	}
}
