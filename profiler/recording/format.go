package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"time"
)

// Version is the version of the file format that is written. Older ones can be read, newer ones are
// refused.
const Version = 1

// The magic numbers of zstd: a frame of data, and the first of sixteen for frames that every reader
// skips.
const (
	magicData  = 0xFD2FB528
	magicSkip  = 0x184D2A50
	magicFile  = magicSkip + 0
	magicSeg   = magicSkip + 1
	magicIndex = magicSkip + 2
	skipMask   = 0xFFFFFFF0

	skipHead   = 8 // bytes: magic and length
	entrySize  = 16
	footerSize = 24
)

const (
	fileText  = "moetop recording "
	segText   = "moetopsg"
	indexText = "moetopix"
)

// ErrForeign is in the error for a file that is no recording.
var ErrForeign = errors.New("it is not a moetop recording")

// ErrDamaged is in the error for a recording whose bytes are not what was written.
var ErrDamaged = errors.New("the recording is damaged")

// Segment is a part of a recording that can be read by itself.
type Segment struct {
	Offset int64     // in the file
	Time   time.Time // of its first record
}

func skippable(magic uint32, payload []byte) []byte {
	frame := binary.LittleEndian.AppendUint32(nil, magic)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(len(payload)))
	return append(frame, payload...)
}

func fileHead() []byte {
	return skippable(magicFile, []byte(fileText+strconv.Itoa(Version)+"\n"))
}

// maxFileHead bounds the first frame's payload: a text and a number.
const maxFileHead = 64

// checkFileHead reads the first bytes of a file and returns the length of its first frame.
func checkFileHead(data []byte) (int64, error) {
	if len(data) < skipHead || binary.LittleEndian.Uint32(data) != magicFile {
		return 0, ErrForeign
	}
	length := int(binary.LittleEndian.Uint32(data[4:]))
	if length > maxFileHead || skipHead+length > len(data) {
		return 0, ErrForeign
	}
	text, found := strings.CutPrefix(string(data[skipHead:skipHead+length]), fileText)
	version, err := strconv.Atoi(strings.TrimSuffix(text, "\n"))
	if !found || err != nil || version < 1 {
		return 0, ErrForeign
	}
	if version > Version {
		return 0, fmt.Errorf("the recording has format %d, and this moetop reads up to %d: use a newer one", version, Version)
	}
	return int64(skipHead + length), nil
}

// segmentHead is the frame before a segment's records. The context is compressed NDJSON.
func segmentHead(first time.Time, context []byte) []byte {
	payload := binary.LittleEndian.AppendUint64([]byte(segText), uint64(first.UnixNano()))
	return skippable(magicSeg, append(payload, context...))
}

// parseSegmentHead returns what segmentHead was given.
func parseSegmentHead(payload []byte) (first time.Time, context []byte, err error) {
	head := len(segText) + 8
	if len(payload) < head || string(payload[:len(segText)]) != segText {
		return time.Time{}, nil, fmt.Errorf("%w: a segment has no head", ErrDamaged)
	}
	nanoseconds := int64(binary.LittleEndian.Uint64(payload[len(segText):]))
	return time.Unix(0, nanoseconds), payload[head:], nil
}

// index is what the last frame of a closed recording holds: the segments and the time of the last
// record.
type index struct {
	segments []Segment
	end      time.Time
}

func (x *index) frame() []byte {
	var payload []byte
	for _, s := range x.segments {
		payload = binary.LittleEndian.AppendUint64(payload, uint64(s.Offset))
		payload = binary.LittleEndian.AppendUint64(payload, uint64(s.Time.UnixNano()))
	}
	end := int64(0)
	if !x.end.IsZero() {
		end = x.end.UnixNano()
	}
	payload = binary.LittleEndian.AppendUint64(payload, uint64(end))
	payload = binary.LittleEndian.AppendUint32(payload, uint32(len(x.segments)))
	payload = binary.LittleEndian.AppendUint32(payload, crc32.ChecksumIEEE(payload))
	return skippable(magicIndex, append(payload, indexText...))
}

// indexLength returns the length of the index frame that the last bytes of a file end; 0 if they end
// none.
func indexLength(footer []byte) int64 {
	if len(footer) != footerSize || string(footer[16:]) != indexText {
		return 0
	}
	return skipHead + int64(binary.LittleEndian.Uint32(footer[8:]))*entrySize + footerSize
}

// parseIndex reads an index frame whose place in the file is limit: no segment lies beyond.
func parseIndex(frame []byte, limit int64) (*index, error) {
	damaged := fmt.Errorf("%w: its index is not valid", ErrDamaged)
	if len(frame) < skipHead+footerSize || binary.LittleEndian.Uint32(frame) != magicIndex ||
		int(binary.LittleEndian.Uint32(frame[4:])) != len(frame)-skipHead {
		return nil, damaged
	}
	payload := frame[skipHead:]
	summed := payload[:len(payload)-len(indexText)-4]
	if crc32.ChecksumIEEE(summed) != binary.LittleEndian.Uint32(payload[len(summed):]) {
		return nil, damaged
	}
	count := (len(payload) - footerSize) / entrySize
	x := &index{end: unixTime(payload[count*entrySize:])}
	last := int64(0)
	for i := range count {
		entry := payload[i*entrySize:]
		offset := int64(binary.LittleEndian.Uint64(entry))
		if offset <= last || offset >= limit {
			return nil, damaged
		}
		last = offset
		x.segments = append(x.segments, Segment{Offset: offset, Time: time.Unix(0, int64(binary.LittleEndian.Uint64(entry[8:])))})
	}
	return x, nil
}

func unixTime(data []byte) time.Time {
	if nanoseconds := int64(binary.LittleEndian.Uint64(data)); nanoseconds != 0 {
		return time.Unix(0, nanoseconds)
	}
	return time.Time{}
}
