package recording

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// lines are records as they stand in a stream.
func lines(tb testing.TB, records []profiler.Record) string {
	tb.Helper()
	var out bytes.Buffer
	encoder := profiler.NewEncoder(&out)
	for _, r := range records {
		if err := encoder.Encode(r); err != nil {
			tb.Fatal(err)
		}
	}
	return out.String()
}

// readAll reads to the end, and returns what ended it.
func readAll(r *Reader) (records []profiler.Record, err error) {
	for {
		record, err := r.Next()
		if err != nil {
			return records, err
		}
		records = append(records, record)
	}
}

// openFile opens a recording and closes it with the test.
func openFile(tb testing.TB, path string) *Reader {
	tb.Helper()
	r, err := Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = r.Close() })
	return r
}

// testSegment is short, so that little is a lot.
const testSegment = 3 * time.Second

// create begins a recording of short segments.
func create(tb testing.TB, path string) *Writer {
	tb.Helper()
	w, err := Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	w.segment = testSegment
	return w
}

// record writes a closed recording.
func record(tb testing.TB, path string, records []profiler.Record) {
	tb.Helper()
	w := create(tb, path)
	addAll(tb, w, records)
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r")
	records := newSession(1, began).stream(100)
	record(t, path, records)
	r := openFile(t, path)
	got, err := readAll(r)
	if !errors.Is(err, io.EOF) || lines(t, got) != lines(t, records) {
		t.Errorf("%d records for %d, %v", len(got), len(records), err)
	}
	if r.Truncated() || !r.Start().Equal(began) || !r.End().Equal(records[len(records)-1].Time) {
		t.Errorf("truncated %v, from %v to %v", r.Truncated(), r.Start(), r.End())
	}
}

func TestCreateRefusesAnExistingFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r")
	record(t, path, newSession(1, began).stream(1))
	if _, err := Create(path); !errors.Is(err, os.ErrExist) {
		t.Errorf("%v", err)
	}
}

func TestTwoRecordersOfOneFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Append(path); err == nil {
		t.Error("a second recorder may write the same file")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Append(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestSeek(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r")
	records := newSession(1, began).stream(65)
	record(t, path, records)
	closed := openFile(t, path)
	if n := len(closed.layout.segments); n != 3 {
		t.Fatalf("%d segments of 6.5 s", n)
	}
	// Without its index the same places have to be found.
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = data[:closed.layout.end]
	open, err := NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Reader{"by index": closed, "by walking": open} {
		for _, to := range []time.Duration{-time.Hour, 0, 2900 * time.Millisecond, 4 * time.Second, 6400 * time.Millisecond, time.Hour} {
			if err := r.SeekTime(began.Add(to)); err != nil {
				t.Fatal(err)
			}
			got, err := readAll(r)
			if !errors.Is(err, io.EOF) || len(got) < 3 || got[0].Kind != profiler.KindHeader || got[1].Kind != profiler.KindWorkload {
				t.Fatalf("%s, %v: %d records, %v", name, to, len(got), err)
			}
			rest := lines(t, got[2:])
			if whole := lines(t, records); whole[len(whole)-len(rest):] != rest {
				t.Errorf("%s, %v: not the end of the stream", name, to)
			}
			if at := got[2].Time.Sub(began); at > max(to, 10*time.Millisecond) || to < 6500*time.Millisecond && to-at > testSegment+time.Second {
				t.Errorf("%s, %v: begins at %v", name, to, at)
			}
		}
		if !r.End().Equal(records[len(records)-1].Time) {
			t.Errorf("%s: ends at %v", name, r.End())
		}
	}
}

// TestEveryTruncation cuts a recording anywhere: what can be read is a beginning of what was written,
// and going on with it keeps that beginning.
func TestEveryTruncation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "r")
	w := create(t, path)
	records := newSession(1, began).stream(64)
	for i, r := range records {
		addAll(t, w, []profiler.Record{r})
		if i%5 == 0 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := lines(t, records)
	head := int64(len(fileHead()))
	rng := rand.New(rand.NewPCG(1, 2))
	cuts := []int64{head, head + 1, head + 20, w.index.segments[1].Offset, w.index.segments[1].Offset + 3, int64(len(data) - 1)}
	for range 6 {
		cuts = append(cuts, head+rng.Int64N(int64(len(data))-head))
	}
	extra := newSession(2, began.Add(time.Hour)).stream(3)
	for _, cut := range cuts {
		r, err := NewReader(bytes.NewReader(data[:cut]), cut)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		got, err := readAll(r)
		if !errors.Is(err, io.EOF) && !errors.Is(err, ErrTruncated) {
			t.Errorf("cut at %d: %v", cut, err)
		}
		if (err == io.EOF) == r.Truncated() { //nolint:errorlint // io.EOF itself, which no error wraps here.
			t.Errorf("cut at %d: truncated %v, and ended by %v", cut, r.Truncated(), err)
		}
		text := lines(t, got)
		if whole[:len(text)] != text {
			t.Fatalf("cut at %d: other records", cut)
		}
		// Twelve samples were never flushed at most: the last five, and what fits into the blocks cut.
		if share := float64(len(text))/float64(len(whole)) - float64(cut)/float64(len(data)); share < -0.3 {
			t.Errorf("cut at %d of %d: %d of %d bytes of the stream", cut, len(data), len(text), len(whole))
		}
		copied := filepath.Join(dir, "copy")
		if err := os.WriteFile(copied, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Append(copied)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		addAll(t, again, extra)
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		joined, err := readAll(openFile(t, copied))
		if !errors.Is(err, io.EOF) || lines(t, joined) != text+lines(t, extra) {
			t.Errorf("cut at %d, gone on: %d records for %d and %d, %v", cut, len(joined), len(got), len(extra), err)
		}
	}
}

func TestForeignFiles(t *testing.T) {
	t.Parallel()
	damaged := append(fileHead(), segmentHead(began, nil)...)
	tests := map[string]struct {
		data string
		want error
	}{
		"empty":          {"", ErrForeign},
		"text":           {"{\"record\":\"header\"}\n", ErrForeign},
		"zstd":           {"\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00\x99\xe9\xd8\x51", ErrForeign},
		"other skipping": {string(skippable(magicFile, []byte("somebody else's"))), ErrForeign},
		"rubbish after":  {string(append(damaged, "this is no frame"...)), ErrDamaged},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, []byte(test.data), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(path); !errors.Is(err, test.want) {
				t.Errorf("open: %v", err)
			}
			if _, err := Append(path); test.data != "" && !errors.Is(err, test.want) {
				t.Errorf("append: %v", err)
			}
			if after, err := os.ReadFile(path); err != nil || test.data != "" && string(after) != test.data {
				t.Errorf("the file was changed: %q, %v", after, err)
			}
		})
	}
	newer := skippable(magicFile, []byte(fileText+"2\n"))
	if _, err := NewReader(bytes.NewReader(newer), int64(len(newer))); err == nil || errors.Is(err, ErrForeign) {
		t.Errorf("a newer format: %v", err)
	}
}

// TestDamage flips bits: the checksums tell, or the records are still the right ones.
func TestDamage(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r")
	records := newSession(1, began).stream(50)
	record(t, path, records)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole := lines(t, records)
	rng := rand.New(rand.NewPCG(3, 4))
	told := 0
	for range 30 {
		bad := bytes.Clone(data)
		at := rng.IntN(len(bad))
		bad[at] ^= 1 << rng.IntN(8)
		r, err := NewReader(bytes.NewReader(bad), int64(len(bad)))
		var got []profiler.Record
		if err == nil {
			got, err = readAll(r)
		}
		if errors.Is(err, io.EOF) && lines(t, got) != whole {
			t.Errorf("bit at %d: wrong records, and no error", at)
		}
		if !errors.Is(err, io.EOF) {
			told++
		}
	}
	if told < 25 {
		t.Errorf("%d of 30 damages were told", told)
	}
}

// TestSize holds the promise of an hour in 20 MB with its first two minutes.
func TestSize(t *testing.T) {
	t.Parallel()
	const minute, promised = 600, 20_000_000
	w, err := Create(filepath.Join(t.TempDir(), "r"))
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(1, began)
	addAll(t, w, []profiler.Record{s.header(), s.workload()})
	var sizes [2]int64
	for i := range len(sizes) * minute {
		addAll(t, w, []profiler.Record{s.sample(i)})
		if i%5 == 4 {
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		sizes[i/minute] = w.Size()
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	hour := sizes[0] + 59*(sizes[1]-sizes[0])
	if hour > promised {
		t.Errorf("an hour takes %d bytes", hour)
	}
	t.Logf("an hour takes %.1f MB", float64(hour)/1e6)
}
