package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/moetop/moetop/profiler"
)

// ErrTruncated is in the error at the end of a recording whose recorder was killed, or that was cut
// off: all records before it are good.
var ErrTruncated = errors.New("the recording is truncated")

// Reader reads a recording. It is not safe for use by several goroutines.
type Reader struct {
	file   io.ReaderAt
	close  func() error
	size   int64
	layout *layout

	zstd    *zstd.Decoder
	context []profiler.Record // of the segment that was sought; they come first
	records *profiler.Decoder
	newest  time.Time // of the records that were read
	read    int
}

// Open opens a recording. A file that is none is refused with an error that wraps ErrForeign.
func Open(path string) (*Reader, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the recording: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("a recording is a regular file, so that it can be searched")
	}
	var r *Reader
	if err == nil {
		r, err = NewReader(file, info.Size())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), file.Close())
	}
	r.close = file.Close
	return r, nil
}

// NewReader reads a recording from its beginning.
func NewReader(file io.ReaderAt, size int64) (*Reader, error) {
	l, err := readLayout(file, size)
	if err != nil {
		return nil, err
	}
	decoder, err := newDecompressor(nil)
	if err != nil {
		return nil, err
	}
	r := &Reader{file: file, close: func() error { return nil }, size: size, layout: l, zstd: decoder}
	if !l.closed {
		if err := r.findEnd(); err != nil {
			return nil, err
		}
	}
	return r, r.SeekTime(time.Time{})
}

// newDecompressor bounds what a foreign file may ask for.
func newDecompressor(in io.Reader) (*zstd.Decoder, error) {
	decoder, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(segmentBytes),
		zstd.WithDecoderMaxMemory(2*segmentBytes))
	if err != nil {
		return nil, fmt.Errorf("start the decompressor: %w", err)
	}
	return decoder, nil
}

// findEnd looks for the newest record of a recording without an index.
func (r *Reader) findEnd() error {
	if len(r.layout.segments) == 0 {
		return nil
	}
	last := r.layout.segments[len(r.layout.segments)-1]
	if err := r.SeekTime(last.Time); err != nil {
		return err
	}
	// Whatever is wrong at the end is told when somebody reads up to there.
	err := error(nil)
	for err == nil {
		_, err = r.Next()
	}
	r.layout.index.end = r.newest
	return nil
}

// Start is the time of the first record; zero for an empty recording.
func (r *Reader) Start() time.Time {
	if len(r.layout.segments) == 0 {
		return time.Time{}
	}
	return r.layout.segments[0].Time
}

// End is the time of the newest record.
func (r *Reader) End() time.Time { return r.layout.index.end }

// Truncated reports whether the recording ends in a torn segment.
func (r *Reader) Truncated() bool { return r.layout.torn }

// SeekTime goes to the beginning of the segment that holds a time. The records that the segment
// builds on, its session's header and workload, come first.
func (r *Reader) SeekTime(t time.Time) error {
	r.newest, r.read, r.context = time.Time{}, 0, nil
	if len(r.layout.segments) == 0 {
		r.records = profiler.NewDecoder(bytes.NewReader(nil))
		return nil
	}
	at := r.layout.segments[0]
	for _, s := range r.layout.segments {
		if s.Time.After(t) {
			break
		}
		at = s
	}
	payload, err := segmentPayload(r.file, at.Offset, r.size)
	if err != nil {
		return err
	}
	if r.context, err = parseContext(payload); err != nil {
		return err
	}
	section := io.NewSectionReader(r.file, at.Offset, r.size-at.Offset)
	if err := r.zstd.Reset(section); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r.records = profiler.NewDecoder(newUnpacker(r.zstd))
	return nil
}

// segmentPayload reads the head of the segment at an offset.
func segmentPayload(file io.ReaderAt, offset, size int64) ([]byte, error) {
	end, magic, err := frameEnd(file, offset, size)
	if err != nil || magic != magicSeg {
		return nil, errors.Join(fmt.Errorf("%w: no segment begins at byte %d", ErrDamaged, offset), err)
	}
	payload := make([]byte, end-offset-skipHead)
	return payload, readAt(file, payload, offset+skipHead)
}

func parseContext(payload []byte) ([]profiler.Record, error) {
	_, compressed, err := parseSegmentHead(payload)
	if err != nil || len(compressed) == 0 {
		return nil, err
	}
	decoder, err := newDecompressor(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	lines := profiler.NewDecoder(decoder)
	var context []profiler.Record
	for {
		record, err := lines.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return context, nil
		}
		// More than a header and a workload was never written.
		if err != nil || len(context) == 2 {
			return nil, errors.Join(fmt.Errorf("%w: a segment's context cannot be read", ErrDamaged), err)
		}
		context = append(context, record)
	}
}

// Next returns the next record. It returns io.EOF at the end, an error that wraps ErrTruncated at the
// end of a recording that was not ended properly, and one that wraps ErrDamaged for damage.
func (r *Reader) Next() (profiler.Record, error) {
	if len(r.context) > 0 {
		record := r.context[0]
		r.context = r.context[1:]
		return record, nil
	}
	record, err := r.records.Next()
	switch {
	case err == nil:
		r.read++
		if record.Time.After(r.newest) {
			r.newest = record.Time
		}
		return record, nil
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, profiler.ErrTruncated), errors.Is(err, io.EOF) && r.layout.torn:
		return profiler.Record{}, r.truncation()
	case errors.Is(err, io.EOF):
		return profiler.Record{}, io.EOF
	default:
		return profiler.Record{}, fmt.Errorf("%w after record %d: %w", ErrDamaged, r.read, err)
	}
}

func (r *Reader) truncation() error {
	if r.newest.IsZero() {
		return fmt.Errorf("%w: it ends before its first record", ErrTruncated)
	}
	return fmt.Errorf("%w: it was not closed, and ends with the record of %s", ErrTruncated, r.newest.Format(time.RFC3339))
}

// Close closes the file.
func (r *Reader) Close() error {
	r.zstd.Close()
	return r.close()
}

// tornLines decodes as many whole lines as a torn frame has.
func tornLines(in io.Reader) ([]byte, error) {
	decoder, err := newDecompressor(in)
	if err != nil {
		return nil, err
	}
	defer decoder.Close()
	text, err := io.ReadAll(io.LimitReader(decoder, 2*segmentBytes))
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return text[:bytes.LastIndexByte(text, '\n')+1], nil
}
