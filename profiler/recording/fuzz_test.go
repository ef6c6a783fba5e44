package recording

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

func contains(text, part string) bool { return strings.Contains(text, part) }

// FuzzOpen reads what claims to be a recording: it ends in good order or with an error, and what was
// read before can be gone on with.
func FuzzOpen(f *testing.F) {
	path := filepath.Join(f.TempDir(), "r")
	record(f, path, newSession(1, began).stream(2))
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-footerSize])
	f.Add(whole[:len(whole)/2])
	f.Add(append(fileHead(), segmentHead(began, []byte("no zstd"))...))
	f.Add([]byte("moetop recording 1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		defer func() { _ = r.Close() }()
		for _, to := range []time.Time{{}, r.End()} {
			if r.SeekTime(to) != nil {
				continue
			}
			fold := profiler.NewFold()
			for {
				record, err := r.Next()
				if err != nil {
					if !errors.Is(err, io.EOF) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrDamaged) {
						t.Errorf("an error of no kind: %v", err)
					}
					break
				}
				fold.Apply(record)
			}
			fold.View()
		}
	})
}

// BenchmarkHour writes an hour at ten samples a second in each iteration; making the samples takes part
// of the time.
func BenchmarkHour(b *testing.B) {
	const samples = 36000
	for i := 0; b.Loop(); i++ {
		s := newSession(uint64(i), began)
		w, err := Create(filepath.Join(b.TempDir(), "r"))
		if err != nil {
			b.Fatal(err)
		}
		addAll(b, w, []profiler.Record{s.header(), s.workload()})
		for j := range samples {
			addAll(b, w, []profiler.Record{s.sample(j)})
			if j%5 == 4 {
				if err := w.Flush(); err != nil {
					b.Fatal(err)
				}
			}
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(w.Size())/1e6, "MB")
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(samples*(i+1)), "ns/sample")
	}
}
