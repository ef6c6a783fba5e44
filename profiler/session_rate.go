package profiler

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"time"
)

const (
	// pausedInterval is the least time between the samples of a paused run, in which little happens. It
	// keeps clear of SilentAfter.
	pausedInterval = time.Second
	// MaxAskedInterval bounds what a command may ask for: a worker has to be heard well before SilentAfter.
	MaxAskedInterval = 2 * time.Second
)

// AskedInterval is a time between samples as a command asks for it, such as "1s".
type AskedInterval time.Duration

var (
	_ encoding.TextMarshaler   = AskedInterval(0)
	_ encoding.TextUnmarshaler = (*AskedInterval)(nil)
)

// MarshalText implements encoding.TextMarshaler.
func (i AskedInterval) MarshalText() ([]byte, error) { return []byte(time.Duration(i).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It refuses what no session may be asked for.
func (i *AskedInterval) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not allowed: %s is", text, askedIntervalAllowed())
	}
	if d < MinInterval || d > MaxAskedInterval {
		return errors.New(d.String() + " is not allowed: " + askedIntervalAllowed() + " is")
	}
	*i = AskedInterval(d)
	return nil
}

func askedIntervalAllowed() string {
	return fmt.Sprintf("a duration from %v to %v, such as 500ms", MinInterval, MaxAskedInterval)
}

// cadence says when samples are due. The session looks at its instruments at least as often as it was
// configured to, however seldom its reader wants samples: no reading is lost to the statistics.
type cadence struct {
	configured, asked time.Duration
	ticker            *time.Ticker
	ticks             int // since the newest sample
}

func newCadence(interval time.Duration) cadence {
	return cadence{configured: interval, asked: interval, ticker: time.NewTicker(interval)}
}

// period is the time between ticks.
func (c *cadence) period() time.Duration { return min(c.configured, c.asked) }

// ask changes the time between samples.
func (c *cadence) ask(interval time.Duration) {
	c.asked, c.ticks = interval, 0
	c.ticker.Reset(c.period())
}

// tick reports whether a sample is due that has to come every so often.
func (c *cadence) tick(every time.Duration) bool {
	c.ticks++
	if c.ticks < int(math.Round(float64(every)/float64(c.period()))) {
		return false
	}
	c.ticks = 0
	return true
}

// tick looks at the instruments and emits a sample if one is due.
func (s *session) tick(now time.Time) error {
	every := s.cadence.asked
	if s.lastSample.resting && s.state() == StatePaused && s.finished == s.lastSample.finished {
		every = max(every, pausedInterval) // All that there was to tell has been told.
	}
	if s.cadence.tick(every) {
		s.sample()
	} else {
		s.readTelemetry()
	}
	return s.checkStall(now)
}
