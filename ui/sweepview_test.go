package ui

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// What the sweep page shows in tests: literal figures, as in view_test.go.

// fakeSweeper keeps what it is asked for.
type fakeSweeper struct {
	begun   []sweep.Plan
	cancels int
	refuse  error
}

func (f *fakeSweeper) Begin(_ *profiler.View, plan sweep.Plan) error {
	f.begun = append(f.begun, plan)
	return f.refuse
}
func (f *fakeSweeper) Cancel()                      { f.cancels++ }
func (f *fakeSweeper) Updates() <-chan *SweepUpdate { return nil }
func (f *fakeSweeper) Save(u *SweepUpdate) (string, error) {
	if len(u.Document.Points) == 0 {
		return "", errors.New("save: nothing")
	}
	return "/home/me/moetop-sweep-20260304-120000.json", nil
}

// fakeRecorder is on after Start.
type fakeRecorder struct {
	now Recording
	on  bool
	err error
}

func (f *fakeRecorder) Start() (string, error) {
	if f.err != nil {
		return "", f.err
	}
	f.on = true
	return f.now.Path, nil
}

func (f *fakeRecorder) Stop() (Recording, error) {
	f.on = false
	return f.now, f.err
}
func (f *fakeRecorder) Status() (Recording, bool) { return f.now, f.on }

// sweptPoint is one point whose stages have the given ratios off/on.
func sweptPoint(tokens int, up, down float64) sweep.Result {
	us := 20 + float64(tokens)*0.4
	times := func(v float64) *profiler.Times {
		return &profiler.Times{Count: 640, MedianUS: v, P90US: v * 1.05, P99US: v * 1.2}
	}
	within := func(v, half float64) *profiler.Ratio {
		return &profiler.Ratio{Value: v, Low: v - half, High: v + half, PValue: 0.0004, Pairs: 40}
	}
	r := sweep.Result{Timer: "cupti", Figures: sweep.Figures{
		Point:  sweep.Point{Model: "dsv3-tp8", Tokens: tokens, Routing: profiler.Routing{Kind: profiler.Uniform}, Kernels: "cutlass"},
		Status: sweep.OK, RanKernels: "cutlass", Pairs: 40, Time: testTime(),
		SMClockMHz: &profiler.Range{Median: 1980, Min: 1965, Max: 1980, Count: 12}, PowerWatts: &profiler.Range{Median: 512, Min: 420, Max: 533, Count: 12},
		ThrottleReasons: []string{},
		Layer: sweep.Layer{
			OffOff: times(3 * us), OnOff: times(us/up + 2*us), OffOn: times(us/down + 2*us), OnOn: times(us/up + us/down + us),
			OnOffRatio: within(3/(1/up+2), 0.008), OffOnRatio: within(3/(1/down+2), 0.008), OnOnRatio: within(3/(1/up+1/down+1), 0.008),
		},
		Stages: []sweep.Stage{
			{Name: "up", Switchable: true, Off: times(us), On: times(us / up), Ratio: within(up, 0.01)},
			{Name: "down", Switchable: true, Off: times(us), On: times(us / down), Ratio: within(down, 0.01)},
		},
	}}
	r.Command = []string{"moetop", "--json", "--ab", "--model=dsv3-tp8", "--tokens=" + strconv.Itoa(tokens), "--duration=10s"}
	tuple := [2]bool{up > 1.01, down > 1.01}
	r.Verdict = profiler.Verdict{EnableES: &tuple, Text: fmt.Sprintf("deploy enable_es=%s: up %.2fx [%.2f, %.2f], down %.2fx [%.2f, %.2f]",
		profiler.ESOff.With(profiler.Up, tuple[0]).With(profiler.Down, tuple[1]).Tuple(), up, up-0.01, up+0.01, down, down-0.01, down+0.01)}
	return r
}

// sweptView is a sweep of dsv3-tp8 over 1 to 8192 tokens of which so many points are there.
func sweptView(state SweepState, points int) *SweepUpdate {
	plan := sweep.Plan{
		Models: []string{"dsv3-tp8"}, Kernels: []string{"cutlass"}, Routings: []profiler.Routing{{Kind: profiler.Uniform}},
		Seed: 1, Pairs: 40, TimeS: 10,
	}
	ratios := [][2]float64{
		{0.74, 0.60},
		{0.81, 0.72},
		{0.92, 0.84},
		{1.00, 0.95},
		{1.05, 1.09},
		{1.04, 1.18},
		{1.01, 1.24},
		{0.98, 1.29},
		{0.97, 1.41},
		{1.00, 1.62},
		{1.00, 1.75},
		{1.15, 1.3},
		{0.96, 0.96},
		{0.97, 0.98},
	}
	results := map[sweep.Point]sweep.Result{}
	for i, r := range ratios {
		tokens := 1 << i
		plan.Tokens = append(plan.Tokens, tokens)
		point := sweptPoint(tokens, r[0], r[1])
		if i == 12 {
			point.Status, point.Error, point.Stages, point.Layer = sweep.OutOfMemory, "does not fit: 12 GiB are missing", nil, sweep.Layer{}
			point.Verdict = profiler.Verdict{Text: "no verdict: the point was not measured"}
		}
		if i < points {
			results[point.Point] = point
		}
	}
	header := sweep.Header{
		SchemaVersion: profiler.SchemaVersion, Plan: plan, Command: []string{"moetop", "sweep"},
		Environment: profiler.Environment{Engine: "cuda", GPU: cudaView().Workload.GPU, Timer: "cupti"},
	}
	update := &SweepUpdate{State: state, Plan: plan, Begun: testTime().Add(-time.Minute), Document: sweep.NewDocument(header, results, testTime())}
	if points < len(plan.Tokens) {
		update.Progress = sweep.Progress{
			Point: sweep.Point{Model: "dsv3-tp8", Tokens: plan.Tokens[points]}, Index: points, Total: len(plan.Tokens),
			State: string(profiler.StateRunning), Pairs: 23, Elapsed: 3 * time.Second, Left: 41 * time.Second,
		}
	}
	return update
}

// sweeping is a model whose session made room for a sweep.
func sweeping(state SweepState, points int) func(*model) {
	return func(m *model) {
		if state == SweepMakingRoom || state == SweepRunning {
			view := cudaView()
			view.Worker = profiler.WorkerState{Phase: profiler.WorkerResting}
			m.Update(viewMsg{view})
		}
		m.Update(sweepMsg{sweptView(state, points)})
		m.Update(noticeEndMsg{m.notice.id})
	}
}
