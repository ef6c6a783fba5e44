package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

// answerAll is a session that takes commands and answers them in the other order, two at a time.
func answerAll(hub *commandHub, commands <-chan profiler.Command, emitted chan<- profiler.Record) {
	for first := range commands {
		second, ok := <-commands
		if !ok {
			return
		}
		for _, cmd := range []profiler.Command{second, first} {
			emitted <- hub.route(profiler.Record{Kind: profiler.KindAck, Step: uint64(*cmd.Tokens), Ack: profiler.NewAck(cmd.ID, nil)})
		}
	}
}

func TestHubAnswersWhoAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		commands, emitted := make(chan profiler.Command), make(chan profiler.Record, 100)
		hub := newCommandHub(commands)
		var clients, session sync.WaitGroup
		session.Go(func() { answerAll(hub, commands, emitted) })
		for n := range 50 {
			clients.Go(func() {
				answer := hub.ask(profiler.Command{ID: "same", Tokens: &n})
				if !answer.Ack.OK || answer.Ack.ID != "same" || answer.Step != uint64(n) {
					t.Errorf("client %d was told %+v at step %d", n, answer.Ack, answer.Step)
				}
			})
		}
		clients.Wait()
		close(commands)
		session.Wait()
		close(emitted)
		for r := range emitted {
			if r.Ack.ID != "same" {
				t.Errorf("the stream shows %q", r.Ack.ID)
			}
		}
		if len(hub.waiting) != 0 {
			t.Errorf("%d commands wait for ever", len(hub.waiting))
		}
	})
}

func TestHubLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	hub := newCommandHub(nil)
	for _, r := range []profiler.Record{
		{Kind: profiler.KindAck, Step: 3, Ack: profiler.NewAck("of stdin", nil)},
		{Kind: profiler.KindSample, Step: 4, Sample: &profiler.Sample{}},
	} {
		if got := hub.route(r); got != r {
			t.Errorf("%+v became %+v", r, got)
		}
	}
	if r := hub.refusal("x", errSessionOver); r.Step != 4 || r.Ack.ID != "x" || r.Ack.OK {
		t.Errorf("refusal %+v %+v", r, r.Ack)
	}
}

func TestHubRefusesAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		commands := make(chan profiler.Command)
		hub := newCommandHub(commands)
		var clients sync.WaitGroup
		for _, id := range []string{"taken", "not taken"} {
			clients.Go(func() {
				if a := hub.ask(profiler.Command{ID: id}).Ack; a.OK || a.ID != id || a.Error != errSessionOver.Error() {
					t.Errorf("%s: %+v", id, a)
				}
			})
		}
		<-commands
		synctest.Wait()
		hub.end()
		clients.Wait()
	})
}

// TestSocketIsRidOfClientsThatDoNotRead floods the socket without reading an answer.
func TestSocketIsRidOfClientsThatDoNotRead(t *testing.T) {
	t.Parallel()
	commands := make(chan profiler.Command)
	hub := newCommandHub(commands)
	path := filepath.Join(t.TempDir(), "c.sock")
	socket, err := openControlSocket(path, hub)
	if err != nil {
		t.Fatal(err)
	}
	socket.serve()
	flood, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = flood.Close() }()
	if err := flood.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for err == nil { // Until both directions are full.
		_, err = fmt.Fprintln(flood, "nonsense")
	}
	begin := time.Now()
	if err := socket.close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > clientPatience/2 {
		t.Errorf("the end took %v", took)
	}
}

func TestSocketRefusesTheOneTooMany(t *testing.T) {
	t.Parallel()
	hub := newCommandHub(make(chan profiler.Command))
	path := filepath.Join(t.TempDir(), "c.sock")
	socket, err := openControlSocket(path, hub)
	if err != nil {
		t.Fatal(err)
	}
	socket.serve()
	for i := range maxControlClients {
		// An answer shows that the client is served, and not only waiting to be.
		c := dialSocket(t, path)
		c.send(t, "nonsense")
		if a := c.answer(t).Ack; !strings.Contains(a.Error, "JSON object") {
			t.Fatalf("client %d: %+v", i, a)
		}
	}
	if a := dialSocket(t, path).answer(t).Ack; a.OK || !strings.Contains(a.Error, "64 clients are connected") {
		t.Errorf("one too many: %+v", a)
	}
	if err := socket.close(); err != nil {
		t.Error(err)
	}
}
