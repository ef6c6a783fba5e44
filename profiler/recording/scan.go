package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// maxSegmentHead bounds the head of a segment: a header and a workload record, compressed.
const maxSegmentHead = 8 << 20

// layout is where things are in a recording.
type layout struct {
	index
	closed bool  // it has an index
	end    int64 // of the frames that are whole, without the index
	torn   bool  // after end there is a part of a frame
}

// readLayout finds the segments by the index, or by walking from frame to frame.
func readLayout(r io.ReaderAt, size int64) (*layout, error) {
	head := make([]byte, min(size, skipHead+maxFileHead))
	if err := readAt(r, head, 0); err != nil {
		return nil, err
	}
	first, err := checkFileHead(head)
	if err != nil {
		return nil, err
	}
	if found, at, err := readIndex(r, size); err != nil || found != nil {
		if err != nil {
			return nil, err
		}
		return &layout{index: *found, closed: true, end: at}, nil
	}
	return walk(r, size, first)
}

// readIndex returns nil if the file does not end with an index.
func readIndex(r io.ReaderAt, size int64) (found *index, at int64, err error) {
	if size < footerSize {
		return nil, 0, nil
	}
	footer := make([]byte, footerSize)
	if err := readAt(r, footer, size-footerSize); err != nil {
		return nil, 0, err
	}
	length := indexLength(footer)
	if length == 0 || length > size {
		return nil, 0, nil
	}
	frame := make([]byte, length)
	if err := readAt(r, frame, size-length); err != nil {
		return nil, 0, err
	}
	found, err = parseIndex(frame, size-length)
	return found, size - length, err
}

// walk goes from frame to frame. A frame that the file ends in is torn; one that is no frame at all
// is damage.
func walk(r io.ReaderAt, size, from int64) (*layout, error) {
	l := &layout{end: from}
	open := Segment{}
	for at := from; at < size; {
		next, magic, err := frameEnd(r, at, size)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			l.torn = true
			if open.Offset != 0 {
				l.segments = append(l.segments, open)
			}
			return l, nil
		}
		if err != nil {
			return nil, err
		}
		switch magic {
		case magicSeg:
			if open, err = readSegment(r, at, next); err != nil {
				return nil, err
			}
		case magicData:
			if open.Offset != 0 {
				l.segments = append(l.segments, open)
				open = Segment{}
			}
			l.end = next
		case magicIndex:
			l.end = next
		}
		at = next
	}
	// A head that nothing follows says nothing.
	l.torn = open.Offset != 0
	return l, nil
}

func readSegment(r io.ReaderAt, at, next int64) (Segment, error) {
	payload := make([]byte, min(next-at-skipHead, int64(len(segText)+8)))
	if err := readAt(r, payload, at+skipHead); err != nil {
		return Segment{}, err
	}
	first, _, err := parseSegmentHead(payload)
	return Segment{Offset: at, Time: first}, err
}

// frameEnd returns where the frame ends that begins at a place. The error is io.ErrUnexpectedEOF if
// the file ends first.
func frameEnd(r io.ReaderAt, at, size int64) (end int64, magic uint32, err error) {
	head := make([]byte, min(zstd.HeaderMaxSize, size-at))
	if err := readAt(r, head, at); err != nil {
		return 0, 0, err
	}
	if len(head) < skipHead {
		return 0, 0, io.ErrUnexpectedEOF
	}
	magic = binary.LittleEndian.Uint32(head)
	switch {
	case magic&skipMask == magicSkip:
		end = at + skipHead + int64(binary.LittleEndian.Uint32(head[4:]))
		if magic == magicSeg && end-at > maxSegmentHead {
			return 0, 0, fmt.Errorf("%w: a segment's head at byte %d is too long", ErrDamaged, at)
		}
	case magic == magicData:
		end, err = dataEnd(r, at, size, head)
	default:
		return 0, 0, fmt.Errorf("%w: at byte %d no frame begins", ErrDamaged, at)
	}
	if err == nil && end > size {
		err = io.ErrUnexpectedEOF
	}
	return end, magic, err
}

// dataEnd goes through the blocks of a frame by their heads, as RFC 8878 describes them.
func dataEnd(r io.ReaderAt, at, size int64, head []byte) (int64, error) {
	var header zstd.Header
	if err := header.Decode(head); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, err
		}
		return 0, fmt.Errorf("%w: the frame at byte %d: %w", ErrDamaged, at, err)
	}
	const blockHead, rawBlock, repeatedBlock, compressedBlock = 3, 0, 1, 2
	place := at + int64(header.HeaderSize)
	for last := false; !last; {
		if place+blockHead > size {
			return 0, io.ErrUnexpectedEOF
		}
		var data [blockHead]byte
		if err := readAt(r, data[:], place); err != nil {
			return 0, err
		}
		word := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16
		last = word&1 != 0
		place += blockHead
		switch (word >> 1) & 3 {
		case rawBlock, compressedBlock:
			place += int64(word >> 3)
		case repeatedBlock:
			place++
		default:
			return 0, fmt.Errorf("%w: the frame at byte %d has a block of no kind", ErrDamaged, at)
		}
	}
	if header.HasCheckSum {
		place += 4
	}
	return place, nil
}

// readAt fills data; a file that has become shorter ends unexpectedly.
func readAt(r io.ReaderAt, data []byte, at int64) error {
	n, err := r.ReadAt(data, at)
	if n == len(data) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read the recording: %w", err)
}
