package main

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// readerPoll is how often a worker looks whether somebody still reads. Together with the grace for
// the session's end it keeps the promise that a worker without a reader is gone within a second.
const readerPoll = 200 * time.Millisecond

// watchReader closes gone when nobody reads the pipe any more, even if nothing is written to it; it
// returns when stop is closed. A file or a terminal always has a reader.
func watchReader(out *os.File, gone chan<- struct{}, stop <-chan struct{}) {
	ticker := time.NewTicker(readerPoll)
	defer ticker.Stop()
	connection, err := out.SyscallConn()
	if err != nil {
		return
	}
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		broken := false
		err := connection.Control(func(fd uintptr) { broken = pipeBroken(int(fd)) })
		if err != nil {
			return
		}
		if broken {
			close(gone)
			return
		}
	}
}

// pipeBroken asks for no event: errors and hang-ups are told anyway.
func pipeBroken(fd int) bool {
	polled := []unix.PollFd{{Fd: int32(fd)}}
	n, err := unix.Poll(polled, 0)
	if errors.Is(err, unix.EINTR) || n == 0 {
		return false
	}
	return polled[0].Revents&(unix.POLLERR|unix.POLLHUP|unix.POLLNVAL) != 0
}
