package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// socketClient is a connection to a session's control socket.
type socketClient struct {
	conn    net.Conn
	decoder *profiler.Decoder
}

func dialSocket(t *testing.T, path string) *socketClient {
	t.Helper()
	var conn net.Conn
	eventually(t, patience, "a session at "+path, func() (ok bool) {
		var err error
		conn, err = net.Dial("unix", path)
		return err == nil
	})
	t.Cleanup(func() { _ = conn.Close() })
	return &socketClient{conn, profiler.NewDecoder(conn)}
}

func (c *socketClient) send(t *testing.T, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(c.conn, line); err != nil {
		t.Fatal(err)
	}
}

func (c *socketClient) answer(t *testing.T) profiler.Record {
	t.Helper()
	record, err := c.decoder.Next()
	if err != nil {
		t.Fatal(err)
	}
	if record.Ack == nil {
		t.Fatalf("a client was sent %+v", record)
	}
	return record
}

func TestControlSocketServesSeveralClients(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.sock")
	p := startBinary(t, nil, small("--ndjson", "--control", "unix:"+path)...)
	d := profiler.NewDecoder(p.stdout)
	until(t, d, "a sample", measuring)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Fatalf("mode %v, %v", info.Mode(), err)
	}

	// All of them use the same ids, all at once; each gets the answers to its own lines.
	clients := make([]*socketClient, 5)
	for i := range clients {
		clients[i] = dialSocket(t, path)
		clients[i].send(t, `{"id":"1","pause":false}`)
		clients[i].send(t, `{"id":"2","tokens":0}`)
		clients[i].send(t, `no command`)
		clients[i].send(t, fmt.Sprintf(`{"id":"mine-%d","es":{"up":true}}`, i))
	}
	for i, c := range clients {
		if a := c.answer(t).Ack; !a.OK || a.ID != "1" {
			t.Errorf("client %d: pause: %+v", i, a)
		}
		if a := c.answer(t).Ack; a.OK || a.ID != "2" || a.Field != "tokens" {
			t.Errorf("client %d: tokens: %+v", i, a)
		}
		if a := c.answer(t).Ack; a.OK || a.ID != "" || !strings.Contains(a.Error, "JSON object") {
			t.Errorf("client %d: no command: %+v", i, a)
		}
		if a := c.answer(t); !a.Ack.OK || a.Ack.ID != fmt.Sprintf("mine-%d", i) || a.Step == 0 || a.Generation == 0 {
			t.Errorf("client %d: es: %+v %+v", i, a, a.Ack)
		}
	}
	until(t, d, "a toggle", kind(profiler.KindToggle))

	// A client that leaves, or talks nonsense without an end, takes nobody along.
	if err := clients[0].conn.Close(); err != nil {
		t.Fatal(err)
	}
	clients[1].send(t, strings.Repeat("x", maxControlLine+10))
	if a := clients[1].answer(t).Ack; a.OK || !strings.Contains(a.Error, "65536 bytes") {
		t.Errorf("a line without an end: %+v", a)
	}

	// The answer to stop still arrives, and so do refusals of what came too late.
	clients[2].send(t, `{"id":"end","stop":true}`)
	if a := clients[2].answer(t).Ack; !a.OK || a.ID != "end" {
		t.Errorf("stop: %+v", a)
	}
	_, before := until(t, d, "summary", kind(profiler.KindSummary))
	for _, r := range before {
		if r.Ack != nil && len(r.Ack.ID) > len("mine-0") {
			t.Errorf("the stream shows the id %q", r.Ack.ID)
		}
	}
	if code := p.wait(t); code != exitDone {
		t.Errorf("exit code %d, %s", code, p.stderr)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestControlSocketRefusesWhatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	used := filepath.Join(dir, "used")
	listener, err := net.Listen("unix", used)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	link := filepath.Join(dir, "link")
	if err := os.Symlink(used, link); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		path, says string
		code       int
	}{
		"a file":          {file, "no socket", exitUsage},
		"a used socket":   {used, "a process listens", exitUsage},
		"a link":          {link, "no socket", exitUsage},
		"a folder":        {dir, "no socket", exitUsage},
		"no such folder":  {filepath.Join(dir, "none", "c"), "no such file", exitFailure},
		"nothing":         {"", "unix:PATH", exitUsage},
		"more than fits":  {filepath.Join(dir, strings.Repeat("x", 200)), "at most 107 bytes", exitUsage},
		"under a file":    {filepath.Join(file, "c"), "not a directory", exitFailure},
		"the root folder": {"/", "no socket", exitUsage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, nil, small("--ndjson", "--steps", "1", "--control", "unix:"+test.path)...)
			if got.code != test.code || !strings.Contains(got.stderr, test.says) || !strings.Contains(got.stderr, "control") {
				t.Errorf("code %d, %q", got.code, got.stderr)
			}
		})
	}
	t.Cleanup(func() {
		if text, err := os.ReadFile(file); err != nil || string(text) != "mine" {
			t.Errorf("the file that was refused holds %q, %v", text, err)
		}
	})
}

func TestControlSocketReplacesOneThatWasLeft(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.sock")
	for range 2 {
		p := startBinary(t, nil, small("--ndjson", "--control", "unix:"+path)...)
		c := dialSocket(t, path)
		c.send(t, `{"pause":true}`)
		if a := c.answer(t).Ack; !a.OK {
			t.Errorf("answer %+v", a)
		}
		p.signal(t, syscall.SIGKILL)
		p.wait(t)
		if _, err := os.Lstat(path); err != nil {
			t.Fatalf("a killed run took its socket along, so that nothing is tested here: %v", err)
		}
	}
}

// TestControlSocketBesideAFront steers a run whose worker's stdin belongs to its front.
func TestControlSocketBesideAFront(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.sock")
	p := startBinary(t, nil, small("--json", "--duration", "1m", "--control", "unix:"+path)...)
	c := dialSocket(t, path)
	c.send(t, `{"es":{"down":true}}`)
	if a := c.answer(t).Ack; !a.OK {
		t.Errorf("es: %+v", a)
	}
	for _, words := range [][]string{{"es", "up=on", "down=off"}, {"reset"}, {"tokens", "16"}} {
		got := runBinary(t, []string{"MOETOP_SOCKET=" + path}, append([]string{"ctl"}, words...)...)
		if got.code != exitDone || !strings.Contains(got.stdout, "ok from step ") || got.stderr != "" {
			t.Errorf("%q: %+v", words, got)
		}
	}
	refused := runBinary(t, nil, "ctl", "--json", "--socket", "unix:"+path, "tokens", "0")
	_, stream := schemas(t, true)
	if refused.code != exitFailure || !strings.Contains(refused.stderr, "tokens: 0") {
		t.Errorf("tokens 0: %+v", refused)
	}
	validate(t, stream, refused.stdout)
	if got := runBinary(t, nil, "ctl", "--socket", path, "stop"); got.code != exitDone {
		t.Errorf("stop: %+v", got)
	}
	text, err := bufio.NewReader(p.stdout).ReadString('\x00')
	if !strings.Contains(text, `"tokens": 16`) || p.wait(t) != exitDone {
		t.Errorf("report %.300s, %v; %s", text, err, p.stderr)
	}
	// Its command repeats what ran in the end.
	command := report(t, text).Command
	for _, word := range []string{"--json", "--experts=4", "--tokens=16", "--es=up", "--duration=1m0s"} {
		if !slices.Contains(command, word) {
			t.Errorf("no %s in %q", word, command)
		}
	}
	nobody := runBinary(t, nil, "ctl", "--socket", path, "stop")
	if nobody.code != exitFailure || !strings.Contains(nobody.stderr, "no session listens") {
		t.Errorf("without a session: %+v", nobody)
	}
}

func TestCtlGivesUpOnASilentSession(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	got := runBinary(t, nil, "ctl", "--socket", path, "--timeout", "200ms", "pause", "on")
	if got.code != exitFailure || !strings.Contains(got.stderr, "gave no answer") {
		t.Errorf("%+v", got)
	}
}
