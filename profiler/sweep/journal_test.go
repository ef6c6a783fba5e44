package sweep

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a journal of the example and returns its path.
func write(t *testing.T) (path string, d *Document) {
	t.Helper()
	d = example()
	path = filepath.Join(t.TempDir(), "sweep.ndjson")
	j, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	if j.Header != nil || len(j.Results) != 0 {
		t.Errorf("a new journal has %v and %d results", j.Header, len(j.Results))
	}
	h := Header{SchemaVersion: d.SchemaVersion, Environment: d.Environment, Time: d.Time, Command: d.Command, Plan: d.Plan}
	if err := j.Begin(h); err != nil {
		t.Fatal(err)
	}
	for _, r := range d.Points {
		if err := j.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return path, d
}

func same(t *testing.T, got, want any) {
	t.Helper()
	a, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(want)
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("%v\ngot  %s\nwant %s", err, a, b)
	}
}

func TestJournal(t *testing.T) {
	t.Parallel()
	path, d := write(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A kill cuts the file off anywhere; what was whole before must come back.
	lines := bytes.SplitAfter(data, []byte{'\n'})
	cut := len(data) - len(lines[len(lines)-2]) + 10
	if err := os.Truncate(path, int64(cut)); err != nil {
		t.Fatal(err)
	}
	j, err := OpenJournal(path)
	if err != nil || j.Header == nil || len(j.Results) != len(d.Points)-1 {
		t.Fatalf("%v, header %v, %d results", err, j.Header, len(j.Results))
	}
	if _, err := OpenJournal(path); err == nil || !strings.Contains(err.Error(), "in use by another sweep") {
		t.Errorf("a second sweep got the journal: %v", err)
	}
	// The last word on a point counts.
	again := d.Points[0]
	again.Pairs = 77
	for _, r := range []Result{d.Points[len(d.Points)-1], again} {
		if err := j.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	last, err := OpenJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = last.Close() }()
	got := NewDocument(*last.Header, last.Results, d.Time)
	d.Points[0].Pairs = 77
	same(t, got.Points, d.Points)
	same(t, got.Deployment, d.Deployment)
}

func TestJournalRefuses(t *testing.T) {
	t.Parallel()
	const header = `{"record":"sweep","sweep":{"schema_version":"1.0","plan":{}}}` + "\n"
	for name, test := range map[string]struct{ text, want string }{
		"words":            {"hello\n", "line 1"},
		"half a line":      {`{"record":`, "line 1"},
		"a report":         {`{"schema_version":"1.0","partial":false}` + "\n", "line 1"},
		"another stream":   {`{"record":"header","header":{}}` + "\n", "line 1"},
		"point first":      {`{"record":"point","point":{"model":"tiny"}}` + "\n", "line 1"},
		"broken later":     {header + "{]\n", "line 2"},
		"point of nothing": {header + `{"record":"point","point":{}}` + "\n", "line 2"},
		"future journal":   {strings.Replace(header, "1.0", "2.0", 1), "this moetop reads 1.x"},
		"a document":       {`{"schema_version":"1.0","kind":"sweep"}` + "\n", "line 1"},
		"line too long":    {header + strings.Repeat(" ", maxJournalLine+1) + "\n", "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "foreign")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenJournal(path); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v", err)
			}
			if data, err := os.ReadFile(path); err != nil || string(data) != test.text {
				t.Errorf("the file was changed: %q, %v", data, err)
			}
		})
	}
}

func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"record":"sweep","sweep":{"schema_version":"1.0","plan":{"models":["tiny"],"kernels":["a"],"routings":["hot"],"tokens":[1]}}}
{"record":"point","point":{"model":"tiny","tokens":1,"routing":"hot","kernels":"a"}}
`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, results, whole, err := readJournal(data)
		if err != nil || h == nil {
			return
		}
		if whole > int64(len(data)) || whole < 1 {
			t.Errorf("%d of %d bytes", whole, len(data))
		}
		if points := len(h.Plan.Models) * len(h.Plan.Kernels) * len(h.Plan.Routings) * len(h.Plan.Tokens); points > 1000 {
			return
		}
		d := NewDocument(*h, results, h.Time)
		var b bytes.Buffer
		for name, write := range map[string]func() error{
			"table":  func() error { return d.WriteTable(&b, 100) },
			"csv":    func() error { return d.WriteCSV(&b) },
			"bench":  func() error { return d.WriteBenchmarks(&b) },
			"python": func() error { return d.WritePython(&b) },
		} {
			if err := write(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	d := example()
	a, b := d.Environment, d.Environment
	// Hosts of containers have names of the day; a GPU keeps its own.
	b.Host.Name = "other"
	if got := Differences(&a, &b); got != "" {
		t.Errorf("%q", got)
	}
	b.GPU, b.Engine = nil, "cpu"
	if got := Differences(&a, &b); !strings.Contains(got, "engine cuda, not cpu") || !strings.Contains(got, "GPU NVIDIA H200 GPU-1, not none") {
		t.Errorf("%q", got)
	}
	a = b
	a.Host.Name = "third"
	if got := Differences(&a, &b); got != "host third, not other" {
		t.Errorf("%q", got)
	}
}

// BenchmarkJournal reads 10,000 points.
func BenchmarkJournal(b *testing.B) {
	d := example()
	h := Header{SchemaVersion: d.SchemaVersion, Environment: d.Environment, Plan: d.Plan}
	var journal bytes.Buffer
	encoder := json.NewEncoder(&journal)
	if err := encoder.Encode(Line[Result]{Record: headerRecord, Header: &h}); err != nil {
		b.Fatal(err)
	}
	for i := range 10_000 {
		r := d.Points[i%6]
		r.Tokens = i + 1
		if err := encoder.Encode(Line[Result]{Record: pointRecord, Point: &r}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(journal.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, _, err := readJournal(journal.Bytes()); err != nil {
			b.Fatal(err)
		}
	}
}
