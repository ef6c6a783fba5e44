package exporter

import "time"

// The pauses before a worker is started again.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// backoff chooses the pauses: each twice the one before, from the first one again after a worker that
// has lived for longer than the longest of them.
type backoff struct {
	pause time.Duration
	since time.Time // when the worker was started
}

func newBackoff() *backoff { return &backoff{pause: firstPause, since: time.Now()} }

func (b *backoff) started() { b.since = time.Now() }

func (b *backoff) next() time.Duration {
	if time.Since(b.since) > longestPause {
		b.pause = firstPause
	}
	pause := b.pause
	b.pause = min(2*pause, longestPause)
	return pause
}
