package profiler

import (
	"errors"
	"sync"
	"sync/atomic"
)

// control is what the session wants of the engine's thread: a state, not a queue, so that neither
// ever waits for the other.
type control struct {
	mu     sync.Mutex
	engine Engine // nil while there is none that SetES may be called on
	base   uint64 // the engine's step 0 is this step of the session
	mask   ESMask
	ab     bool
	same   bool // A/B mode runs the mask in all blocks: an A/A test
	paused bool
	stop   bool
	build  *buildOrder // not yet begun

	wake     chan struct{} // capacity 1
	launched atomic.Uint64 // steps that were launched, over all engines; behind by one chunk at most
}

// buildOrder asks for an engine for another configuration. ring is the number of routings.
type buildOrder struct {
	id  uint64
	cfg EngineConfig
	// cancelled says that nobody wants it any more. An engine that is being opened is closed again.
	cancelled atomic.Bool
	// asked says that the kernels were asked for, and not only the workload around them.
	asked bool
}

// errCancelled answers the commands of a build that was given up.
var errCancelled = errors.New("cancelled")

func newControl(mask ESMask, ab, same bool) *control {
	return &control{mask: mask, ab: ab, same: same, wake: make(chan struct{}, 1)}
}

// change runs fn under the lock and wakes the engine's thread.
func (c *control) change(fn func()) {
	c.mu.Lock()
	fn()
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// setES leaves A/B mode and sets the mask for the very next launch, without waiting for the engine's
// thread. It returns the number of steps launched before.
func (c *control) setES(mask ESMask) (launched uint64) {
	c.change(func() {
		launched = c.launched.Load()
		c.mask, c.ab = mask, false
		if c.engine != nil {
			launched = c.base + c.engine.SetES(mask)
		}
	})
	return launched
}

// setAB enters A/B mode; the engine's thread begins with the first block. It returns the number of
// steps launched before.
func (c *control) setAB() (launched uint64) {
	c.change(func() {
		launched = c.launched.Load()
		c.ab = true
	})
	return launched
}

// order is a copy of what is wanted now.
type order struct {
	ab     bool
	paused bool
	stop   bool
	build  *buildOrder
}

// take returns what is wanted, and takes the build order with it.
func (c *control) take() order {
	c.mu.Lock()
	defer c.mu.Unlock()
	o := order{ab: c.ab, paused: c.paused, stop: c.stop, build: c.build}
	c.build = nil
	return o
}

// wantsOther reports whether a block or batch should be broken off.
func (c *control) wantsOther(ab bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stop || c.paused || c.build != nil || c.ab != ab
}

// stopping reports whether the session is about to end.
func (c *control) stopping() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stop
}

// beginBlock sets a block's mask, unless A/B mode was left in the meantime, and returns what runs.
func (c *control) beginBlock(mask ESMask) (run ESMask, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ab {
		return 0, false
	}
	if c.same {
		mask = c.mask
	}
	c.engine.SetES(mask)
	return mask, true
}

// install makes an engine the current one, with the mask that is wanted. A nil engine takes the
// current one away: after that no call of SetES is under way. base is the step of the session that is
// the engine's step 0.
func (c *control) install(engine Engine, base uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.engine, c.base = engine, base
	if engine != nil {
		engine.SetES(c.mask)
	}
}
