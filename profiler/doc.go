// Package profiler is the domain of moetop: workloads and their routing, the stages of a
// Mixture-of-Experts layer, expert specialization, the session that runs an engine and measures it,
// the stream of records that a session emits, and the statistics in them. It knows neither CUDA nor
// NVML nor a terminal; those come in through the interfaces Engine and Sampler and leave through
// Record and View.
package profiler
