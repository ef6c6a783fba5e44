package main

import (
	"testing"
	"time"
)

// What the screen may take at ten frames a second on 160x48.
const (
	busyBudget  = 4.0 // percent of a core
	idleBudget  = 0.5
	frameBudget = 10_000 // bytes
)

// BenchmarkScreen runs the real program for b.N tenths of a second on a pseudo-terminal, on the stand-in
// for a GPU in A/B mode, and measures what its front takes and writes: on each view, with the screen
// paused, and with the run paused. It fails above the budget. CPU time counts, so that a machine that
// does other things matters little; give it some seconds: -benchtime 100x.
func BenchmarkScreen(b *testing.B) {
	for _, c := range []struct {
		name, keys string
		budget     float64
	}{
		{"live", "1", busyBudget},
		{"experts", "2", busyBudget},
		{"sweep", "3", busyBudget},
		{"kernels", "4", busyBudget},
		{"screen-paused", " ", idleBudget},
		{"run-paused", "p", idleBudget},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := startScreen(b, nil, faked("--ab")...)
			p.await("cycles")
			time.Sleep(time.Second)
			if _, err := p.master.WriteString(c.keys); err != nil {
				b.Fatal(err)
			}
			time.Sleep(3 * time.Second) // A worker that has nothing to tell says so less often by then.
			bytes, used, from := p.bytes(), p.cpuTime(), time.Now()
			time.Sleep(time.Duration(b.N) * 100 * time.Millisecond)
			percent := 100 * float64(p.cpuTime()-used) / float64(time.Since(from))
			frame := float64(p.bytes()-bytes) / float64(b.N)
			b.ReportMetric(percent, "percent-of-core")
			b.ReportMetric(frame, "bytes/frame")
			b.ReportMetric(0, "ns/op")
			if b.N < 50 {
				return // The clock of CPU time ticks a hundred times a second.
			}
			if percent > c.budget || frame > frameBudget {
				b.Errorf("%.2f%% of a core and %.0f bytes a frame, at most %.1f%% and %d are allowed", percent, frame, c.budget, frameBudget)
			}
		})
	}
}
