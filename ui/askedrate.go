package ui

import (
	"fmt"
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
	m.commands++
	command := profiler.Command{ID: fmt.Sprintf("ui-%d", m.commands), Interval: new(profiler.AskedInterval(interval))}
	m.debugf("send %s: a sample each %v", command.ID, interval)
	if err := m.source.Send(command); err != nil {
		m.debugf("send %s: %v", command.ID, err) // The next message tries again.
		return
	}
	m.rate.slow = slow
}
