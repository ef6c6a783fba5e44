package ui

import (
	"time"

	"github.com/moetop/moetop/profiler"
)

// frozenInterval is the time between the samples that a frozen screen asks for: it shows none of them,
// but what is said about the run.
const frozenInterval = time.Second

// askedRate is what the screen has last asked a worker for.
type askedRate struct {
	slow bool
	of   int // the worker's process
}

// settleRate asks for fewer samples while nobody looks at them. The worker's statistics miss nothing; a
// recording would miss samples, so that it keeps the rate.
func (m *model) settleRate() {
	if m.opts.Player != nil || m.view == nil || m.view.Header == nil || m.closed {
		return
	}
	usual := m.view.Header.Interval()
	if pid := m.view.Header.PID; m.rate.of != pid {
		m.rate = askedRate{of: pid} // A new one begins at the usual rate.
	}
	slow := m.frozen && !m.opts.FullRate && !m.recordingOn()
	if slow == m.rate.slow || usual >= frozenInterval {
		return
	}
	interval := usual
	if slow {
		interval = frozenInterval
	}
	m.debugf("a sample each %v is enough", interval)
	if m.post(profiler.Command{Interval: new(profiler.AskedInterval(interval))}) == nil {
		m.rate.slow = slow // If not, the next message tries again.
	}
}
