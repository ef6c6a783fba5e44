package saved

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/go-faster/jx"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// foreign says what a file may be.
const foreign = "neither a report (moetop --json), nor a stream (moetop --ndjson), nor a sweep (moetop sweep)"

// recordingMark begins every recording: it is a zstd frame that decoders pass over.
const recordingMark = "\x50\x2a\x4d\x18"

// peekSize is more than the first line of a stream or a journal takes.
const peekSize = 256 << 10

// Read reads a file. The error names it, and says where and why it cannot be read.
func Read(name string, in io.Reader) (*File, error) {
	buffered := bufio.NewReaderSize(in, peekSize)
	start, err := buffered.Peek(peekSize)
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(bytes.TrimSpace(start)) == 0:
		return nil, fmt.Errorf("%s: it is empty", name)
	case bytes.HasPrefix(start, []byte(recordingMark)):
		return nil, fmt.Errorf("%s: it is a recording: moetop replay %s --ndjson prints the stream that it holds", name, name)
	}
	var runs []Run
	switch record := firstRecord(start); record {
	case "":
		runs, err = readDocuments(buffered)
	case sweep.Kind:
		runs, err = readJournal(buffered)
	default:
		runs, err = readStreams(buffered)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &File{Name: name, Runs: runs}, nil
}

// firstRecord is the kind of record in the first line, or empty if that is not a record.
func firstRecord(start []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimLeft(start, " \t\r\n"), []byte("\n"))
	var first struct {
		Record string `json:"record"`
	}
	if json.Unmarshal(line, &first) != nil {
		return ""
	}
	return first.Record
}

// readBufferSize is what a decoder reads at once.
const readBufferSize = 64 << 10

// readDocuments reads reports and sweeps, one or several after the other.
func readDocuments(in io.Reader) ([]Run, error) {
	size := &counter{in: in}
	decoder := jx.Decode(size, readBufferSize)
	var runs []Run
	for {
		run, err := readDocument(decoder)
		switch {
		case err == nil:
			runs = append(runs, run)
		case errors.Is(err, io.EOF):
			return runs, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("it is cut off: it ends within document %d, at byte %d", len(runs)+1, size.read)
		default:
			return nil, fmt.Errorf("document %d: %w", len(runs)+1, err)
		}
	}
}

// atEnd reports whether nothing is left: what could not be read before is the end of a file that was cut
// off, as in a number behind its point.
func atEnd(d *jx.Decoder) bool {
	err := d.Skip()
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// counter counts the bytes that were read.
type counter struct {
	in   io.Reader
	read int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.in.Read(p)
	c.read += int64(n)
	return n, err
}

// readDocument reads one document. Points are converted as they come, all else is small. io.EOF says
// that there is no further document.
func readDocument(d *jx.Decoder) (Run, error) {
	switch d.Next() {
	case jx.Object:
	case jx.Invalid:
		// It is the end, or no JSON.
		if err := d.Skip(); err != nil && !errors.Is(err, io.EOF) {
			return Run{}, fmt.Errorf("%w: it is %s", err, foreign)
		}
		return Run{}, io.EOF
	case jx.Number, jx.String, jx.Array, jx.Null, jx.Bool:
		return Run{}, fmt.Errorf("it is %s", foreign)
	}
	fields := map[string]json.RawMessage{}
	var points []Point
	var failed error
	err := d.ObjBytes(func(_ *jx.Decoder, key []byte) error {
		if string(key) == "points" {
			points, failed = decodePoints(d)
			return failed
		}
		value, err := d.Raw()
		fields[string(key)] = bytes.Clone(value)
		return err
	})
	if failed != nil {
		err = failed
	}
	switch {
	case err != nil && atEnd(d):
		return Run{}, io.ErrUnexpectedEOF
	case err != nil:
		return Run{}, err
	}
	return documentRun(fields, points)
}

// documentRun tells a report from a sweep.
func documentRun(fields map[string]json.RawMessage, points []Point) (Run, error) {
	if kind, isRecord := fields["record"]; isRecord {
		return Run{}, fmt.Errorf("it is a record of kind %s behind a report or a sweep: files joined to one have to be of one kind", kind)
	}
	var head struct {
		SchemaVersion string `json:"schema_version"`
		Kind          string `json:"kind"`
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return Run{}, err
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return Run{}, fmt.Errorf("it is %s: %w", foreign, err)
	}
	if head.SchemaVersion == "" {
		return Run{}, fmt.Errorf("it has no schema_version: it is %s", foreign)
	}
	if err := profiler.CheckSchemaVersion(head.SchemaVersion); err != nil {
		return Run{}, err
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if _, ok := fields[name]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case head.Kind == sweep.Kind:
		var document sweep.Document
		if err := json.Unmarshal(text, &document); err != nil {
			return Run{}, err
		}
		return Run{
			Kind: Sweep, Environment: document.Environment, Time: document.Time, Command: document.Command,
			Partial: document.Partial, Points: points, Deployment: document.Deployment,
		}, nil
	case head.Kind == "" && has("stages", "step", "workload", "engine"):
		report := new(profiler.Report)
		if err := json.Unmarshal(text, report); err != nil {
			return Run{}, err
		}
		return reportRun(Report, report), nil
	default:
		return Run{}, fmt.Errorf("it is %s", foreign)
	}
}
