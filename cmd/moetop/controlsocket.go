package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/moetop/moetop/profiler"
)

const (
	// socketScheme is what a control socket's path follows in --control.
	socketScheme = "unix:"
	// maxControlClients is more than people and scripts steer one session with.
	maxControlClients = 64
	// clientPatience is how long an answer waits for a client that does not read.
	clientPatience = 5 * time.Second
	// maxSocketPath is what the system has room for in an address.
	maxSocketPath = len(unix.RawSockaddrUnix{}.Path) - 1
	// partingPatience is how long the end of a session waits for such a client.
	partingPatience = 500 * time.Millisecond
	// probePatience is how long a socket's owner has to show that it lives.
	probePatience = time.Second
)

// controlSocket serves a commandHub to whoever may open a file of mode 0600.
type controlSocket struct {
	hub      *commandHub
	listener *net.UnixListener
	path     string
	file     fs.FileInfo // of the socket that was made, so that no other is removed

	mu      sync.Mutex
	clients map[*net.UnixConn]struct{}
	closing bool
	served  sync.WaitGroup
}

// openControlSocket binds the socket; serve answers on it.
func openControlSocket(path string, hub *commandHub) (*controlSocket, error) {
	if err := clearSocketPath(path); err != nil {
		return nil, err
	}
	config := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		// Before it is bound, so that there is no moment in which others may connect.
		var modeErr error
		err := raw.Control(func(fd uintptr) { modeErr = unix.Fchmod(int(fd), 0o600) })
		return errors.Join(err, modeErr)
	}}
	listener, err := config.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("--control: %w", err)
	}
	unixListener, ok := listener.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("--control: %s gave a %T, not a socket", path, listener), listener.Close())
	}
	unixListener.SetUnlinkOnClose(false)
	s := &controlSocket{hub: hub, listener: unixListener, path: path, clients: make(map[*net.UnixConn]struct{})}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("--control: %w", err), unixListener.Close())
	}
	if s.file, err = os.Lstat(path); err != nil {
		return nil, errors.Join(fmt.Errorf("--control: %w", err), unixListener.Close())
	}
	return s, nil
}

// clearSocketPath removes what a killed run has left, and refuses everything else that is there.
func clearSocketPath(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--control: %w", err)
	}
	refuse := func(what string) error {
		return &profiler.ArgumentError{
			Field: "control", Value: path + ", " + what + ",",
			Allowed: "a path where nothing is, or the socket that a run of yours has left",
		}
	}
	if info.Mode().Type() != fs.ModeSocket {
		return refuse("which is no socket")
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Geteuid() {
		return refuse("another user's socket")
	}
	conn, err := net.DialTimeout("unix", path, probePatience)
	if err == nil {
		return errors.Join(refuse("where a process listens"), conn.Close())
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("--control: see whether %s is still in use: %w", path, err)
	}
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("--control: remove the socket of a run that has ended: %w", err)
	}
	return nil
}

// serve answers clients until close.
func (s *controlSocket) serve() {
	s.served.Go(func() {
		for {
			conn, err := s.listener.AcceptUnix()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				// Out of files, say: the clients that are connected keep going, and the next may get in.
				time.Sleep(probePatience / 10)
				continue
			}
			s.admit(conn)
		}
	})
}

// admit serves a client in a goroutine of its own.
func (s *controlSocket) admit(conn *net.UnixConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		_ = conn.Close()
		return
	}
	if len(s.clients) == maxControlClients {
		s.served.Go(func() {
			tooMany := fmt.Errorf("%d clients are connected: no more are allowed", maxControlClients)
			_ = writeAnswer(conn, s.hub.refusal("", tooMany))
			_ = conn.Close()
		})
		return
	}
	s.clients[conn] = struct{}{}
	s.served.Go(func() {
		serveClient(conn, s.hub)
		s.mu.Lock()
		delete(s.clients, conn)
		s.mu.Unlock()
		_ = conn.Close()
	})
}

// close answers what is asked, ends the connections and removes the socket.
func (s *controlSocket) close() error {
	s.hub.end()
	err := s.listener.Close()
	s.mu.Lock()
	s.closing = true
	for conn := range s.clients {
		// Nothing more is read; an answer that is being written may still arrive.
		_ = conn.CloseRead()
		defer time.AfterFunc(partingPatience, func() { _ = conn.Close() }).Stop()
	}
	s.mu.Unlock()
	s.served.Wait()
	if now, statErr := os.Lstat(s.path); statErr == nil && os.SameFile(now, s.file) {
		err = errors.Join(err, os.Remove(s.path))
	}
	if err != nil {
		return fmt.Errorf("close the control socket: %w", err)
	}
	return nil
}

// socketPath is the path in a value of --control, or empty.
func socketPath(control string) string {
	path, ok := strings.CutPrefix(control, socketScheme)
	if !ok {
		return ""
	}
	return path
}

// controlValue says where commands come from.
type controlValue struct{ dst *string }

func (v controlValue) String() string {
	if v.dst == nil {
		return ""
	}
	return *v.dst
}

// Type implements pflag.Value.
func (v controlValue) Type() string { return "-|unix:PATH" }

// Set implements pflag.Value.
func (v controlValue) Set(text string) error {
	if path := socketPath(text); text != "-" && path == "" {
		return errors.New("- for stdin, or unix:PATH for a socket, is allowed")
	} else if len(path) > maxSocketPath {
		return fmt.Errorf("a path of at most %d bytes is allowed, and this one has %d", maxSocketPath, len(path))
	}
	*v.dst = text
	return nil
}
