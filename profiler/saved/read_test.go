package saved

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func report() *profiler.Report {
	w := profiler.CustomWorkload(8, 2, 256, 128)
	off := &profiler.Summary{Count: 3, MedianUS: 12.5, P90US: 13, P99US: 14, BlockUS: []float64{12, 13}}
	sample := &profiler.Sample{Stages: make([]profiler.StageStats, profiler.NumStages)}
	for _, s := range profiler.Stages() {
		sample.Stages[s] = profiler.StageStats{Name: s.String(), Switchable: s.Switchable(), Off: off}
	}
	sample.Steps.OffOn = &profiler.Summary{Count: 3, MedianUS: 99}
	r := profiler.BuildReport(&profiler.Header{Version: "v1", Command: []string{"moetop"}},
		&profiler.WorkloadRecord{Workload: w, Engine: "cpu", Timer: "cpu", Kernels: "reference", L2: "hot"},
		profiler.Record{Time: noon, Sample: sample}, nil, false)
	return r
}

func text(t *testing.T, document any) string {
	t.Helper()
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(data) + "\n"
}

func point(tokens int, us float64) string {
	return fmt.Sprintf(`{"model":"tiny","tokens":%d,"routing":"zipf:1.2","kernels":"cutlass","ran_kernels":"reference","status":"ok",
	"time":"2026-05-01T13:00:00Z","seed":1,"stages":[{"name":"down","off":{"count":9,"median_us":%g,"p90_us":2,"p99_us":3},
	"on":null,"ratio":{"value":2,"low":1.5,"high":2.5,"p_value":0.1,"pairs":7}}],"layer":{"on_off":{"count":1,"median_us":5}},
	"sm_clock_mhz":{"median":1980,"min":1,"max":2,"count":3}}`, tokens, us)
}

const (
	sweepHead  = `"schema_version":"1.0","engine":"cuda","timer":"cupti","time":"2026-05-01T12:00:00Z","command":["moetop","sweep"]`
	failedOne  = `{"model":"tiny","tokens":9,"routing":"uniform","kernels":"cutlass","status":"out_of_memory","error":"does not fit: 3 GB"}`
	journalTop = `{"record":"sweep","sweep":{` + sweepHead + `}}` + "\n"
)

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", "") + "\n" }

func journalPoint(tokens int, us float64) string {
	return oneLine(`{"record":"point","point":` + point(tokens, us) + `}`)
}

func mustRead(t *testing.T, in string) *File {
	t.Helper()
	f, err := Read("file", strings.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadReports(t *testing.T) {
	t.Parallel()
	f := mustRead(t, text(t, report())+"\n\n"+text(t, report()))
	if len(f.Runs) != 2 {
		t.Fatalf("%d runs", len(f.Runs))
	}
	run := f.Runs[1]
	p := run.Points[0]
	if run.Kind != Report || run.Engine != "cpu" || run.Version != "v1" || !run.Time.Equal(noon) || p.Workload.Experts != 8 || p.Kernels != "reference" {
		t.Errorf("%+v", run)
	}
	if got := p.Stages[profiler.Act].Off; got == nil || got.MedianUS != 12.5 || len(got.BlockUS) != 2 || p.Stages[profiler.Act].On != nil {
		t.Errorf("act: %+v", p.Stages[profiler.Act])
	}
	if p.Layer[profiler.ESDown] == nil || p.Layer[profiler.ESDown].MedianUS != 99 || p.Layer[profiler.ESOff] != nil {
		t.Errorf("layer: %+v", p.Layer)
	}
}

func TestReadSweeps(t *testing.T) {
	t.Parallel()
	document := `{"kind":"sweep","points":[` + point(4, 1) + "," + failedOne + `],` + sweepHead + `,"partial":true,
		"deployment":[{"model":"tiny","tokens_from":4,"tokens_to":9,"enable_es":[false,true],"matters":true,"gain":{"value":2,"low":1.5,"high":2.5}}]}`
	journal := journalTop + journalPoint(4, 7) + oneLine(`{"record":"point","point":`+failedOne+`}`) + journalPoint(4, 1) + `{"record":"po`
	for name, in := range map[string]string{"document": document, "journal": journal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mustRead(t, in)
			if len(f.Runs) != 1 || len(f.Runs[0].Points) != 2 || f.Runs[0].Kind != Sweep || f.Runs[0].Timer != "cupti" {
				t.Fatalf("%+v", f)
			}
			p, failed := f.Runs[0].Points[0], f.Runs[0].Points[1]
			if p.Workload.Tokens != 4 || p.Workload.Routing.String() != "zipf:1.2" || p.Kernels != "reference" || p.Workload.Hidden == 0 {
				t.Errorf("%+v", p)
			}
			down := p.Stages[profiler.Down]
			if down.Off.MedianUS != 1 || down.On != nil || down.Ratio.High != 2.5 || p.Layer[profiler.ESUp].MedianUS != 5 || p.SMClockMHz.Median != 1980 {
				t.Errorf("%+v", p)
			}
			if a := f.Runs[0].Deployment; name == "document" && (len(a) != 1 || a[0].TokensTo != 9 || a[0].Gain.High != 2.5 || !a[0].EnableES[1]) {
				t.Errorf("deployment %+v", a)
			}
			if failed.Failure != "does not fit: 3 GB" || failed.Workload.Tokens != 9 || failed.Stages[0].Off != nil {
				t.Errorf("%+v", failed)
			}
		})
	}
}

func stream(t *testing.T, records ...profiler.Record) string {
	t.Helper()
	var out strings.Builder
	e := profiler.NewEncoder(&out)
	for i, r := range records {
		r.Time = noon.Add(time.Duration(i) * time.Second)
		if err := e.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

func records() []profiler.Record {
	clock := 1980.0
	sample := func(us float64, reading int, ab bool) profiler.Record {
		return profiler.Record{Kind: profiler.KindSample, Sample: &profiler.Sample{
			Stages: []profiler.StageStats{}, AB: ab,
			Recent: profiler.Recent{Step: []uint64{1, 2, 3}, Mask: []int{0, 0, 0}, StepUS: []float64{us, 3 * us, us / 2}},
			NVML:   &profiler.Reading{Time: noon.Add(time.Duration(reading) * time.Second), SMClockMHz: &clock, ThrottleReasons: []string{"thermal"}},
		}}
	}
	return []profiler.Record{
		{Kind: profiler.KindHeader, Header: &profiler.Header{SchemaVersion: "1.0", Version: "v2"}},
		{Kind: profiler.KindWorkload, Workload: &profiler.WorkloadRecord{Workload: profiler.CustomWorkload(8, 2, 256, 128), Engine: "cpu"}},
		sample(10, 1, false),
		{Kind: profiler.KindToggle, Toggle: &profiler.Toggle{To: profiler.ESDown}},
		sample(20, 1, true),
		{Kind: profiler.KindSummary, Summary: report()},
	}
}

func TestReadStreams(t *testing.T) {
	t.Parallel()
	all := records()
	f := mustRead(t, stream(t, all...)+stream(t, all[:5]...)+`{"record":"sam`)
	if len(f.Runs) != 2 {
		t.Fatalf("%d runs", len(f.Runs))
	}
	whole, cut := f.Runs[0], f.Runs[1]
	if whole.Kind != Stream || whole.Partial || whole.Version != "v1" || !cut.Partial || cut.Version != "v2" {
		t.Errorf("whole %+v, cut %+v", whole.Environment, cut.Environment)
	}
	track := whole.Track
	if len(track.Moments) != 2 || *track.Moments[0].StepUS != 10 || *track.Moments[1].StepUS != 20 {
		t.Fatalf("%+v", track.Moments)
	}
	if m := track.Moments[0]; *m.SMClockMHz != 1980 || len(m.ThrottleReasons) != 1 || track.Moments[1].SMClockMHz != nil {
		t.Errorf("a reading is shown once: %+v", track.Moments)
	}
	if track.Moments[0].AB || !track.Moments[1].AB {
		t.Error("A/B mode is not told apart")
	}
	if len(track.Marks) != 2 || track.Marks[0].Text != "d on" || track.Marks[1].Text != "A/B" {
		t.Errorf("marks %+v", track.Marks)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	whole := text(t, report())
	for name, test := range map[string]struct{ in, want string }{
		"empty":             {" \n", "it is empty"},
		"binary":            {"\x28\xb5\x2f\xfd\x00", "neither a report"},
		"recording":         {"\x50\x2a\x4d\x18\x08\x00\x00\x00moetop", "it is a recording: moetop replay x.json --ndjson prints"},
		"list":              {"[1,2]", "neither a report"},
		"other JSON":        {`{"a":1}`, "no schema_version: it is neither"},
		"other document":    {`{"schema_version":"1.0","cases":[]}`, "neither a report"},
		"of two kinds":      {whole + stream(t, records()...), `document 2: it is a record of kind "header"`},
		"of two kinds, too": {stream(t, records()...) + journalTop + journalPoint(4, 7), "it begins a sweep behind a stream"},
		"newer":             {strings.Replace(whole, `"1.0"`, `"2.0"`, 1), `schema_version: "2.0" is not allowed`},
		"cut off":           {whole[:len(whole)/2], "it is cut off"},
		"cut off, second":   {whole + whole[:20], "within document 2"},
		"wrong type":        {strings.Replace(whole, `"partial":false`, `"partial":"no"`, 1), "partial"},
		"point, no model":   {`{"kind":"sweep",` + sweepHead + `,"points":[{"tokens":1}]}`, "without its model"},
		"journal, bad line": {journalTop + "{}\n", "line 2"},
		"journal, torn":     {journalTop + journalPoint(1, 1)[5:], "line 2"},
		"stream, no start":  {stream(t, records()[2:]...), "begins with its header"},
		"stream, early end": {stream(t, records()[:1]...), "before anything was measured"},
		"stream, failed": {
			stream(t, records()[0], profiler.Record{Kind: profiler.KindFailure, Failure: &profiler.Failure{Text: "no luck"}}),
			"run that failed: no luck",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Read("x.json", strings.NewReader(test.in))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "x.json: ") {
				t.Errorf("%v does not say %q", err, test.want)
			}
		})
	}
}

// TestReadCutOff cuts documents off everywhere: that is an error, and one that says so.
func TestReadCutOff(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]string{
		"report": strings.TrimSpace(text(t, report())),
		"sweep":  `{"kind":"sweep",` + sweepHead + `,"points":[` + point(4, 1) + "," + failedOne + `],"deployment":[]}`,
	} {
		for n := 1; n < len(whole); n++ {
			if _, err := Read("x", strings.NewReader(whole[:n])); err == nil || !strings.Contains(err.Error(), "it is cut off") {
				t.Fatalf("%s, cut off after %s: %v", name, whole[max(0, n-40):n], err)
			}
		}
	}
}

// FuzzRead makes sure that no file, however broken, is more than an error.
func FuzzRead(f *testing.F) {
	f.Add(`{"kind":"sweep",` + sweepHead + `,"points":[` + point(4, 1) + `]}`)
	f.Add(journalTop + journalPoint(4, 7))
	f.Add(`{"schema_version":"1.0","stages":[],"step":{},"workload":{},"engine":""}`)
	f.Add(`{"record":"header","header":{"schema_version":"1.0"}}` + "\n")
	f.Fuzz(func(t *testing.T, in string) {
		file, err := Read("x", strings.NewReader(in))
		if err == nil && len(file.Runs) == 0 {
			t.Error("neither an error nor a run")
		}
	})
}

func BenchmarkReadSweep(b *testing.B) {
	var in strings.Builder
	in.WriteString(`{"kind":"sweep",` + sweepHead + `,"points":[` + point(1, 1))
	for i := range 9999 {
		in.WriteString("," + point(i+2, 1))
	}
	in.WriteString("]}")
	b.SetBytes(int64(in.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read("sweep", io.Reader(strings.NewReader(in.String()))); err != nil {
			b.Fatal(err)
		}
	}
}
