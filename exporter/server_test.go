package exporter

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/moetop/moetop/profiler"
)

func ask(handler http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Result()
}

func TestRequests(t *testing.T) {
	t.Parallel()
	e := newExporter(t)
	e.take(fullView(time.Now()))
	tests := map[string]struct {
		method, path, accept string
		status               int
		contentType          string
	}{
		"metrics":     {"GET", "/metrics", "", 200, "text/plain; version=0.0.4"},
		"OpenMetrics": {"GET", "/metrics", "application/openmetrics-text;version=1.0.0", 200, "application/openmetrics-text"},
		"protobuf": {
			"GET", "/metrics", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
			200, "application/vnd.google.protobuf",
		},
		"head":          {"HEAD", "/metrics", "", 200, "text/plain"},
		"health":        {"GET", "/healthz", "", 200, "application/json"},
		"start":         {"GET", "/", "", 200, "text/html"},
		"elsewhere":     {"GET", "/etc", "", 404, ""},
		"post":          {"POST", "/metrics", "", 405, ""},
		"delete":        {"DELETE", "/healthz", "", 405, ""},
		"put the start": {"PUT", "/", "", 405, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := ask(e.Handler(), test.method, test.path, "Accept", test.accept)
			if response.StatusCode != test.status || !strings.HasPrefix(response.Header.Get("Content-Type"), test.contentType) {
				t.Errorf("status %d, %q", response.StatusCode, response.Header.Get("Content-Type"))
			}
		})
	}
}

func health(t *testing.T, e *Exporter) (Health, int) {
	t.Helper()
	response := ask(e.Handler(), "GET", "/healthz")
	var h Health
	if err := json.NewDecoder(response.Body).Decode(&h); err != nil {
		t.Fatal(err)
	}
	return h, response.StatusCode
}

func TestHealth(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*profiler.View)
		age    time.Duration
		worker string
		reason string // "" is healthy
	}{
		"running":     {func(*profiler.View) {}, 0, "running", ""},
		"building":    {func(v *profiler.View) { v.Sample.State = profiler.StateBuilding; v.Workload = nil }, 0, "running", ""},
		"almost old":  {func(*profiler.View) {}, 5 * time.Second, "running", ""},
		"old":         {func(*profiler.View) {}, 6 * time.Second, "running", "6s old: at most 5.1s"},
		"rare sample": {func(v *profiler.View) { v.Header.IntervalMS = 10000 }, 14 * time.Second, "running", ""},
		"silent":      {func(v *profiler.View) { v.Worker.Phase = profiler.WorkerSilent }, 0, "silent", "silent"},
		"died": {
			func(v *profiler.View) {
				v.Worker = profiler.WorkerState{Phase: profiler.WorkerDied, Cause: "aborted (SIGABRT)"}
			},
			0, "died", "aborted (SIGABRT)",
		},
		"ended":   {func(v *profiler.View) { v.Worker.Phase = profiler.WorkerEnded }, 0, "ended", "ended by others"},
		"stalled": {func(v *profiler.View) { v.Sample.StalledMS = 6000 }, 0, "running", "no step has finished for 6s"},
		"started again": {
			func(v *profiler.View) { v.Worker.Phase = profiler.WorkerStarting; v.Sample = nil },
			0, "starting", "starting",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newExporter(t)
				view := fullView(time.Now())
				test.change(view)
				e.take(view)
				time.Sleep(test.age)
				h, status := health(t, e)
				if h.OK != (test.reason == "") || h.OK != (status == http.StatusOK) || h.Worker != test.worker {
					t.Errorf("status %d, %+v", status, h)
				}
				if h.OK == (h.Reason != nil) || h.Reason != nil && !strings.Contains(*h.Reason, test.reason) {
					t.Errorf("reason %v", h.Reason)
				}
				if up := gather(t, e)["moetop_worker_up"].Metric[0].GetGauge().GetValue(); (up == 1) != h.OK {
					t.Errorf("moetop_worker_up is %v", up)
				}
			})
		})
	}
}

// TestStallIsExported wants the figure that tells of a hung GPU just when it hangs.
func TestStallIsExported(t *testing.T) {
	t.Parallel()
	e := newExporter(t)
	view := fullView(time.Now())
	view.Sample.StalledMS = 6500
	e.take(view)
	if got := gather(t, e)["moetop_worker_stalled_seconds"]; got == nil || got.Metric[0].GetGauge().GetValue() != 6.5 {
		t.Errorf("stalled %v", got)
	}
}

// TestServeEnds ends a server that a client has connected to and says nothing.
func TestServeEnds(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	e := newExporter(t)
	go func() { done <- e.Serve(ctx, listener) }()
	response, err := http.Get("http://" + listener.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil || response.Body.Close() != nil || !strings.Contains(string(body), "moetop_worker_up 0") {
		t.Fatalf("%v in %.200q", err, body)
	}
	silent, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	cancel()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not end")
	}
}

// BenchmarkScrape fails where a scrape takes longer than it may. It judges the CPU time of all threads,
// which on a free machine is more than the time that passes, and which a busy one does not stretch.
func BenchmarkScrape(b *testing.B) {
	const most = 5 * time.Millisecond
	for name, accept := range map[string]string{
		"text":     "text/plain",
		"protobuf": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
	} {
		b.Run(name, func(b *testing.B) {
			e := newExporter(b)
			now := time.Now()
			view := fullView(now)
			e.take(view)
			for i := range 1000 {
				e.take(next(view, now.Add(time.Duration(i)*time.Millisecond)))
			}
			handler := e.Handler()
			began := cpuTime(b)
			for b.Loop() {
				if response := ask(handler, "GET", "/metrics", "Accept", accept, "Accept-Encoding", "gzip"); response.StatusCode != http.StatusOK {
					b.Fatal(response.Status)
				}
			}
			took := (cpuTime(b) - began) / time.Duration(b.N)
			b.ReportMetric(float64(took.Nanoseconds()), "cpu-ns/op")
			if b.N > 10 && took > most {
				b.Errorf("a scrape takes %v: at most %v is allowed", took, most)
			}
		})
	}
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
