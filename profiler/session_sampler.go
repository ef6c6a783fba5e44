package profiler

import (
	"fmt"
	"time"
)

// samplerHolder opens a sampler beside the session and closes it again, because both may hang.
type samplerHolder struct {
	open    func(dev *Device) Sampler
	opened  chan openedSampler
	asked   bool
	current Sampler
	problem string
}

// openedSampler is a sampler, or why there is none.
type openedSampler struct {
	sampler Sampler
	problem string
}

func newSamplerHolder(open func(dev *Device) Sampler) samplerHolder {
	return samplerHolder{open: open, opened: make(chan openedSampler, 1)}
}

// ask starts to open the sampler; later calls do nothing.
func (h *samplerHolder) ask(dev *Device) {
	if h.open == nil || h.asked {
		return
	}
	h.asked = true
	open, opened := h.open, h.opened
	go func() {
		var result openedSampler
		defer func() {
			if cause := recover(); cause != nil {
				result = openedSampler{problem: fmt.Sprintf("panic while the sampler was opened: %v", cause)}
			}
			opened <- result
		}()
		result.sampler = open(dev)
	}()
}

// use takes what was opened.
func (h *samplerHolder) use(o openedSampler) { h.current, h.problem = o.sampler, o.problem }

// close waits for the sampler to end, but not longer than the grace.
func (h *samplerHolder) close(grace time.Duration) {
	if !h.asked {
		return
	}
	current, opened := h.current, h.opened
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		defer func() {
			// A sampler that panics while it is closed has nothing left to tell.
			_ = recover()
		}()
		if current == nil {
			current = (<-opened).sampler
		}
		if current != nil {
			_ = current.Close()
		}
	}()
	timeout := time.NewTimer(grace)
	defer timeout.Stop()
	select {
	case <-closed:
	case <-timeout.C:
	}
}
