package recording

import "time"

// Pace lets the records of a recording come as fast as they were recorded, times a speed.
type Pace struct {
	speed  float64
	anchor time.Time // the wall clock's time when the recording was at from
	from   time.Time
	last   time.Time
}

// NewPace makes a pace of a speed that PlayerConfig allows.
func NewPace(speed float64) *Pace { return &Pace{speed: speed} }

// Wait returns when a record of that time is due. Gaps that a player does not wait for are passed over.
func (p *Pace) Wait(at time.Time) {
	if p.anchor.IsZero() || at.Sub(p.last) > longestGap {
		p.anchor, p.from = time.Now(), at
	}
	p.last = at
	due := p.anchor.Add(time.Duration(float64(at.Sub(p.from)) / p.speed))
	time.Sleep(time.Until(due))
}
