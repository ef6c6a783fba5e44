package sweep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/moetop/moetop/profiler"
)

// Header is the first line of a journal: who measures what where. A sweep that goes on with another
// plan writes it again, and the last one counts.
type Header struct {
	SchemaVersion string `json:"schema_version"`
	profiler.Environment
	Time    time.Time `json:"time"` // when the sweep began
	Command []string  `json:"command"`
	Plan    Plan      `json:"plan"`
}

// Line is one line of a journal; record says which part it has. Who needs less of a point than its
// whole Result reads less.
type Line[P Result | Figures] struct {
	Record string  `json:"record"` // sweep or point
	Header *Header `json:"sweep,omitempty"`
	Point  *P      `json:"point,omitempty"`
}

// Check refuses what is no line of a journal.
func (l *Line[P]) Check() error {
	switch {
	case l.Record == headerRecord && l.Header != nil:
		return profiler.CheckSchemaVersion(l.Header.SchemaVersion)
	case l.Record == pointRecord && l.Point != nil:
		return nil
	}
	return fmt.Errorf("record: %q is not allowed in a sweep's journal: %s or %s, with its part of that name",
		l.Record, headerRecord, pointRecord)
}

// Check refuses figures that do not say of what they are.
func (f *Figures) Check() error {
	if f.Model == "" || f.Tokens < 1 {
		return fmt.Errorf("a point of a sweep without its model or tokens (model %q, tokens %d)", f.Model, f.Tokens)
	}
	return nil
}

const (
	headerRecord = Kind
	pointRecord  = "point"
)

// maxJournalLine is far more than a point takes: a few kilobytes.
const maxJournalLine = 4 << 20

// Journal is a file that receives every finished point at once, as one line of JSON, so that a kill
// loses the running point alone. One process at a time may have it open.
type Journal struct {
	file *os.File
	path string
	// Header is nil in a new journal. Results are those that the file held when it was opened; of
	// several of one point the last.
	Header  *Header
	Results map[Point]Result
}

// OpenJournal opens a journal, or creates it. A last line that a kill cut off is removed.
func OpenJournal(path string) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	j := &Journal{file: file, path: path}
	if err := j.load(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return j, nil
}

func (j *Journal) load() error {
	if err := unix.Flock(int(j.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("%s is in use by another sweep: %w", j.path, err)
	}
	data, err := io.ReadAll(j.file)
	if err != nil {
		return fmt.Errorf("read %s: %w", j.path, err)
	}
	header, results, whole, err := readJournal(data)
	if err != nil {
		return fmt.Errorf("%s: %w", j.path, err)
	}
	j.Header, j.Results = header, results
	if err := j.file.Truncate(whole); err != nil {
		return fmt.Errorf("remove the unfinished last line: %w", err)
	}
	if _, err := j.file.Seek(whole, io.SeekStart); err != nil {
		return fmt.Errorf("go to the end of %s: %w", j.path, err)
	}
	return nil
}

// Path is the file's name as it was given.
func (j *Journal) Path() string { return j.path }

// Begin writes the header of a new journal.
func (j *Journal) Begin(h Header) error {
	if err := j.write(Line[Result]{Record: headerRecord, Header: &h}); err != nil {
		return err
	}
	j.Header = &h
	return nil
}

// Add writes a finished point.
func (j *Journal) Add(r Result) error {
	if err := j.write(Line[Result]{Record: pointRecord, Point: &r}); err != nil {
		return err
	}
	j.Results[r.Point] = r
	return nil
}

func (j *Journal) write(l Line[Result]) error {
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode a line of %s: %w", j.path, err)
	}
	_, err = j.file.Write(append(data, '\n'))
	if err = errors.Join(err, j.file.Sync()); err != nil {
		return fmt.Errorf("write %s: %w", j.path, err)
	}
	return nil
}

// Close closes the file.
func (j *Journal) Close() error { return j.file.Close() }

// readJournal reads up to the last whole line and returns where that ends.
func readJournal(data []byte) (header *Header, results map[Point]Result, whole int64, err error) {
	whole = int64(bytes.LastIndexByte(data, '\n') + 1)
	if whole == 0 && len(data) > 0 {
		return nil, nil, 0, errNoHeader
	}
	results = make(map[Point]Result)
	for i, l := range parseLines(data[:whole]) {
		switch {
		case i == 0 && l.err != nil:
			return nil, nil, 0, fmt.Errorf("%w: %w", errNoHeader, l.err)
		case i == 0 && l.Header == nil:
			return nil, nil, 0, errNoHeader
		case l.err != nil:
			return nil, nil, 0, fmt.Errorf("line %d: %w", i+1, l.err)
		case l.Header != nil:
			header = l.Header
		case l.Point != nil:
			results[l.Point.Point] = *l.Point
		}
	}
	return header, results, whole, nil
}

var errNoHeader = errors.New("line 1 is not the header of a sweep's journal")

// parsedLine is a line, or why it is none.
type parsedLine struct {
	Line[Result]
	err error
}

// parseLines parses on all processors: sweeps of ten thousand points are read within a second.
func parseLines(data []byte) []parsedLine {
	texts := slices.Collect(bytes.Lines(data))
	parsed := make([]parsedLine, len(texts))
	share := max(1, (len(texts)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var joined sync.WaitGroup
	first := 0
	for chunk := range slices.Chunk(texts, share) {
		into := parsed[first : first+len(chunk)]
		first += len(chunk)
		joined.Go(func() {
			for i, text := range chunk {
				into[i].Line, into[i].err = parseLine(text)
			}
		})
	}
	joined.Wait()
	return parsed
}

func parseLine(text []byte) (Line[Result], error) {
	var l Line[Result]
	if len(text) > maxJournalLine {
		return l, fmt.Errorf("%d bytes: at most %d are allowed", len(text), maxJournalLine)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return l, fmt.Errorf("not a line of a sweep's journal: %w", err)
	}
	if err := l.Check(); err != nil || l.Point == nil {
		return l, err
	}
	return l, l.Point.Check()
}
