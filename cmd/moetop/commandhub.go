package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/moetop/moetop/profiler"
)

// errSessionOver answers a command that the session did not live to answer.
var errSessionOver = errors.New("the session ended before it answered")

// commandHub lets several clients steer one session. Their commands go to the session under names of
// the hub's own, since two clients may well call theirs alike, and each answer goes back to the client
// whose command it answers.
type commandHub struct {
	commands chan<- profiler.Command
	over     chan struct{} // closed when the session takes no more commands
	prefix   string        // random, so that nobody else's id looks like the hub's

	mu      sync.Mutex
	asked   uint64
	waiting map[string]question
	newest  profiler.Record // the step and generation that an answer of the hub's own carries
}

// question is a command on its way.
type question struct {
	id     string               // as the client wrote it
	answer chan profiler.Record // of capacity 1, so that an answer never waits for its client
}

func newCommandHub(commands chan<- profiler.Command) *commandHub {
	return &commandHub{
		commands: commands, over: make(chan struct{}), prefix: rand.Text(), waiting: make(map[string]question),
	}
}

// end refuses all that is asked from now on. It is called once.
func (h *commandHub) end() { close(h.over) }

// ask passes a command on and waits for its answer, which the session gives to every command that it
// takes.
func (h *commandHub) ask(cmd profiler.Command) profiler.Record {
	q := question{id: cmd.ID, answer: make(chan profiler.Record, 1)}
	h.mu.Lock()
	h.asked++
	cmd.ID = fmt.Sprintf("%s-%d", h.prefix, h.asked)
	h.waiting[cmd.ID] = q
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.waiting, cmd.ID)
		h.mu.Unlock()
	}()

	select {
	case h.commands <- cmd:
	case <-h.over:
		return h.refusal(q.id, errSessionOver)
	}
	select {
	case answer := <-q.answer:
		return answer
	case <-h.over:
	}
	// The answer to the command that ended the session came before its end.
	select {
	case answer := <-q.answer:
		return answer
	default:
		return h.refusal(q.id, errSessionOver)
	}
}

// route takes every record of the session on its way to the stream. An answer to one of the hub's
// commands is handed to its client, and gets back the id that the client gave.
func (h *commandHub) route(r profiler.Record) profiler.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.newest = r
	if r.Ack == nil {
		return r
	}
	q, ours := h.waiting[r.Ack.ID]
	if !ours {
		return r
	}
	ack := *r.Ack
	ack.ID = q.id
	r.Ack = &ack
	select {
	case q.answer <- r:
	default: // A second answer to the same command is for the stream alone.
	}
	return r
}

// refusal answers a line that the session never sees, at the newest step.
func (h *commandHub) refusal(id string, err error) profiler.Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return profiler.Record{
		Kind: profiler.KindAck, Time: time.Now(), Step: h.newest.Step, Generation: h.newest.Generation,
		Ack: profiler.NewAck(id, err),
	}
}
