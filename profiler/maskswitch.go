package profiler

import "sync"

// MaskSwitch hands an ES mask to an engine's steps, so that setting it tells exactly which step is the
// first to have it. The zero value is off. It is for engines in Go; the library has its own.
type MaskSwitch struct {
	mu   sync.Mutex // mask and next must be seen together
	mask ESMask
	next uint64 // the first step that has not begun
}

// Set takes effect at the next step that begins, and returns its number.
func (s *MaskSwitch) Set(mask ESMask) (first uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mask = mask
	return s.next
}

// Begin returns the mask of the step that begins now.
func (s *MaskSwitch) Begin() ESMask {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.mask
}
