// Package exporter turns the views of a front into Prometheus metrics and serves them over HTTP,
// read-only. It keeps the worker behind the views alive.
//
// Two kinds of latency leave it. The exact ones are summaries that the worker made of every timed step
// of the running generation. The histograms are made here of the raw steps that the stream carries: an
// even sample of whole steps, and of each stage the newest step of every sample. They are fit for
// distributions and heat maps; how many steps ran is told by moetop_steps_total alone.
package exporter
