package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"time"

	"github.com/moetop/moetop/profiler"
)

// serveClient answers the lines of one client, one after the other, until it hangs up. A line that is
// no command is refused, and the next one is read.
func serveClient(conn *net.UnixConn, hub *commandHub) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 4096), maxControlLine)
	for lines.Scan() {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		cmd, err := profiler.ParseCommand(line)
		var answer profiler.Record
		if err != nil {
			answer = hub.refusal(cmd.ID, err)
		} else {
			answer = hub.ask(cmd)
		}
		if writeAnswer(conn, answer) != nil {
			return
		}
	}
	if err := lines.Err(); err != nil {
		// The rest of such a line cannot be told from the next one.
		_ = writeAnswer(conn, hub.refusal("", fmt.Errorf(
			"read a control line of at most %d bytes; no further ones are read: %w", maxControlLine, err)))
	}
}

// writeAnswer gives up on a client that does not read.
func writeAnswer(conn *net.UnixConn, answer profiler.Record) error {
	if err := conn.SetWriteDeadline(time.Now().Add(clientPatience)); err != nil {
		return fmt.Errorf("answer a client: %w", err)
	}
	return profiler.NewEncoder(conn).Encode(answer)
}
