package main

import (
	"encoding/json"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// TestLibraryFaults lets the CUDA library ruin its process in the middle of a run.
func TestLibraryFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		fault string
		want  string
	}{
		"segmentation fault": {"run-segv", "segmentation fault (SIGSEGV)"},
		"abort":              {"run-abort", "aborted (SIGABRT)"},
		"lost GPU":           {"run-cuda", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := []string{"MOETOP_FAKE_FAULT=" + test.fault, "MOETOP_FAKE_AFTER=1500"}
			got := runBinary(t, env, faked("--json", "--duration", "1m")...)
			if got.code != exitFailure || !strings.Contains(got.stderr, test.want) || got.stderr == "" {
				t.Fatalf("code %d, stderr %q", got.code, got.stderr)
			}
			r := report(t, got.stdout)
			if !r.Partial || r.Steps == 0 || r.GPU == nil || stage(t, r, profiler.Up).Off == nil {
				t.Errorf("what was measured is lost: %d steps, %+v", r.Steps, stage(t, r, profiler.Up))
			}
		})
	}
}

// TestWorkerSignals ends the worker from outside.
func TestWorkerSignals(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGKILL} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			p := startBinary(t, nil, small("--json", "--duration", "1m")...)
			worker := workerOf(t, p.cmd.Process.Pid)
			time.Sleep(700 * time.Millisecond)
			if err := syscall.Kill(worker, sig); err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(p.stdout)
			if err != nil {
				t.Fatal(err)
			}
			if code := p.wait(t); code != exitFailure || !strings.Contains(p.stderr.String(), sig.String()) {
				t.Fatalf("code %d, stderr %q", code, p.stderr)
			}
			if r := report(t, string(data)); !r.Partial || r.Steps == 0 {
				t.Errorf("partial %v, %d steps", r.Partial, r.Steps)
			}
		})
	}
}

// TestStoppedWorker interrupts a run whose worker does not move any more.
func TestStoppedWorker(t *testing.T) {
	t.Parallel()
	p := startBinary(t, nil, small("--json", "--duration", "1m")...)
	worker := workerOf(t, p.cmd.Process.Pid)
	time.Sleep(700 * time.Millisecond)
	if err := syscall.Kill(worker, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.signal(t, syscall.SIGINT)
	data, err := io.ReadAll(p.stdout)
	if err != nil {
		t.Fatal(err)
	}
	if code := p.wait(t); code != 130 {
		t.Errorf("code %d, stderr %q", code, p.stderr)
	}
	if r := report(t, string(data)); !r.Partial || r.Steps == 0 {
		t.Errorf("partial %v, %d steps", r.Partial, r.Steps)
	}
	if !isGone(worker) {
		t.Error("the worker is still there")
	}
}

// TestNoOrphan ends the front in the rudest way.
func TestNoOrphan(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		env  []string
		args []string
		sig  syscall.Signal // to the worker first, or 0
	}{
		"running": {nil, small("--json", "--duration", "1m"), 0},
		"hung":    {[]string{"MOETOP_FAKE_FAULT=run-hang", "MOETOP_FAKE_AFTER=50"}, faked("--json", "--duration", "1m"), 0},
		"stopped": {nil, small("--json", "--duration", "1m"), syscall.SIGSTOP},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startBinary(t, test.env, test.args...)
			worker := workerOf(t, p.cmd.Process.Pid)
			t.Cleanup(func() { _ = syscall.Kill(worker, syscall.SIGKILL) })
			time.Sleep(500 * time.Millisecond)
			if test.sig != 0 {
				if err := syscall.Kill(worker, test.sig); err != nil {
					t.Fatal(err)
				}
			}
			p.signal(t, syscall.SIGKILL)
			// A second is the promise; the rest is for a busy machine.
			eventually(t, 3*time.Second, "the worker's end", func() bool { return isGone(worker) })
			_ = p.wait(t)
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	t.Run("right", func(t *testing.T) {
		t.Parallel()
		got := runBinary(t, nil, "verify", "--engine", "cpu", "--tokens", "1,16", "--routing", "uniform,zipf")
		lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
		if got.code != exitDone || len(lines) != 1+2*2*4*6 || strings.Contains(got.stdout, "WRONG") {
			t.Errorf("code %d, %d lines, stderr %q", got.code, len(lines), got.stderr)
		}
	})
	t.Run("JSON", func(t *testing.T) {
		t.Parallel()
		got := runBinary(t, nil, "verify", "--engine", "cpu", "--tokens", "4", "--routing", "hot", "--json")
		var r verifyReport
		if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || !r.OK || len(r.Cases) != 1 || len(r.Cases[0].Results) < 24 {
			t.Errorf("%v, ok %v, %d cases", err, r.OK, len(r.Cases))
		}
	})
	t.Run("wrong", func(t *testing.T) {
		t.Parallel()
		// The stand-in computes nothing, which must not pass.
		got := runBinary(t, nil, "verify", "--engine", "cuda", "--library", fakeLibrary(), "--model", "qwen3-30b-tp2", "--tokens", "1", "--routing", "uniform")
		if got.code != exitWrong || !strings.Contains(got.stdout, "WRONG") || !strings.Contains(got.stderr, "wrong") {
			t.Errorf("code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
		}
	})
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	t.Run("CPU", func(t *testing.T) {
		t.Parallel()
		got := runBinary(t, nil, "doctor")
		if got.code != exitDone || !strings.Contains(got.stdout, "CPU reference engine") || !strings.Contains(got.stdout, "libmoetop.so") {
			t.Errorf("code %d, %q %q", got.code, got.stdout, got.stderr)
		}
	})
	t.Run("CUDA wanted", func(t *testing.T) {
		t.Parallel()
		if got := runBinary(t, nil, "doctor", "--engine", "cuda"); got.code != exitNoGPU || !strings.Contains(got.stdout, "broken") {
			t.Errorf("code %d, %q", got.code, got.stdout)
		}
	})
	t.Run("GPU without CUPTI", func(t *testing.T) {
		t.Parallel()
		got := runBinary(t, []string{"MOETOP_FAKE_FAULT=no-cupti"}, "doctor", "--library", fakeLibrary(), "--json")
		var r doctorReport
		if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || r.GPU == nil || !r.OK {
			t.Fatalf("%v in %q", err, got.stdout)
		}
		timer := ""
		for _, f := range r.Findings {
			if f.Part == "timer" {
				timer = string(f.Status) + " " + f.Text
			}
		}
		if !strings.HasPrefix(timer, "limited events, not cupti") {
			t.Errorf("timer %q", timer)
		}
	})
	t.Run("engine fails", func(t *testing.T) {
		t.Parallel()
		got := runBinary(t, []string{"MOETOP_FAKE_FAULT=create-cuda"}, "doctor", "--library", fakeLibrary())
		if got.code != exitFailure || !strings.Contains(got.stdout, "broken") {
			t.Errorf("code %d, %q", got.code, got.stdout)
		}
	})
}
