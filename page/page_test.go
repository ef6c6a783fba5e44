package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

var noon = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// hostile is a text that would break out of markup, a style or a script.
const hostile = `</style><script>alert("x")</script><img src="http://example.com/x.png" onerror=alert(1)>`

func summary(us float64) *profiler.Summary {
	return &profiler.Summary{Count: 1234, MinUS: us * 0.9, MedianUS: us, MeanUS: us * 1.01, P90US: us * 1.1, P99US: us * 1.2, MaxUS: us * 9}
}

func report() *profiler.Report {
	ratio := &profiler.Ratio{Value: 1.257, Low: 1.249, High: 1.265, PValue: 0.00001, Pairs: 321}
	sample := &profiler.Sample{Verdict: profiler.Verdict{EnableES: &[2]bool{false, true}, Text: "deploy " + hostile}}
	for _, s := range profiler.Stages() {
		stage := profiler.StageStats{Name: s.String(), Switchable: s.Switchable(), Off: summary(10.125 * float64(s+1))}
		if s.Switchable() {
			stage.On, stage.Ratio = summary(8.0625*float64(s+1)), ratio
		}
		sample.Stages = append(sample.Stages, stage)
	}
	sample.Steps = profiler.StepStats{OffOff: summary(420.5), OnOn: summary(390.25), OnOnRatio: ratio}
	clock := &profiler.Range{Median: 1755, Min: 1500, Max: 1980, Count: 40}
	sample.NVMLStats = &profiler.NVMLStats{SMClockMHz: clock, ThrottleReasons: []string{"power cap"}}
	work := []profiler.StageWork{{Name: "route", Bytes: 5e4}, {Name: "up", Bytes: 9e8, Flops: new(7.5e9)}, {Name: "down", Bytes: 4e8, Flops: new(3.7e9)}}
	return profiler.BuildReport(
		&profiler.Header{Version: "v1", Command: []string{"moetop", "--json", "it's " + hostile}, Host: profiler.Host{Name: hostile}},
		&profiler.WorkloadRecord{
			Workload: profiler.CustomWorkload(8, 2, 256, 128), Engine: "cuda", Timer: "cupti", Kernels: "cutlass",
			GPU: &profiler.Device{Name: "H200", UUID: "GPU-1"}, Work: work,
		},
		profiler.Record{Time: noon, Sample: sample}, []profiler.Warning{{Code: "nvml", Text: hostile}}, true)
}

// read passes documents through the reader, as the command does.
func read(tb testing.TB, text string) *saved.File {
	tb.Helper()
	f, err := saved.Read("file", strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func reportFile(t *testing.T) *saved.File {
	t.Helper()
	data, err := json.Marshal(report())
	if err != nil {
		t.Fatal(err)
	}
	return read(t, string(data))
}

// streamFile toggles once and is throttled for a while.
func streamFile(t *testing.T) *saved.File {
	t.Helper()
	var out strings.Builder
	e := profiler.NewEncoder(&out)
	at := noon
	put := func(r profiler.Record) {
		r.Time = at
		if err := e.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	r := report()
	put(profiler.Record{Kind: profiler.KindHeader, Header: &profiler.Header{SchemaVersion: "1.0"}})
	put(profiler.Record{Kind: profiler.KindWorkload, Workload: &profiler.WorkloadRecord{Workload: r.Workload, Engine: "cuda"}})
	for i := range 100 {
		at = noon.Add(time.Duration(i+1) * 100 * time.Millisecond)
		utilization, reasons := 90+float64(i%7), []string{}
		if i >= 30 && i < 60 {
			reasons = []string{"thermal"}
		}
		if i == 50 {
			put(profiler.Record{Kind: profiler.KindToggle, Toggle: &profiler.Toggle{To: profiler.ESDown}})
		}
		put(profiler.Record{Kind: profiler.KindSample, Sample: &profiler.Sample{
			Stages: []profiler.StageStats{}, Recent: profiler.Recent{Step: []uint64{uint64(i)}, Mask: []int{0}, StepUS: []float64{400 + float64(i)}},
			NVML: &profiler.Reading{Time: at, SMUtilizationPercent: &utilization, ThrottleReasons: reasons},
		}})
	}
	put(profiler.Record{Kind: profiler.KindSummary, Summary: r})
	return read(t, out.String())
}

func sweepFile(tb testing.TB, points int) *saved.File {
	tb.Helper()
	var all []string
	for i := range points {
		all = append(all, fmt.Sprintf(`{"model":"tiny","tokens":%d,"routing":"uniform","kernels":"cutlass","status":"ok","seed":1,
			"stages":[{"name":"up","ratio":{"value":0.9,"low":0.89,"high":0.91,"p_value":0,"pairs":9}},
			{"name":"down","ratio":{"value":1.2,"low":1.1,"high":1.3,"p_value":0,"pairs":9}}],
			"layer":{"off_off":{"count":9,"median_us":%d.5},"on_on":{"count":9,"median_us":%d},
			"on_on_ratio":{"value":1.01,"low":0.99,"high":1.03,"p_value":0.5,"pairs":9}},"verdict":{"enable_es":[false,true],"text":""}}`,
			i+1, i+100, i+90))
	}
	all = append(all, `{"model":"tiny","tokens":262144,"routing":"uniform","kernels":"cutlass","status":"out_of_memory","error":"does not fit","seed":1}`)
	return read(tb, `{"schema_version":"1.0","kind":"sweep","engine":"cuda","timer":"cupti","command":["moetop","sweep"],
		"time":"2026-05-01T12:00:00Z","points":[`+strings.Join(all, ",")+`],"deployment":[{"model":"tiny","routing":"uniform","kernels":"cutlass",
		"tokens_from":1,"tokens_to":3,"enable_es":[false,true],"matters":true,"gain":{"value":1.2,"low":1.1,"high":1.3},"text":"ES gains 1.20x"}]}`)
}

func write(tb testing.TB, f *saved.File) string {
	tb.Helper()
	var out bytes.Buffer
	if err := Write(&out, f); err != nil {
		tb.Fatal(err)
	}
	return out.String()
}

// fetching are the attributes by which a page loads something.
var fetching = map[string]bool{
	"src": true, "href": true, "xlink:href": true, "srcset": true, "data": true, "action": true, "poster": true, "background": true, "style": true,
}

// inspected is what a walk through a page finds.
type inspected struct {
	text  string         // what a reader sees
	count map[string]int // elements
	data  map[string]any // what plots draw, by the kind of plot
}

// inspect walks through a page.
func inspect(t *testing.T, page string) inspected {
	t.Helper()
	if !utf8.ValidString(page) {
		t.Error("not UTF-8")
	}
	found := inspected{count: map[string]int{}, data: map[string]any{}}
	var words strings.Builder
	inside, kind := "", ""
	ids, wanted := map[string]bool{}, []string{}
	z := html.NewTokenizer(strings.NewReader(page))
	for {
		next := z.Next()
		token := z.Token()
		switch next {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Error(z.Err())
			}
			for _, id := range wanted {
				if !ids[id] {
					t.Errorf("nothing has the id %q", id)
				}
			}
			found.text = words.String()
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			found.count[token.Data]++
			inside = token.Data
			for _, a := range token.Attr {
				switch {
				case a.Key == "href" && strings.HasPrefix(a.Val, "#"):
					wanted = append(wanted, a.Val[1:])
				case fetching[a.Key] || strings.HasPrefix(a.Key, "on"):
					t.Errorf("<%s %s=%q>", token.Data, a.Key, a.Val)
				case strings.Contains(a.Val, "NaN") || strings.Contains(a.Val, "ZgotmplZ"):
					t.Errorf("<%s %s=%q>", token.Data, a.Key, a.Val)
				case a.Key == "id" && ids[a.Val]:
					t.Errorf("the id %q is there twice", a.Val)
				case a.Key == "id":
					ids[a.Val] = true
				case a.Key == "aria-labelledby" || a.Key == "aria-describedby":
					wanted = append(wanted, strings.Fields(a.Val)...)
				case a.Key == "data-kind":
					kind = a.Val
				case a.Key == "type" && a.Val == "application/json":
					inside = "data"
				}
			}
		case html.TextToken:
			switch inside {
			case "style":
				if regexp.MustCompile(`(?i)url\(|@import|expression|<`).MatchString(token.Data) {
					t.Errorf("the style sheet loads something: %.100s", token.Data)
				}
			case "data":
				var data any
				if err := json.Unmarshal([]byte(token.Data), &data); err != nil {
					t.Errorf("the data of %s: %v", kind, err)
				}
				found.data[kind] = data
			case "script":
			default:
				words.WriteString(token.Data + "\n")
			}
			inside = ""
		case html.EndTagToken, html.CommentToken, html.DoctypeToken:
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file  *saved.File
		plots []string
		want  []string
	}{
		"report": {reportFile(t), []string{"stages", "gains", "distribution", "roofline"}, []string{
			"deploy " + hostile, "10.125", "48.375", "1.257", "1.249", "321", "390.25", "1755", "power cap", "Partial", "GPU-1",
			`moetop --json 'it'\''s ` + hostile + "'", "1234", "not measured",
		}},
		"stream": {streamFile(t), []string{"stages", "gains", "distribution", "roofline", "timeline"}, []string{
			"d on", "throttled: thermal", "3.1 to 6.1 s", "SM utilization", "step latency",
		}},
		"sweep": {sweepFile(t, 3), []string{"heat", "tokens"}, []string{
			"▼0.900", "▲1.200", "1.010", "does not fit", "(False, True)", "moetop sweep", "100", "ES gains 1.20x", "1 to 3",
		}},
		"two": {&saved.File{Name: "two", Runs: append(reportFile(t).Runs, sweepFile(t, 2).Runs...)}, []string{"stages", "heat"}, []string{"sweep of 3 points"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := inspect(t, write(t, test.file))
			for _, kind := range test.plots {
				if page.data[kind] == nil {
					t.Errorf("no plot of %s", kind)
				}
			}
			for _, element := range []string{"img", "link", "iframe", "object", "embed", "base", "form", "svg"} {
				if page.count[element] > 0 {
					t.Errorf("<%s> is in the page", element)
				}
			}
			// Two scripts run, and each plot has one of data.
			if page.count["script"] != 2+page.count["figure"] || page.count["figcaption"] != page.count["figure"] ||
				page.count["table"] == 0 || page.count["caption"] != page.count["table"] || page.count["main"] != 1 {
				t.Errorf("elements: %v", page.count)
			}
			for _, want := range test.want {
				if !strings.Contains(page.text, want) {
					t.Errorf("%q is not in the page", want)
				}
			}
		})
	}
}

func TestNothingToDraw(t *testing.T) {
	t.Parallel()
	f := read(t, `{"schema_version":"1.0","kind":"sweep","points":[]}`)
	if err := Write(io.Discard, f); err == nil || !strings.Contains(err.Error(), "no point") {
		t.Errorf("an empty sweep: %v", err)
	}
	empty := report()
	empty.Stages, empty.Step, empty.NVML = nil, profiler.StepStats{}, nil
	data, err := json.Marshal(empty)
	if err != nil {
		t.Fatal(err)
	}
	if err := Write(io.Discard, read(t, string(data))); err == nil || !strings.Contains(err.Error(), "nothing was measured") {
		t.Errorf("an empty report: %v", err)
	}
}
