package main

import (
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// The fake provider's native kernels take 80% of the time of its cutlass kernels.

func TestAutoKernels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env    []string
		args   []string
		kernel string
		reason string // also on stderr
	}{
		"native is faster":      {nil, nil, "native", "native is 1.2"},
		"native is slower":      {[]string{"MOETOP_FAKE_NATIVE=130"}, nil, "cutlass", "cutlass is 1."},
		"native is not offered": {[]string{"MOETOP_FAKE_FAULT=no-native"}, nil, "cutlass", "the library offers no other family"},
		"native has no room":    {[]string{"MOETOP_FAKE_FAULT=native-memory"}, nil, "cutlass", "native is left out: does not fit"},
		"native does not run":   {[]string{"MOETOP_FAKE_FAULT=native-run"}, nil, "cutlass", "native is left out: running steps"},
		"with a mask":           {nil, []string{"--es", "down"}, "native", "enable_es=(False, True)"},
		"from the environment":  {[]string{"MOETOP_KERNELS=auto"}, nil, "native", "native is 1.2"},
		"without a timer":       {nil, []string{"--timer", "none"}, "native", "native is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := faked(append([]string{"--json", "--steps", "100"}, c.args...)...)
			if name != "from the environment" {
				args = append(args, "--kernels", "auto")
			}
			got := runBinary(t, c.env, args...)
			r := report(t, got.stdout)
			if r.Kernels != c.kernel || r.KernelsRequested != profiler.AutoKernels || !strings.Contains(r.KernelsReason, c.reason) {
				t.Errorf("%s runs: %q", r.Kernels, r.KernelsReason)
			}
			if !strings.Contains(got.stderr, "kernels: ") || !strings.Contains(got.stderr, c.reason) {
				t.Errorf("stderr %q", got.stderr)
			}
			// A trial is not part of the measurement.
			if warmup := uint64(defaultWarmup); r.Steps != 100+warmup || r.Lost != 0 {
				t.Errorf("%d steps, %d lost", r.Steps, r.Lost)
			}
			for _, w := range r.Warnings {
				if w.Code == "kernels" {
					t.Errorf("what auto found is no warning: %q", w.Text)
				}
			}
		})
	}
}

func TestKernelsThatTheLibraryLacks(t *testing.T) {
	t.Parallel()
	got := runBinary(t, []string{"MOETOP_FAKE_FAULT=no-native"}, faked("--json", "--kernels", "native")...)
	if got.code != exitUsage || !strings.Contains(got.stderr, `kernels: "native" is not allowed: one of ["cutlass"]`) {
		t.Errorf("code %d, stderr %q", got.code, got.stderr)
	}
	got = runBinary(t, nil, small("--json", "--kernels", "native")...)
	if got.code != exitUsage || !strings.Contains(got.stderr, `kernels: "native" is not allowed`) {
		t.Errorf("CPU: code %d, stderr %q", got.code, got.stderr)
	}
	auto := runBinary(t, nil, small("--json", "--steps", "20", "--kernels", "auto")...)
	if r := report(t, auto.stdout); r.Kernels != "reference" || r.KernelFamilies != nil {
		t.Errorf("CPU: %+v", r.KernelChoice)
	}
}

// TestKernelsByControl switches the family of a run, there and back, and to one that breaks.
func TestKernelsByControl(t *testing.T) {
	t.Parallel()
	p := startBinary(t, []string{"MOETOP_FAKE_FAULT=native-cuda"}, faked("--ndjson", "--control", "-")...)
	d := profiler.NewDecoder(p.stdout)
	until(t, d, "a sample", measuring)
	ack := talk(t, p, d, `{"kernels":"native"}`)
	if ack.Ack.OK || !strings.Contains(ack.Ack.Error, "cudaGraphInstantiate") {
		t.Errorf("answer %+v", ack.Ack)
	}
	sample, _ := until(t, d, "steps of the kernels before", measuring)
	if sample.Sample.Steps.OffOff.MedianUS < 390 {
		t.Errorf("step %v µs", sample.Sample.Steps.OffOff.MedianUS)
	}
	p = startBinary(t, nil, faked("--ndjson", "--control", "-")...)
	d = profiler.NewDecoder(p.stdout)
	first, _ := until(t, d, "a sample", measuring)
	generation := first.Generation
	for _, c := range []struct {
		kernels, runs string
		us            float64
	}{{"native", "native", 320}, {"cutlass", "cutlass", 400}, {"auto", "native", 320}} {
		if _, err := p.stdin.Write([]byte(`{"kernels":"` + c.kernels + "\"}\n")); err != nil {
			t.Fatal(err)
		}
		record, _ := until(t, d, "workload of "+c.kernels, kind(profiler.KindWorkload))
		if record.Workload.Kernels != c.runs || record.Workload.KernelsRequested != c.kernels {
			t.Errorf("%s: %s runs, %+v", c.kernels, record.Workload.Kernels, record.Workload.KernelChoice)
		}
		answer, _ := until(t, d, "answer", kind(profiler.KindAck))
		if !answer.Ack.OK {
			t.Errorf("%s: %+v", c.kernels, answer.Ack)
		}
		sample, _ := until(t, d, "steps of "+c.kernels, func(r profiler.Record) bool { return measuring(r) && r.Sample.Steps.OffOff != nil })
		// The fake's steps jitter upwards by 3%.
		off := sample.Sample.Steps.OffOff
		if off.MinUS < c.us*0.99 || off.MaxUS > c.us*1.06 || sample.Generation <= generation {
			t.Errorf("%s: steps of %v to %v µs in generation %d", c.kernels, off.MinUS, off.MaxUS, sample.Generation)
		}
		generation = sample.Generation
	}
	refused := talk(t, p, d, `{"kernels":"abacus"}`)
	if refused.Ack.OK || refused.Ack.Field != "kernels" || !strings.Contains(refused.Ack.Error, "cutlass, native, auto") {
		t.Errorf("answer %+v", refused.Ack)
	}
}

// TestKernelsByKey switches the family on the screen.
func TestKernelsByKey(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, 120, 40)
	term.start(faked("--kernels", "auto")...)
	term.await("native kernels (auto)", "steps/s")
	term.keys("g")
	term.await("cutlass kernels ", "timer cupti")
	term.keys("2")
	term.await("Experts by id ")
	term.keys("g")
	term.await("native kernels ", "tiles of up", "fake 16x256")
	term.keys("Tab")
	term.await("tiles of down", "fake 32x256")
	term.keys("L")
	term.await("kernels: native is 1.2")
	term.keys("q")
	term.await("exit=0")
}
