package kernels

import (
	"testing"

	"github.com/moetop/moetop/profiler"
)

// BenchmarkTinyStep is the CPU engine's contract: 20 steps/s and more on two cores, with every mask.
func BenchmarkTinyStep(b *testing.B) {
	for mask := range profiler.ESMask(profiler.NumMasks) {
		b.Run(mask.String(), func(b *testing.B) {
			e := openTiny(b)
			e.SetES(mask)
			for b.Loop() {
				if err := e.Run(1); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// openTiny opens the preset tiny with a ring of eight routings.
func openTiny(tb testing.TB) profiler.Engine {
	tb.Helper()
	w, err := profiler.ParseModel(profiler.TinyModel)
	if err != nil {
		tb.Fatal(err)
	}
	return openCPU(tb, profiler.EngineConfig{Workload: w, Routings: profiler.NewRoutings(w, 8)})
}

func openCPU(tb testing.TB, cfg profiler.EngineConfig) profiler.Engine {
	tb.Helper()
	e, err := OpenCPU(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := e.Close(); err != nil {
			tb.Errorf("closing: %v", err)
		}
	})
	return e
}
