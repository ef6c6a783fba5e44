package recording

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/moetop/moetop/profiler"
)

// packer packs the lines that an encoder writes, one a call, on their way to the compressor.
type packer struct {
	w io.Writer
	n *int // bytes of the stream in the segment
}

func (p packer) Write(line []byte) (int, error) {
	*p.n += len(line)
	if _, err := p.w.Write(pack(line)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// unpacker undoes it for who reads. An error of the reader beneath ends the stream after the last
// whole line.
type unpacker struct {
	r    *bufio.Reader
	line []byte // unpacked, not yet read
	err  error
}

func newUnpacker(r io.Reader) *unpacker { return &unpacker{r: bufio.NewReaderSize(r, 64<<10)} }

func (u *unpacker) Read(p []byte) (int, error) {
	for len(u.line) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		line, err := u.readLine()
		if err != nil {
			u.err = err
			continue
		}
		if u.line, err = unpack(line); err != nil {
			u.err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	n := copy(p, u.line)
	u.line = u.line[n:]
	return n, nil
}

func (u *unpacker) readLine() ([]byte, error) {
	var line []byte
	for {
		part, err := u.r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull):
			if len(line) > profiler.MaxLine {
				return nil, fmt.Errorf("%w: a line has more than %d bytes", ErrDamaged, profiler.MaxLine)
			}
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}
