package recording

import (
	"bytes"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

func TestPack(t *testing.T) {
	t.Parallel()
	s := newSession(1, began)
	s.header()
	none := s.sample(0)
	none.Sample.Recent = profiler.Recent{Step: []uint64{}, Mask: []int{}, StepUS: []float64{}}
	null := s.sample(1)
	null.Sample.Recent = profiler.Recent{}
	uneven := s.sample(2)
	uneven.Sample.Recent.Mask = uneven.Sample.Recent.Mask[1:]
	exact := s.sample(3)
	exact.Sample.Recent.StepUS[5] = 1.0 / 3
	huge := s.sample(4)
	huge.Sample.Recent.StepUS[5] = 1e300
	back := s.sample(5)
	back.Sample.Recent.Step[7] = 1
	named := s.sample(6)
	named.Sample.Progress = `"recent":{"step":[1]} "recent":"AAAA"`
	tests := map[string]struct {
		record profiler.Record
		packed bool
	}{
		"full": {s.sample(7), true}, "none": {none, true}, "null": {null, false}, "uneven": {uneven, false},
		"more digits": {exact, false}, "huge": {huge, false}, "steps go back": {back, true}, "words in a text": {named, true},
		"no sample": {s.workload(), false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := []byte(lines(t, []profiler.Record{test.record}))
			kept := bytes.Clone(line)
			packed := pack(line)
			if is := !bytes.Equal(packed, line); is != test.packed {
				t.Errorf("packed %v", is)
			}
			got, err := unpack(packed)
			if err != nil || !bytes.Equal(got, kept) || !bytes.Equal(line, kept) {
				t.Errorf("%v\n%s\n%s", err, got, kept)
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	s := newSession(1, began)
	s.header()
	f.Add(pack([]byte(lines(f, []profiler.Record{s.sample(0)}))))
	f.Add([]byte(`{"recent":"BQ"}` + "\n"))
	f.Fuzz(func(t *testing.T, line []byte) {
		plain, err := unpack(line)
		if err == nil && bytes.Count(plain, []byte("\n")) != strings.Count(string(line), "\n") {
			t.Errorf("%q became %q", line, plain)
		}
	})
}
