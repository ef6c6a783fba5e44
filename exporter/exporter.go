package exporter

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/moetop/moetop/profiler"
)

// Source is a worker that is watched: what an exporter needs of a front.
type Source interface {
	// Views delivers the newest view; it is closed when the source is.
	Views() <-chan *profiler.View
	// Restart starts the worker again. It does not wait: the views tell.
	Restart() error
}

// Exporter holds the metrics of one worker at a time. Its counters and histograms outlive the worker.
type Exporter struct {
	registry  *prometheus.Registry
	histogram histograms
	restarts  prometheus.Counter
	described descriptions
	log       func(string)

	mu    sync.Mutex
	state state
}

// state is what a scrape is made of.
type state struct {
	view     *profiler.View
	header   *profiler.Header // of the worker that is counted
	sample   *profiler.Sample // the newest that was counted
	received time.Time        // of that sample, by this process's clock
	steps    counted
	lost     counted
	cpu      counted
}

// counted is a count that goes on when what counts starts again from 0.
type counted struct{ before, last float64 }

func (c *counted) advance(value float64) {
	if value < c.last {
		c.restart()
	}
	c.last = value
}

// restart says that what counts is another one now.
func (c *counted) restart() { c.before, c.last = c.before+c.last, 0 }

func (c *counted) total() float64 { return c.before + c.last }

// New returns an exporter that has not heard of a worker yet. log takes what people should know, a line
// each.
func New(version string, log func(string)) (*Exporter, error) {
	e := &Exporter{
		registry:  prometheus.NewRegistry(),
		histogram: newHistograms(),
		described: describe(),
		restarts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "moetop_worker_restarts_total", Help: "Times that the worker was started again.",
		}),
		log: log,
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "moetop_build_info", Help: "Which moetop this is; always 1.",
		ConstLabels: prometheus.Labels{
			"version": version, "goversion": runtime.Version(), "schema_version": profiler.SchemaVersion,
		},
	}, func() float64 { return 1 })
	for _, c := range []prometheus.Collector{
		build, e.restarts, e.histogram.stage, e.histogram.step, e,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	} {
		if err := e.registry.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return e, nil
}

// PermanentError says that a worker could not start and that trying again would not help.
type PermanentError struct {
	Cause    string
	ExitCode int // of the worker: 2 usage, 3 no usable GPU
}

func (e *PermanentError) Error() string { return e.Cause }

// errClosed is the end of the views in mid-run.
var errClosed = errors.New("the front was closed")

// Run takes views until ctx is done, and starts the worker again when it is gone, after a pause that
// grows while it does not live for long. It returns nil when ctx is done, and a *PermanentError for a
// worker that will never run.
func (e *Exporter) Run(ctx context.Context, source Source) error {
	backoff := newBackoff()
	pause := time.NewTimer(time.Hour)
	pause.Stop()
	defer pause.Stop()
	waiting, everRan := false, false
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
			waiting = false
			e.restarts.Inc()
			backoff.started()
			if err := source.Restart(); err != nil {
				return fmt.Errorf("start the worker again: %w", err)
			}
		case view, open := <-source.Views():
			if !open {
				if ctx.Err() != nil {
					return nil
				}
				return errClosed
			}
			e.take(view)
			if w := view.Workload; w != nil && !everRan {
				everRan = true
				e.tellEngine(w)
			}
			if waiting || !gone(view) {
				continue
			}
			if err := permanent(view, everRan); err != nil {
				return err
			}
			waiting = true
			delay := backoff.next()
			e.log(fmt.Sprintf("the worker is gone (%s): it is started again in %v", causeOf(view), delay))
			pause.Reset(delay)
		}
	}
}

// tellEngine says which engine "auto" came to, where that was not the GPU.
func (e *Exporter) tellEngine(w *profiler.WorkloadRecord) {
	if w.EngineReason != "" {
		e.log("running on the CPU reference engine: " + w.EngineReason)
	}
}

// gone reports whether a view's worker has ended, in whichever way.
func gone(view *profiler.View) bool {
	return view.Worker.Phase == profiler.WorkerDied || view.Worker.Phase == profiler.WorkerEnded
}

func causeOf(view *profiler.View) string {
	if view.Worker.Phase == profiler.WorkerEnded {
		return "ended by others"
	}
	return view.Worker.Cause
}

// The exit codes of failures that a new attempt does not mend.
const (
	codeUsage = 2
	codeNoGPU = 3
)

// permanent returns an error for a worker that need not be tried again. A GPU that was there once may
// come back.
func permanent(view *profiler.View, everRan bool) error {
	failure := view.Failure
	if failure == nil || failure.ExitCode != codeUsage && (failure.ExitCode != codeNoGPU || everRan) {
		return nil
	}
	return &PermanentError{Cause: failure.Text, ExitCode: failure.ExitCode}
}

// take makes a view the newest one, and counts its sample if that is new.
func (e *Exporter) take(view *profiler.View) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := &e.state
	s.view = view
	if view.Header != nil && view.Header != s.header {
		s.header = view.Header
		s.steps.restart()
		s.lost.restart()
		s.cpu.restart()
		e.histogram.startWorker()
	}
	if view.Sample == nil || view.Sample == s.sample {
		return
	}
	s.sample, s.received = view.Sample, time.Now()
	s.steps.advance(float64(view.Step))
	s.lost.advance(float64(view.Sample.Lost))
	s.cpu.advance(view.Sample.CPUSeconds)
	e.histogram.observe(view.Sample)
}

// snapshot is the state to make a scrape of.
func (e *Exporter) snapshot() state {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// maxScrapes bounds the scrapes at one time: an exporter is no place to spend the machine on.
const maxScrapes = 8

// metricsHandler serves the metrics in whichever format is asked for.
func (e *Exporter) metricsHandler() http.Handler {
	return promhttp.HandlerFor(e.registry, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes, Timeout: scrapeTimeout,
	})
}
