package recording

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
)

// The limits of a player's speed.
const (
	MinSpeed = 0.1
	MaxSpeed = 1000
)

const (
	// frameTime bounds how many views a second are made: a screen shows no more.
	frameTime = 15 * time.Millisecond
	// longestGap is the most time between two records that is waited for: recordings that were gone on
	// with have gaps of hours.
	longestGap = 5 * time.Second
	// lookBack is read before a place that is sought, for the history on the screen.
	lookBack = 2 * time.Minute
)

// ErrFixed is returned by Send for a command that a replay cannot carry out.
var ErrFixed = errors.New("this is a replay: what was recorded cannot be changed")

// PlayerConfig says how a recording is played.
type PlayerConfig struct {
	Speed float64       // 1 is as fast as it was recorded; 0 is 1
	From  time.Duration // since the beginning
}

// Validate returns an ArgumentError for a value that is not allowed.
func (c PlayerConfig) Validate() error {
	switch {
	case c.Speed != 0 && (math.IsNaN(c.Speed) || c.Speed < MinSpeed || c.Speed > MaxSpeed):
		return &profiler.ArgumentError{Field: "speed", Value: fmt.Sprint(c.Speed), Allowed: fmt.Sprintf("%v to %v", MinSpeed, MaxSpeed)}
	case c.From < 0:
		return &profiler.ArgumentError{Field: "from", Value: c.From.String(), Allowed: "a duration since the beginning"}
	}
	return nil
}

// Player plays a recording as a source of views.
type Player struct {
	reader *Reader
	views  chan *profiler.View
	wake   chan struct{} // there are orders
	quit   chan struct{}
	done   chan struct{}
	once   sync.Once

	mu     sync.Mutex
	orders []func(*playback) // not yet carried out
}

// Play starts to play. The player takes the reader over.
func Play(r *Reader, cfg PlayerConfig) (*Player, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Speed == 0 {
		cfg.Speed = 1
	}
	p := &Player{
		reader: r, views: make(chan *profiler.View, 1), wake: make(chan struct{}, 1),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	go newPlayback(p, cfg).run()
	return p, nil
}

// Views delivers the newest view. It is closed by Close.
func (p *Player) Views() <-chan *profiler.View { return p.views }

// Send carries out a pause; every other command is refused with ErrFixed.
func (p *Player) Send(cmd profiler.Command) error {
	if cmd.Pause == nil {
		return ErrFixed
	}
	on := *cmd.Pause
	p.order(func(b *playback) { b.pause(on) })
	return nil
}

// Restart plays from the beginning.
func (p *Player) Restart() error {
	p.order(func(b *playback) { b.seek(b.start) })
	return nil
}

// Seek goes forward, or back if by is negative.
func (p *Player) Seek(by time.Duration) { p.order(func(b *playback) { b.seek(b.at.Add(by)) }) }

// SeekTo goes to a time since the beginning.
func (p *Player) SeekTo(at time.Duration) { p.order(func(b *playback) { b.seek(b.start.Add(at)) }) }

// Faster goes to the next higher speed.
func (p *Player) Faster() { p.order(func(b *playback) { b.setSpeed(nextSpeed(b.speed)) }) }

// Slower goes to the next lower one.
func (p *Player) Slower() { p.order(func(b *playback) { b.setSpeed(previousSpeed(b.speed)) }) }

// speeds are those that the keys go through.
func speeds() []float64 {
	return []float64{MinSpeed, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, MaxSpeed}
}

func nextSpeed(now float64) float64 {
	for _, speed := range speeds() {
		if speed > now {
			return speed
		}
	}
	return MaxSpeed
}

func previousSpeed(now float64) float64 {
	for _, speed := range slices.Backward(speeds()) {
		if speed < now {
			return speed
		}
	}
	return MinSpeed
}

// order hands something to do to the player's goroutine. It does not wait: keys may come faster than
// a long recording is sought.
func (p *Player) order(do func(*playback)) {
	p.mu.Lock()
	p.orders = append(p.orders, do)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// ordered takes the orders.
func (p *Player) ordered() []func(*playback) {
	p.mu.Lock()
	defer p.mu.Unlock()
	orders := p.orders
	p.orders = nil
	return orders
}

// Close ends the player and closes the recording.
func (p *Player) Close() error {
	p.once.Do(func() { close(p.quit) })
	<-p.done
	return p.reader.Close()
}

// playback is the goroutine of a player; it owns everything in it.
type playback struct {
	player *Player
	reader *Reader
	fold   *profiler.Fold
	start  time.Time

	speed  float64
	paused bool
	ended  bool
	cause  string // why the end is none in good order
	at     time.Time
	anchor time.Time // the wall clock's time when the player was at from
	from   time.Time
	next   *profiler.Record // read, and not yet due
	shown  time.Time        // when the last view was made
}

func newPlayback(p *Player, cfg PlayerConfig) *playback {
	b := &playback{player: p, reader: p.reader, start: p.reader.Start(), speed: cfg.Speed}
	b.seek(b.start.Add(cfg.From))
	return b
}

func (b *playback) run() {
	defer close(b.player.done)
	defer close(b.player.views)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		b.step()
		var due <-chan time.Time
		if !b.paused && !b.ended {
			timer.Reset(max(b.wait(), 0))
			due = timer.C
		}
		select {
		case <-b.player.quit:
			return
		case <-b.player.wake:
			for _, do := range b.player.ordered() {
				do(b)
			}
		case <-due:
		}
	}
}

// now is the time in the recording.
func (b *playback) now() time.Time {
	return b.from.Add(time.Duration(float64(time.Since(b.anchor)) * b.speed))
}

// wait is how long it takes until the next record is due. At high speed several share a view.
func (b *playback) wait() time.Duration {
	wait := time.Duration(float64(b.next.Time.Sub(b.now())) / b.speed)
	return max(wait, frameTime-time.Since(b.shown))
}

// reset makes a time of the recording be now.
func (b *playback) reset(at time.Time) { b.anchor, b.from = time.Now(), at }

// step shows everything that is due.
func (b *playback) step() {
	for !b.paused && !b.ended && b.next != nil && !b.next.Time.After(b.now()) {
		b.apply()
		b.read()
	}
	if !b.paused && b.next != nil && b.next.Time.Sub(b.at) > longestGap {
		b.reset(b.next.Time)
		b.apply()
		b.read()
	}
	b.publish()
}

func (b *playback) apply() {
	if b.next.Kind == profiler.KindHeader {
		b.fold = profiler.NewFold()
	}
	b.fold.Apply(*b.next)
	if b.next.Time.After(b.at) {
		b.at = b.next.Time
	}
}

// read reads the next record, or finds out how the recording ends.
func (b *playback) read() {
	record, err := b.reader.Next()
	if err == nil {
		b.next = &record
		return
	}
	b.next, b.ended = nil, true
	view := b.fold.View()
	switch {
	case !errors.Is(err, io.EOF):
		b.cause = err.Error()
		b.fold.Log(profiler.LogEntry{Time: b.at, Code: "recording", Text: b.cause})
	case view.Header == nil:
		b.cause = "the recording is empty"
	case view.Summary == nil && view.Failure == nil:
		b.cause = "the recorded run ended without a summary"
	}
}

// seek goes to a time and folds what was before it, so that the screen has its history.
func (b *playback) seek(to time.Time) {
	if to.Before(b.start) {
		to = b.start
	}
	if end := b.reader.End(); to.After(end) {
		to = end
	}
	b.fold, b.next, b.ended, b.cause = profiler.NewFold(), nil, false, ""
	b.at = to
	if err := b.reader.SeekTime(to.Add(-lookBack)); err != nil {
		b.ended, b.cause = true, err.Error()
		return
	}
	b.read()
	for b.next != nil && b.next.Time.Before(to) {
		b.apply()
		b.read()
	}
	b.reset(to)
}

func (b *playback) pause(on bool) {
	if on == b.paused {
		return
	}
	if on {
		b.step()
	}
	b.paused = on
	b.reset(b.at)
}

func (b *playback) setSpeed(speed float64) {
	now := b.now()
	if b.paused || b.ended {
		now = b.at
	}
	b.speed = speed
	b.reset(now)
}

// publish hands out the newest view in place of one that nobody has taken yet.
func (b *playback) publish() {
	state := profiler.WorkerState{Phase: profiler.WorkerRunning}
	switch {
	case b.ended && b.cause != "":
		state = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: b.cause}
	case b.ended:
		state.Phase = profiler.WorkerEnded
	}
	b.fold.SetWorker(state)
	view := b.fold.View()
	if b.paused && view.Sample != nil {
		paused := *view.Sample
		paused.State = profiler.StatePaused
		view.Sample = &paused
	}
	b.shown = time.Now()
	view.Playback = &profiler.Playback{
		At: b.at.Sub(b.start), Length: b.reader.End().Sub(b.start), Speed: b.speed, Paused: b.paused, Ended: b.ended,
	}
	select {
	case <-b.player.views:
	default:
	}
	b.player.views <- view
}
