package recording

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/moetop/moetop/profiler"
)

const (
	// segmentTime and segmentBytes end a segment. A long one compresses better, a short one is found
	// faster; the bytes are those of the stream.
	segmentTime  = time.Minute
	segmentBytes = 8 << 20
	// window is how far back the compressor looks: some seconds of samples, which are much alike.
	window = 1 << 20
)

// Writer writes a recording. It is not safe for use by several goroutines; a Recorder is.
type Writer struct {
	file   io.WriteCloser
	out    *bufio.Writer
	offset int64 // of what was written through out
	zstd   *zstd.Encoder
	lines  *profiler.Encoder // onto zstd
	index  index

	segment time.Duration // how long one is
	open    bool          // one is
	started time.Time
	bytes   int // of the stream in the segment
	header  *profiler.Record
	load    *profiler.Record
	err     error // the first one; nothing can be written after it
}

// Create begins a recording in a file that does not exist yet.
func Create(path string) (*Writer, error) {
	file, err := openLocked(path, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return nil, err
	}
	w, err := newWriter(file, 0, index{})
	if err == nil {
		err = w.begin()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w, nil
}

// Append goes on with a recording, or begins one if there is no such file. What a killed recorder
// left behind is kept as far as it can be read.
func Append(path string) (*Writer, error) {
	file, err := openLocked(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	w, err := appendTo(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("go on with %s: %w", path, err), file.Close())
	}
	return w, nil
}

// openLocked refuses a file that another recorder writes.
func openLocked(path string, flags int) (*os.File, error) {
	file, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the recording: %w", err)
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("%s is being written by another process", path), file.Close())
	}
	return file, nil
}

func appendTo(file *os.File) (*Writer, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 {
		w, err := newWriter(file, 0, index{})
		if err != nil {
			return nil, err
		}
		return w, w.begin()
	}
	l, err := readLayout(file, info.Size())
	if err != nil {
		return nil, err
	}
	rescued, err := rescue(file, info.Size(), l)
	if err != nil {
		return nil, err
	}
	if _, err := file.WriteAt(rescued, l.end); err != nil {
		return nil, err
	}
	end := l.end + int64(len(rescued))
	if err := file.Truncate(end); err != nil {
		return nil, err
	}
	if _, err := file.Seek(end, io.SeekStart); err != nil {
		return nil, err
	}
	return newWriter(file, end, l.index)
}

// rescue makes a whole segment of the one that the file ends in; it is empty if there is none, or
// nothing in it.
func rescue(file io.ReaderAt, size int64, l *layout) ([]byte, error) {
	if !l.torn || len(l.segments) == 0 {
		return nil, nil
	}
	last := l.segments[len(l.segments)-1]
	if last.Offset < l.end {
		return nil, nil
	}
	head, err := segmentPayload(file, last.Offset, size)
	if err != nil {
		return nil, err
	}
	lines, err := tornLines(io.NewSectionReader(file, last.Offset, size-last.Offset))
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 {
		l.segments = l.segments[:len(l.segments)-1]
		return nil, nil
	}
	encoder, err := newCompressor(nil)
	if err != nil {
		return nil, err
	}
	return encoder.EncodeAll(lines, skippable(magicSeg, head)), nil
}

func newCompressor(w io.Writer) (*zstd.Encoder, error) {
	encoder, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithWindowSize(window), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("start the compressor: %w", err)
	}
	return encoder, nil
}

func newWriter(file io.WriteCloser, offset int64, known index) (*Writer, error) {
	w := &Writer{file: file, offset: offset, index: known, segment: segmentTime}
	w.out = bufio.NewWriter(counter{file, &w.offset})
	var err error
	if w.zstd, err = newCompressor(w.out); err != nil {
		return nil, err
	}
	w.lines = profiler.NewEncoder(packer{w.zstd, &w.bytes})
	return w, nil
}

func (w *Writer) begin() error {
	_, _ = w.out.Write(fileHead())
	return w.keep(w.out.Flush())
}

// counter counts what has reached the file.
type counter struct {
	w io.Writer
	n *int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	*c.n += int64(n)
	return n, err
}

// keep remembers the first error.
func (w *Writer) keep(err error) error {
	if w.err == nil && err != nil {
		w.err = fmt.Errorf("write the recording: %w", err)
	}
	return w.err
}

// Add takes the next record of the stream. It is in the file after the next Flush.
func (w *Writer) Add(r profiler.Record) error {
	if w.err != nil {
		return w.err
	}
	if r.Kind == profiler.KindHeader {
		w.header, w.load = nil, nil
	}
	if r.Kind == profiler.KindHeader || w.bytes >= segmentBytes || r.Time.Sub(w.started) >= w.segment || !w.open {
		if err := w.next(r.Time); err != nil {
			return err
		}
	}
	switch r.Kind {
	case profiler.KindHeader:
		w.header = &r
	case profiler.KindWorkload:
		w.load = &r
	case profiler.KindSample, profiler.KindLaunches, profiler.KindToggle, profiler.KindAck, profiler.KindWarning, profiler.KindFailure, profiler.KindSummary:
	}
	if r.Time.After(w.index.end) {
		w.index.end = r.Time
	}
	return w.keep(w.lines.Encode(r))
}

// next ends the segment, if one is open, and begins another.
func (w *Writer) next(first time.Time) error {
	if err := w.endSegment(); err != nil {
		return err
	}
	context, err := w.context()
	if err != nil {
		return w.keep(err)
	}
	w.index.segments = append(w.index.segments, Segment{Offset: w.offset, Time: first})
	_, _ = w.out.Write(segmentHead(first, context))
	w.zstd.Reset(w.out)
	w.open, w.started, w.bytes = true, first, 0
	return nil
}

func (w *Writer) endSegment() error {
	if !w.open {
		return nil
	}
	w.open = false
	return w.keep(errors.Join(w.zstd.Close(), w.out.Flush()))
}

// context is what a segment builds on, compressed.
func (w *Writer) context() ([]byte, error) {
	var lines appended
	encoder := profiler.NewEncoder(&lines)
	for _, r := range []*profiler.Record{w.header, w.load} {
		if r == nil {
			continue
		}
		if err := encoder.Encode(*r); err != nil {
			return nil, err
		}
	}
	if len(lines) == 0 {
		return nil, nil
	}
	compressor, err := newCompressor(nil)
	if err != nil {
		return nil, err
	}
	return compressor.EncodeAll(lines, nil), nil
}

type appended []byte

func (a *appended) Write(p []byte) (int, error) {
	*a = append(*a, p...)
	return len(p), nil
}

// Flush puts what was added into the file, where it outlives this process.
func (w *Writer) Flush() error {
	if w.err != nil || !w.open {
		return w.err
	}
	return w.keep(errors.Join(w.zstd.Flush(), w.out.Flush()))
}

// Size is the length of the file so far, in bytes.
func (w *Writer) Size() int64 { return w.offset }

// Close ends the recording with its index.
func (w *Writer) Close() error {
	if w.file == nil {
		return w.err
	}
	if err := w.endSegment(); err == nil {
		_, _ = w.out.Write(w.index.frame())
		_ = w.keep(w.out.Flush())
	}
	_ = w.keep(w.file.Close())
	w.file = nil
	return w.err
}
