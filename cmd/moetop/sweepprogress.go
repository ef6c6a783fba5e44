package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/moetop/moetop/profiler/sweep"
)

// progressPause is the time between two redraws of the running point.
const progressPause = 200 * time.Millisecond

// sweepProgress tells on stderr how far a sweep is: a line for each finished point and, on a
// terminal, one for the running point that is drawn again and again.
type sweepProgress struct {
	out     io.Writer
	program string
	width   int // of the terminal; 0 if it is none
	drawn   time.Time
	dirty   bool // a running point is on the last line
}

func newSweepProgress(out io.Writer, program string) *sweepProgress {
	p := &sweepProgress{out: out, program: program}
	if file, ok := out.(*os.File); ok && os.Getenv("TERM") != "dumb" {
		p.width = terminalWidth(file)
	}
	return p
}

// terminalWidth is the width of a terminal, 0 if the file is none. One that does not tell is taken
// for a small one.
func terminalWidth(file *os.File) int {
	const small = 80
	if !term.IsTerminal(int(file.Fd())) {
		return 0
	}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 0 {
		return width
	}
	return small
}

func (p *sweepProgress) show(s sweep.Progress) {
	place := fmt.Sprintf("%s: [%d/%d%s] %v: ", p.program, s.Index+1, s.Total, leftText(s.Left), s.Point)
	if r := s.LastResult; r != nil {
		text := r.Verdict.Text
		if r.Status != sweep.OK {
			text = r.Error
		}
		p.clear()
		_, _ = fmt.Fprintln(p.out, place+text)
		return
	}
	if p.width == 0 || time.Since(p.drawn) < progressPause {
		return
	}
	p.drawn, p.dirty = time.Now(), true
	line := []rune(fmt.Sprintf("%s%s, %d pairs, %v", place, s.State, s.Pairs, s.Elapsed.Round(100*time.Millisecond)))
	// A line that wraps could not be drawn over.
	_, _ = fmt.Fprintf(p.out, "\r\x1b[K%s", string(line[:min(len(line), p.width-1)]))
}

// clear removes the line of the running point.
func (p *sweepProgress) clear() {
	if p.dirty {
		p.dirty = false
		_, _ = fmt.Fprint(p.out, "\r\x1b[K")
	}
}

// leftText is empty while nothing is known.
func leftText(left time.Duration) string {
	if left <= 0 {
		return ""
	}
	return fmt.Sprintf(", %v left", left.Round(time.Second))
}
