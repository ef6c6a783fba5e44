package exporter

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/moetop/moetop/profiler"
)

// descriptions are the metrics that are made at each scrape.
type descriptions struct {
	worker workerMetrics
	layer  layerMetrics
	gpu    gpuMetrics
	all    []*prometheus.Desc
}

func describe() descriptions {
	var c catalog
	d := descriptions{worker: newWorkerMetrics(&c), layer: newLayerMetrics(&c), gpu: newGPUMetrics(&c)}
	d.all = c.all
	return d
}

// catalog makes descriptions and remembers them.
type catalog struct{ all []*prometheus.Desc }

func (c *catalog) add(name, help string, labels ...string) *prometheus.Desc {
	desc := prometheus.NewDesc(name, help, labels, nil)
	c.all = append(c.all, desc)
	return desc
}

// Describe implements prometheus.Collector.
func (e *Exporter) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range e.described.all {
		ch <- desc
	}
}

// Collect implements prometheus.Collector. What is not known now is left out: a worker that says nothing
// leaves its counts behind, and no figures that look like those of a living one.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	s, out := e.snapshot(), output(ch)
	fresh := s.reason(time.Now()) == ""
	e.described.worker.collect(out, &s, fresh)
	if !fresh {
		return
	}
	if s.view.Workload != nil {
		e.described.worker.collectWorkload(out, s.view.Workload)
	}
	e.described.layer.collect(out, s.sample)
	e.described.gpu.collect(out, s.sample)
}

// output sends metrics to a scrape.
type output chan<- prometheus.Metric

func (o output) gauge(desc *prometheus.Desc, value float64, labels ...string) {
	o <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
}

func (o output) counter(desc *prometheus.Desc, value float64) {
	o <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value)
}

// flag sends 1 or 0.
func (o output) flag(desc *prometheus.Desc, on bool, labels ...string) {
	value := 0.0
	if on {
		value = 1
	}
	o.gauge(desc, value, labels...)
}

// optional sends a value, unless it is unknown.
func (o output) optional(desc *prometheus.Desc, value *float64) {
	if value != nil {
		o.gauge(desc, *value)
	}
}

// percent sends percents as a ratio, unless they are unknown.
func (o output) percent(desc *prometheus.Desc, value *float64, labels ...string) {
	if value != nil {
		o.gauge(desc, *value/100, labels...)
	}
}

// megahertz sends a clock in hertz, unless it is unknown.
func (o output) megahertz(desc *prometheus.Desc, value *float64) {
	if value != nil {
		o.gauge(desc, *value*1e6)
	}
}

func (o output) bytes(desc *prometheus.Desc, value *uint64) {
	if value != nil {
		o.gauge(desc, float64(*value))
	}
}

// summary sends a distribution, unless it is unknown.
func (o output) summary(desc *prometheus.Desc, s *profiler.Summary, labels ...string) {
	if s == nil {
		return
	}
	quantiles := map[float64]float64{0.5: seconds(s.MedianUS), 0.9: seconds(s.P90US), 0.99: seconds(s.P99US)}
	o <- prometheus.MustNewConstSummary(desc, uint64(s.Count), seconds(s.MeanUS)*float64(s.Count), quantiles, labels...)
}
