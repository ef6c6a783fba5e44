package exporter

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/moetop/moetop/profiler"
)

// workerMetrics are about the process that runs the layer, and what it runs.
type workerMetrics struct {
	up, state, stalled, lastSample *prometheus.Desc
	generation                     *prometheus.Desc
	steps, lost, cpu               *prometheus.Desc
	workload, tokens, memory, gpu  *prometheus.Desc
	ceilingRead, ceilingFlops      *prometheus.Desc
}

func newWorkerMetrics(c *catalog) workerMetrics {
	return workerMetrics{
		up:         c.add("moetop_worker_up", "Whether the worker lives and is heard of: 1 where /healthz says ok."),
		state:      c.add("moetop_session_state", "What the session does: 1 for the state that it is in.", "state"),
		stalled:    c.add("moetop_worker_stalled_seconds", "Time that no step has finished although some should: a hung GPU."),
		lastSample: c.add("moetop_last_sample_timestamp_seconds", "When the newest sample came."),
		generation: c.add("moetop_session_generation", "Number of the generation that the statistics belong to."),
		steps:      c.add("moetop_steps_total", "Steps that were finished, those of the warmup too."),
		lost:       c.add("moetop_timings_lost_total", "Steps whose timing was lost."),
		cpu:        c.add("moetop_worker_cpu_seconds_total", "CPU time of the worker since its first measured step."),
		workload: c.add("moetop_workload_info", "What the worker runs; always 1.", "model", "experts", "top_k", "hidden",
			"intermediate", "tp", "ep", "routing", "seed", "engine", "kernels", "timer", "es_launch", "l2"),
		tokens: c.add("moetop_workload_tokens", "Tokens in a batch."),
		memory: c.add("moetop_engine_memory_bytes", "Device memory of the engine by its own account.", "kind"),
		gpu: c.add("moetop_gpu_info", "The GPU that the worker runs on; always 1.", "uuid", "name", "index", "driver", "cuda",
			"compute_capability"),
		ceilingRead:  c.add("moetop_ceiling_read_bytes_per_second", "Stream of reads from DRAM, as measured on this GPU."),
		ceilingFlops: c.add("moetop_ceiling_fp8_flops_per_second", "FP8 operations of the tensor cores in short bursts, as measured on this GPU."),
	}
}

// collect sends what is known of every worker, and of those that are gone.
func (m *workerMetrics) collect(out output, s *state, fresh bool) {
	out.flag(m.up, fresh)
	out.counter(m.steps, s.steps.total())
	out.counter(m.lost, s.lost.total())
	out.counter(m.cpu, s.cpu.total())
	if s.sample != nil {
		out.gauge(m.lastSample, float64(s.received.UnixMilli())/1e3)
	}
	// A session that stalls is not fresh, and it is then that these count.
	if s.view == nil || s.view.Sample == nil || s.view.Worker.Phase != profiler.WorkerRunning {
		return
	}
	sample := s.view.Sample
	out.gauge(m.stalled, float64(sample.StalledMS)/1e3)
	out.gauge(m.generation, float64(s.view.Generation))
	for _, state := range []profiler.State{
		profiler.StateBuilding, profiler.StateWarmup, profiler.StateRunning, profiler.StatePaused, profiler.StateEnded,
	} {
		out.flag(m.state, sample.State == state, string(state))
	}
}

func (m *workerMetrics) collectWorkload(out output, r *profiler.WorkloadRecord) {
	w, number := &r.Workload, strconv.Itoa
	out.gauge(m.workload, 1, w.Name(), number(w.Experts), number(w.TopK), number(w.Hidden), number(w.Intermediate),
		number(w.TP), number(w.EP), w.Routing.String(), strconv.FormatUint(w.Seed, 10), r.Engine, r.Kernels, r.Timer,
		r.ESLaunch, r.L2)
	out.gauge(m.tokens, float64(w.Tokens))
	out.gauge(m.memory, float64(r.Memory.WeightsBytes), "weights")
	out.gauge(m.memory, float64(r.Memory.ActivationsBytes), "activations")
	out.gauge(m.memory, float64(r.Memory.WorkspaceBytes), "workspace")
	if d := r.GPU; d != nil {
		out.gauge(m.gpu, 1, d.UUID, d.Name, number(d.Index), d.Driver, d.CUDA,
			number(d.ComputeMajor)+"."+number(d.ComputeMinor))
	}
	if c := r.Ceilings; c != nil {
		out.gauge(m.ceilingRead, c.ReadBytesPerS)
		out.gauge(m.ceilingFlops, c.FP8FlopsPerS)
	}
}
