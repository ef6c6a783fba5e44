package sweep

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

// labTurns are the cycles of a worker that can be paused: one every 100 ms while it runs. A step of
// cutlass takes 400 us, one of native 300, both with an hour-long drift that would ruin a comparison
// of one after the other.
type labTurns struct {
	worker *labWorker
	point  Point
	paused bool
	used   bool // it was paused at some time
	pairs  int
}

func (l *labTurns) begin(p Point) { *l = labTurns{worker: l.worker, point: p, used: l.used} }

func (l *labTurns) steer(c profiler.Command) {
	if c.Reset {
		l.pairs = 0
	}
	if c.Pause != nil {
		l.paused = *c.Pause
		l.used = l.used || l.paused
	}
}

func (l *labTurns) tick() {
	if l.paused || l.point.Model == "" {
		return
	}
	l.worker.lab.ran = append(l.worker.lab.ran, l.point.Kernels)
	l.pairs++
	us := map[string]float64{"cutlass": 400, "native": 300}[l.point.Kernels]
	us *= 1 + float64(time.Now().Unix()%3600)/1000
	cycle := profiler.Cycle{
		Time: time.Now(), UpUS: [2]float64{us / 2, us}, DownUS: [2]float64{us, us / 3},
		LayerUS: [profiler.NumMasks]float64{us, us * 1.1, us * 0.9, us * 1.2},
	}
	l.worker.tap(profiler.Record{Kind: profiler.KindSample, Sample: &profiler.Sample{Cycles: []profiler.Cycle{cycle}}})
}

// ranKernels is the family of the engine, which is not there to run anything where only one is asked for.
func ranKernels(p Point) string {
	if p.Kernels == "native" || p.Tokens > 100 {
		return p.Kernels
	}
	return "reference"
}

func familyPoints(tokens ...int) []Point {
	plan := Plan{
		Models: []string{"tiny"}, Kernels: []string{"cutlass", "native"},
		Routings: []profiler.Routing{{Kind: profiler.Uniform}}, Tokens: tokens,
	}
	return plan.Schedule()
}

func TestFamiliesTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{}
		results, err := runLab(t.Context(), l, familyPoints(101, 102), nil)
		if err != nil || len(results) != 4 || l.open != 0 || len(l.started) != 2 {
			t.Fatalf("%v, %d results, %d workers started, %d left", err, len(results), len(l.started), l.open)
		}
		switches := 0
		for i := range l.ran[1:] {
			if l.ran[i] != l.ran[i+1] {
				switches++
			}
		}
		if switches < 12 {
			t.Errorf("the families changed %d times", switches)
		}
		for i, r := range results {
			want := []string{"cutlass", "native"}[i%2]
			if r.Status != OK || r.Kernels != want || r.RanKernels != want || r.Pairs < 20 || (r.Against != nil) != (i%2 == 1) {
				t.Fatalf("point %d: %+v", i, r)
			}
			if a := r.Against; a != nil {
				for name, ratio := range map[string]*profiler.Ratio{"layer": a.Layer, "up": a.Up, "down": a.Down} {
					if ratio == nil || ratio.Value < 1.31 || ratio.Value > 1.36 || !ratio.Significant() {
						t.Errorf("point %d, %s: %+v, want 4/3 in spite of the drift", i, name, ratio)
					}
				}
				if a.Kernels != "cutlass" || a.Rounds < 5 {
					t.Errorf("point %d: %+v", i, a)
				}
			}
		}
	})
}

func TestFamilyThatFailsLeavesTheOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		behave behaviour
		status []Status
	}{
		"both fail":     {refuses, []Status{Failed, Failed}},
		"both die":      {dies, []Status{Failed, Failed}},
		"both hang":     {hangs, []Status{Failed, Failed}},
		"no memory":     {noMemory, []Status{OutOfMemory, OutOfMemory}},
		"one at a time": {noRoomForTwo, []Status{OK, OK}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &lab{behave: map[int]behaviour{102: c.behave}, exitCode: 1}
				results, err := runLab(t.Context(), l, familyPoints(101, 102, 103), nil)
				if err != nil || len(results) != 6 || l.open != 0 {
					t.Fatalf("%v, %d results, %d workers left", err, len(results), l.open)
				}
				for i, want := range []Status{OK, OK, c.status[0], c.status[1], OK, OK} {
					r := results[i]
					if r.Status != want {
						t.Errorf("point %d: %s, %q", i, r.Status, r.Error)
					}
					if hasRatio := i%2 == 1 && i != 3; (r.Against != nil) != hasRatio {
						t.Errorf("point %d is compared: %v", i, r.Against != nil)
					}
				}
				if warned := strings.Contains(warningsOf(results[3]), "do not fit beside each other"); warned != (c.behave == noRoomForTwo) {
					t.Errorf("warnings %q", warningsOf(results[3]))
				}
			})
		})
	}
}

func warningsOf(r Result) string {
	var texts []string
	for _, w := range r.Warnings {
		texts = append(texts, w.Text)
	}
	return strings.Join(texts, "; ")
}
