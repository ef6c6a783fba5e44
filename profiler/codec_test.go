package profiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// sampleRecords returns one record of each kind, with every part that can be null both set and not.
func sampleRecords() []Record {
	at := time.Date(2026, 5, 4, 3, 2, 1, 5000, time.UTC)
	us, percent, bytes := 12.5, 93.0, uint64(1)<<33
	summary := &Summary{Count: 3, LastUS: 1, MeanUS: 2, MinUS: 1, MedianUS: 2, P90US: 3, P99US: 3, MaxUS: 3, MeasuredAt: at, Live: true}
	ratio := &Ratio{Value: 1.5, Low: 1.4, High: 1.6, PValue: 1e-9, Pairs: 40}
	pending := ESBoth
	w := Workload{
		Model: "dsv3", Experts: 256, TopK: 8, Hidden: 7168, Intermediate: 256, TP: 8, EP: 1, Tokens: 128,
		Routing: Routing{Kind: Zipf, Exponent: 1.2}, Seed: 1,
	}
	device := &Device{Name: "GPU", UUID: "GPU-1", ComputeMajor: 9, SMs: 132, TotalMemoryBytes: bytes}
	reading := &Reading{
		Time: at, WindowStart: at, WindowEnd: at, SMUtilizationPercent: &percent, MemoryUsedBytes: &bytes,
		ThrottleReasons: []string{"power"},
	}
	sample := &Sample{
		State: StateRunning, ES: ESDown, PendingES: &pending, AB: true, ABPairs: 40, StepsPerSecond: 2000,
		Stages:  []StageStats{{Name: "up", Switchable: true, LastUS: &us, Off: summary, On: summary, Ratio: ratio}, {Name: "act"}},
		Steps:   StepStats{OffOff: summary, OnOn: summary, OnOnRatio: ratio},
		Recent:  Recent{Step: []uint64{1, 2}, Mask: []int{0, 3}, StepUS: []float64{400, 300.5}},
		NVML:    reading,
		Verdict: Verdict{EnableES: &[2]bool{false, true}, Text: "deploy <this> & that"},
		NVMLStats: &NVMLStats{
			SMUtilizationPercent: &Range{Median: 90, Min: 80, Max: 95, Count: 4}, ThrottleReasons: []string{},
			ByES: map[string]*MaskNVML{"off": {TensorPercent: &Range{Count: 1}}},
		},
		ElapsedS: 1.5, CPUSeconds: 0.1,
	}
	header := &Header{SchemaVersion: SchemaVersion, Version: "1", Command: []string{"moetop", "--ab"}, Seed: 1, PID: 4}
	workload := &WorkloadRecord{Workload: w, Engine: "cuda", GPU: device, ExpertRows: []float64{4, 4.5}, RingLength: 8}
	newest := Record{Kind: KindSample, Time: at, Step: 9, Generation: 2, Sample: sample}
	return []Record{
		{Kind: KindHeader, Time: at, Header: header},
		{Kind: KindWorkload, Time: at, Generation: 1, Workload: workload},
		newest,
		{Kind: KindToggle, Time: at, Step: 7, Generation: 2, Toggle: &Toggle{From: ESOff, To: ESDown, RequestedStep: 6}},
		{Kind: KindAck, Time: at, Step: 8, Ack: &Ack{ID: "1", Field: "tokens", Error: "no"}},
		{Kind: KindWarning, Time: at, Warning: &Warning{Code: "nvml", Text: "no GPM"}},
		{Kind: KindFailure, Time: at, Failure: &Failure{ExitCode: 3, Text: "no usable GPU"}},
		{Kind: KindSummary, Time: at, Summary: BuildReport(header, workload, newest, []Warning{{Code: "a", Text: "b"}}, true)},
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	t.Parallel()
	var stream bytes.Buffer
	encoder := NewEncoder(&stream)
	records := sampleRecords()
	for _, r := range records {
		if err := encoder.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	if lines := strings.Count(stream.String(), "\n"); lines != len(records) {
		t.Errorf("%d records took %d lines", len(records), lines)
	}
	decoder := NewDecoder(&stream)
	for _, want := range records {
		got, err := decoder.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s came back as\n%+v\nwant\n%+v", want.Kind, got, want)
		}
	}
	if _, err := decoder.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v, want io.EOF", err)
	}
}

func TestEncoderRefuses(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	cases := []struct {
		name   string
		record Record
		want   string
	}{
		{"NaN", Record{Kind: KindSample, Sample: &Sample{StepsPerSecond: nan}}, "NaN"},
		{"infinity", Record{Kind: KindSample, Sample: &Sample{StepsPerSecond: math.Inf(1)}}, "Inf"},
		{"no kind", Record{Sample: &Sample{}}, "not a kind"},
		{"no part", Record{Kind: KindSample}, "without its part"},
		{"another part", Record{Kind: KindAck, Ack: &Ack{}, Warning: &Warning{}}, "with a part"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := NewEncoder(&out).Encode(tc.record)
			if err == nil || !strings.Contains(err.Error(), tc.want) || out.Len() != 0 {
				t.Errorf("error %v with %d bytes written, want %q and none", err, out.Len(), tc.want)
			}
		})
	}
}

func TestDecoderGoesOnAfterABadLine(t *testing.T) {
	t.Parallel()
	const good = `{"record":"warning","time":"2026-05-04T03:02:01Z","warning":{"code":"x","text":"y"}}` + "\n"
	cases := []struct {
		name string
		line string
		want string
	}{
		{"foreign text", "Segmentation fault\n", `"Segmentation fault" does not begin an object`},
		{"empty", "\n", "does not begin an object"},
		{"foreign object", `{"level":"info"}` + "\n", "no field record"},
		{"broken", `{"record":"sample","sample":{` + "\n", "unexpected EOF"},
		{"two values", strings.TrimSpace(good) + good, "after top-level value"},
		{"no part", `{"record":"sample"}` + "\n", "without its part"},
		{"too long", `{"record":"` + strings.Repeat("x", MaxLine) + "\"}\n", ErrTooLong.Error()},
		{"another major version", `{"record":"header","header":{"schema_version":"2.0"}}` + "\n", `"2.0" is not allowed`},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			decoder := NewDecoder(strings.NewReader(good + tc.line + good))
			if _, err := decoder.Next(); err != nil {
				t.Fatal(err)
			}
			_, err := decoder.Next()
			var line *LineError
			if !errors.As(err, &line) || line.Line != 2 || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one about line 2 with %q", err, tc.want)
			}
			if _, err := decoder.Next(); err != nil {
				t.Errorf("the line after it: %v", err)
			}
		})
	}
}

func TestDecoderAtTheEndOfADeadWorker(t *testing.T) {
	t.Parallel()
	decoder := NewDecoder(strings.NewReader(`{"record":"sample","ti`))
	if _, err := decoder.Next(); !errors.Is(err, ErrTruncated) {
		t.Errorf("error %v, want %v", err, ErrTruncated)
	}
	if _, err := decoder.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("after it: %v, want io.EOF", err)
	}
}

func TestDecoderPassesOverWhatIsNewer(t *testing.T) {
	t.Parallel()
	decoder := NewDecoder(strings.NewReader(`{"record":"hologram","hologram":{}}
{"record":"ack","colour":"blue","ack":{"ok":true,"mood":"good"}}
`))
	if got, err := decoder.Next(); err != nil || got.Ack == nil || !got.Ack.OK {
		t.Errorf("got %+v, %v, want the ack", got, err)
	}
}

func FuzzDecoder(f *testing.F) {
	for _, r := range sampleRecords() {
		line, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append(line, '\n'))
	}
	f.Add([]byte("{\"record\":\"toggle\",\"toggle\":{}}\n{\"record\":1}\nx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		decoder := NewDecoder(bytes.NewReader(data))
		fold := NewFold()
		for {
			record, err := decoder.Next()
			if _, ok := errors.AsType[*LineError](err); ok {
				continue
			}
			if err != nil {
				break
			}
			fold.Apply(record)
			var out bytes.Buffer
			if err := NewEncoder(&out).Encode(record); err != nil {
				t.Fatalf("what was decoded cannot be encoded: %v", err)
			}
		}
		if err := json.NewEncoder(io.Discard).Encode(fold.View().Report(true)); err != nil {
			t.Fatalf("the report of what was decoded cannot be encoded: %v", err)
		}
	})
}
