package profiler

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxLine bounds one line of the stream, in bytes without the newline. A sample takes a few
// kilobytes; a workload record of 1024 experts about twenty.
const MaxLine = 4 << 20

// Encoder writes records as NDJSON, one write a record.
type Encoder struct {
	w      io.Writer
	buffer bytes.Buffer
	json   *json.Encoder
}

// NewEncoder returns an Encoder. It does not buffer.
func NewEncoder(w io.Writer) *Encoder {
	e := &Encoder{w: w}
	e.json = json.NewEncoder(&e.buffer)
	e.json.SetEscapeHTML(false)
	return e
}

// Encode writes one record. A record that is not one, or that holds NaN or an infinity, is an error,
// and then nothing is written.
func (e *Encoder) Encode(r Record) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("encode a record: %w", err)
	}
	e.buffer.Reset()
	if err := e.json.Encode(r); err != nil {
		return fmt.Errorf("encode a %s record: %w", r.Kind, err)
	}
	if e.buffer.Len() > MaxLine+1 {
		return fmt.Errorf("encode a %s record: %d bytes, at most %d are allowed", r.Kind, e.buffer.Len()-1, MaxLine)
	}
	if _, err := e.w.Write(e.buffer.Bytes()); err != nil {
		return fmt.Errorf("write a %s record: %w", r.Kind, err)
	}
	return nil
}

// check reports whether exactly the part that Kind names is set.
func (r *Record) check() error {
	parts := map[RecordKind]bool{
		KindHeader: r.Header != nil, KindWorkload: r.Workload != nil, KindLaunches: r.Launches != nil, KindSample: r.Sample != nil,
		KindToggle: r.Toggle != nil, KindAck: r.Ack != nil, KindWarning: r.Warning != nil,
		KindFailure: r.Failure != nil, KindSummary: r.Summary != nil,
	}
	set, known := parts[r.Kind]
	switch {
	case !known:
		return fmt.Errorf("record: %q is not a kind of record", r.Kind)
	case !set:
		return fmt.Errorf("record: %q without its part of that name", r.Kind)
	}
	for kind, other := range parts {
		if other && kind != r.Kind {
			return fmt.Errorf("record: %q with a part %q", r.Kind, kind)
		}
	}
	return nil
}

// LineError says which line of a stream is not a record. The lines after it can still be read.
type LineError struct {
	Line int // counts from 1
	Err  error
}

func (e *LineError) Error() string {
	return fmt.Sprintf("line %d is not a record of a moetop stream: %v", e.Line, e.Err)
}

func (e *LineError) Unwrap() error { return e.Err }

// Errors within a LineError.
var (
	ErrTruncated = errors.New("it ends without a newline")
	ErrTooLong   = fmt.Errorf("it has more than %d bytes", MaxLine)
)

// Decoder reads records from NDJSON. Fields and kinds of records that it does not know are passed
// over: a newer minor version may have added them.
type Decoder struct {
	r       *bufio.Reader
	line    int
	text    []byte
	refused RecordKind
	why     error
}

// NewDecoder returns a Decoder. It reads ahead.
func NewDecoder(r io.Reader) *Decoder { return &Decoder{r: bufio.NewReaderSize(r, 64<<10)} }

// Refuse makes an error of a record of that kind, which would be passed over.
func (d *Decoder) Refuse(kind RecordKind, why error) { d.refused, d.why = kind, why }

// Next returns the next record. It returns io.EOF at the end of the stream, a *LineError for a line
// that is not a record, after which Next may be called again, and any other error of the reader
// wrapped.
func (d *Decoder) Next() (Record, error) {
	for {
		text, err := d.readLine()
		if err != nil {
			return Record{}, err
		}
		record, known, err := parseRecord(text)
		if err != nil {
			return Record{}, &LineError{Line: d.line, Err: err}
		}
		switch {
		case known:
			return record, nil
		case d.why != nil && record.Kind == d.refused:
			return Record{}, &LineError{Line: d.line, Err: d.why}
		}
	}
}

// readLine returns the next line without its newline; it is valid until the next call.
func (d *Decoder) readLine() ([]byte, error) {
	d.text = d.text[:0]
	tooLong := false
	for {
		part, err := d.r.ReadSlice('\n')
		if !tooLong && len(d.text)+len(part) > MaxLine+1 {
			tooLong = true
		}
		if !tooLong {
			d.text = append(d.text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && len(d.text) == 0 && !tooLong:
			return nil, io.EOF
		case err != nil && !errors.Is(err, io.EOF):
			return nil, fmt.Errorf("read the stream after line %d: %w", d.line, err)
		}
		d.line++
		switch {
		case tooLong:
			return nil, &LineError{Line: d.line, Err: ErrTooLong}
		case err != nil:
			return nil, &LineError{Line: d.line, Err: ErrTruncated}
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(d.text, []byte("\n")), []byte("\r")), nil
	}
}

// parseRecord returns known false for a kind of record that it has never heard of.
func parseRecord(text []byte) (record Record, known bool, err error) {
	if len(text) == 0 || text[0] != '{' {
		return Record{}, false, fmt.Errorf("%s does not begin an object", excerpt(text))
	}
	kind, err := kindOf(text)
	if err != nil {
		return Record{}, false, err
	}
	switch {
	case kind == "":
		return Record{}, false, errors.New("it has no field record")
	case !isKnown(kind):
		return Record{Kind: kind}, false, nil
	}
	if err := jsonv2.Unmarshal(text, &record, lenient()); err != nil {
		return Record{}, false, err
	}
	if err := record.check(); err != nil {
		return Record{}, false, err
	}
	if header := record.Header; header != nil {
		if err := CheckSchemaVersion(header.SchemaVersion); err != nil {
			return Record{}, false, err
		}
	}
	return record, true, nil
}

func isKnown(kind RecordKind) bool {
	switch kind {
	case KindHeader, KindWorkload, KindLaunches, KindSample, KindToggle, KindAck, KindWarning, KindFailure, KindSummary:
		return true
	}
	return false
}

// kindOf finds the field record without reading the whole line where it stands first, as our own encoder
// puts it: what is known is read only once then.
func kindOf(text []byte) (RecordKind, error) {
	if rest, ok := bytes.CutPrefix(text, []byte(`{"record":"`)); ok {
		word, _, closed := bytes.Cut(rest, []byte(`"`))
		if closed && isKnown(RecordKind(word)) {
			return RecordKind(word), nil
		}
	}
	var kind struct {
		Kind RecordKind `json:"record"`
	}
	err := jsonv2.Unmarshal(text, &kind, lenient())
	return kind.Kind, err
}

// lenient takes what encoding/json takes: what a worker writes for a broken name is no reason to end it.
func lenient() jsonv2.Options {
	return jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// excerpt quotes the beginning of a text for an error.
func excerpt(text []byte) string {
	const most = 60
	if len(text) > most {
		return fmt.Sprintf("%q...", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
