package saved

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/moetop/moetop/profiler"
)

// foreign says what a file may be.
const foreign = "neither a report (moetop --json), nor a stream (moetop --ndjson), nor a sweep (moetop sweep)"

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
	}
	var runs []Run
	switch record := firstRecord(start); record {
	case "":
		runs, err = readDocuments(buffered)
	case "sweep":
		runs, err = readLines(buffered)
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

func isEnd(err error) bool { return errors.Is(err, io.EOF) }

// readLines reads a journal. A last line that a kill cut off is passed over, as --resume does.
func readLines(in *bufio.Reader) ([]Run, error) {
	number := 0
	runs, err := readJournal(func(line any) error {
		for {
			text, err := in.ReadBytes('\n')
			if err != nil {
				return err
			}
			number++
			if len(bytes.TrimSpace(text)) > 0 {
				return json.Unmarshal(text, line)
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", number, err)
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("its only line was cut off: a journal begins with a whole one")
	}
	return runs, nil
}

// readDocuments reads reports and sweeps, one or several after the other.
func readDocuments(in io.Reader) ([]Run, error) {
	decoder := json.NewDecoder(in)
	var runs []Run
	for {
		run, err := readDocument(decoder)
		switch {
		case err == nil:
			runs = append(runs, run)
		case isEnd(err):
			return runs, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return nil, fmt.Errorf("it is cut off: it ends within document %d, at byte %d", len(runs)+1, decoder.InputOffset())
		default:
			return nil, fmt.Errorf("document %d, before byte %d: %w", len(runs)+1, decoder.InputOffset(), err)
		}
	}
}

// readDocument reads one document. Points are converted as they come, all else is small. io.EOF says
// that there is no further document.
func readDocument(d *json.Decoder) (Run, error) {
	if err := expectDelim(d, '{'); err != nil {
		return Run{}, err
	}
	fields := map[string]json.RawMessage{}
	var points []Point
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return Run{}, unfinished(err)
		}
		// An object's key is always a string.
		key, _ := name.(string)
		if key == "points" {
			if points, err = decodePoints(d); err != nil {
				return Run{}, unfinished(err)
			}
			continue
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return Run{}, unfinished(err)
		}
		fields[key] = value
	}
	if err := expectDelim(d, '}'); err != nil {
		return Run{}, unfinished(err)
	}
	return documentRun(fields, points)
}

// documentRun tells a report from a sweep.
func documentRun(fields map[string]json.RawMessage, points []Point) (Run, error) {
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
	case head.Kind == string(Sweep):
		var header sweepHeader
		if err := json.Unmarshal(text, &header); err != nil {
			return Run{}, err
		}
		run := sweepRun(&header)
		run.Points = points
		return run, nil
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

// expectDelim reads one delimiter. io.EOF is returned as it is.
func expectDelim(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	if token != want {
		return fmt.Errorf("%v stands where %v belongs: it is %s", token, want, foreign)
	}
	return nil
}

// unfinished makes the end of the file within a document the error that it is.
func unfinished(err error) error {
	if isEnd(err) {
		return io.ErrUnexpectedEOF
	}
	return err
}
