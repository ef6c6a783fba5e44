package main

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/moetop/moetop/profiler"
)

// maxControlLine is far more than a command takes.
const maxControlLine = 64 << 10

// readCommands passes the control lines on until in ends or done is closed. A line that is no
// command is refused in the stream; the session does not see it. Whoever starts it cannot join it:
// a read of stdin cannot be broken off. It does not close commands, which others may send on, too.
func readCommands(in io.Reader, out *stream, commands chan<- profiler.Command, done <-chan struct{}) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 4096), maxControlLine)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		cmd, err := profiler.ParseCommand(lines.Bytes())
		if err != nil {
			out.answer(refusal(cmd.ID, err))
			continue
		}
		select {
		case commands <- cmd:
		case <-done:
			return
		}
	}
	if err := lines.Err(); err != nil {
		out.answer(refusal("", fmt.Errorf("read a control line of at most %d bytes; no further ones are read: %w", maxControlLine, err)))
	}
}

// refusal answers a line that the session never sees.
func refusal(id string, err error) profiler.Record {
	return profiler.Record{Kind: profiler.KindAck, Time: time.Now(), Ack: profiler.NewAck(id, err)}
}
