package recording

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/moetop/moetop/profiler"
)

// The raw steps of a sample are most of what a recording holds, and numbers written out in digits
// compress badly: they take twice the bytes that are in them. So the object "recent" of a line is
// replaced by a text of packed bytes, in which steps and times are differences and equal places of
// the differences stand together. It is done only where unpacking gives the very same line.

var (
	plainKey   = []byte(`"recent":{`)
	packedKey  = []byte(`"recent":"`)
	recentOpen = len(plainKey) - 1
)

// maxPackedSteps bounds what a foreign file can make of a few bytes.
const maxPackedSteps = 1 << 16

var errPacked = errors.New("packed steps are not valid")

// pack returns the line with its recent steps packed, or the line itself.
func pack(line []byte) []byte {
	at := bytes.Index(line, plainKey)
	if at < 0 {
		return line
	}
	begin := at + recentOpen
	end := begin + bytes.IndexByte(line[begin:], '}') + 1
	var recent profiler.Recent
	if end <= begin || json.Unmarshal(line[begin:end], &recent) != nil {
		return line
	}
	packed, ok := packRecent(&recent)
	if !ok {
		return line
	}
	// The prefix is the caller's and must not be grown into.
	out := append(bytes.Clone(line[:begin]), '"')
	out = base64.RawStdEncoding.AppendEncode(out, packed)
	out = append(append(out, '"'), line[end:]...)
	if again, err := unpack(out); err != nil || !bytes.Equal(again, line) {
		return line
	}
	return out
}

// unpack undoes pack.
func unpack(line []byte) ([]byte, error) {
	at := bytes.Index(line, packedKey)
	if at < 0 {
		return line, nil
	}
	begin := at + len(packedKey)
	length := bytes.IndexByte(line[begin:], '"')
	if length < 0 {
		return line, nil // A torn line; who reads it will say so.
	}
	packed, err := base64.RawStdEncoding.AppendDecode(nil, line[begin:begin+length])
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPacked, err)
	}
	recent, err := unpackRecent(packed)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(recent)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPacked, err)
	}
	out := append(bytes.Clone(line[:begin-1]), text...)
	return append(out, line[begin+length+1:]...), nil
}

// packRecent refuses what it cannot pack into the same numbers.
func packRecent(r *profiler.Recent) (packed []byte, ok bool) {
	n := len(r.Step)
	if n > maxPackedSteps || len(r.Mask) != n || len(r.StepUS) != n || r.Step == nil {
		return nil, false
	}
	packed = binary.AppendUvarint(nil, uint64(n))
	if n == 0 {
		return packed, true
	}
	last, stride := uint64(0), int64(0)
	for _, step := range r.Step {
		delta := int64(step - last)
		packed = binary.AppendVarint(packed, delta-stride)
		last, stride = step, delta
	}
	var masks byte
	for i, mask := range r.Mask {
		if mask < 0 || mask >= int(profiler.NumMasks) {
			return nil, false
		}
		masks |= byte(mask) << (2 * (i % 4))
		if i%4 == 3 || i == n-1 {
			packed = append(packed, masks)
			masks = 0
		}
	}
	return appendTimes(packed, r)
}

// appendTimes packs nanoseconds as differences to the step before with the same mask: first all low
// bytes, then the next ones.
func appendTimes(packed []byte, r *profiler.Recent) ([]byte, bool) {
	var before [profiler.NumMasks]int64
	values := make([]uint64, len(r.StepUS))
	bits := uint64(0)
	for i, us := range r.StepUS {
		ns := math.Round(us * 1000)
		if math.Abs(ns) > 1<<50 {
			return nil, false
		}
		delta := int64(ns) - before[r.Mask[i]]
		before[r.Mask[i]] = int64(ns)
		values[i] = uint64(delta<<1) ^ uint64(delta>>63)
		bits |= values[i]
	}
	planes := 0
	for ; bits>>(8*planes) != 0 && planes < 8; planes++ { //nolint:revive // Counting is all that it does.
	}
	packed = append(packed, byte(planes))
	for plane := range planes {
		for _, v := range values {
			packed = append(packed, byte(v>>(8*plane)))
		}
	}
	return packed, true
}

func unpackRecent(packed []byte) (*profiler.Recent, error) {
	n, used := binary.Uvarint(packed)
	if used <= 0 || n > maxPackedSteps || n > uint64(len(packed)) {
		return nil, errPacked
	}
	packed = packed[used:]
	r := &profiler.Recent{Step: make([]uint64, n), Mask: make([]int, n), StepUS: make([]float64, n)}
	if n == 0 {
		return r, nil
	}
	last, stride := uint64(0), int64(0)
	for i := range r.Step {
		change, used := binary.Varint(packed)
		if used <= 0 {
			return nil, errPacked
		}
		packed = packed[used:]
		stride += change
		last += uint64(stride)
		r.Step[i] = last
	}
	masks := (int(n) + 3) / 4
	if len(packed) <= masks {
		return nil, errPacked
	}
	for i := range r.Mask {
		r.Mask[i] = int(packed[i/4]>>(2*(i%4))) & 3
	}
	return r, readTimes(packed[masks:], r)
}

func readTimes(packed []byte, r *profiler.Recent) error {
	planes, packed := int(packed[0]), packed[1:]
	if planes > 8 || len(packed) != planes*len(r.StepUS) {
		return errPacked
	}
	var before [profiler.NumMasks]int64
	for i := range r.StepUS {
		v := uint64(0)
		for plane := range planes {
			v |= uint64(packed[plane*len(r.StepUS)+i]) << (8 * plane)
		}
		ns := &before[r.Mask[i]]
		*ns += int64(v>>1) ^ -int64(v&1)
		r.StepUS[i] = float64(*ns) / 1000
	}
	return nil
}
