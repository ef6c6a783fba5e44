package front

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// quick are limits that let a test see everything within a few seconds, even on a busy machine.
func quick() limits {
	return limits{
		tick: 20 * time.Millisecond, silentAfter: 300 * time.Millisecond,
		killAfter: 3 * time.Second, grace: 200 * time.Millisecond,
	}
}

// startMode starts this test binary as a worker; see worker_test.go for the modes.
func startMode(t *testing.T, mode string) *Front {
	t.Helper()
	f, err := Start(t.Context(), Config{
		Path: os.Args[0], Args: []string{"-test.run=^$"},
		Env: workerEnvironment(mode), limits: quick(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// await returns the first view that fits.
func await(t *testing.T, f *Front, what string, fits func(*profiler.View) bool) *profiler.View {
	t.Helper()
	limit := time.After(20 * time.Second)
	var last *profiler.View
	for {
		select {
		case v, open := <-f.Views():
			if !open {
				t.Fatalf("views closed while waiting for %s; last %+v", what, last)
			}
			if fits(v) {
				return v
			}
			last = v
		case <-limit:
			t.Fatalf("no %s; last view %+v", what, last)
		}
	}
}

func phase(p profiler.WorkerPhase) func(*profiler.View) bool {
	return func(v *profiler.View) bool { return v.Worker.Phase == p }
}

func running(t *testing.T, f *Front) *profiler.View {
	t.Helper()
	return await(t, f, "running worker", func(v *profiler.View) bool {
		return v.Worker.Phase == profiler.WorkerRunning && v.Sample != nil && v.Step > 2
	})
}

func logText(v *profiler.View) string {
	var b strings.Builder
	for _, e := range v.Log {
		b.WriteString(e.Code + ": " + e.Text + "\n")
	}
	return b.String()
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func TestDeaths(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mode string
		want string
	}{
		"segmentation fault": {"segv", "segmentation fault (SIGSEGV)"},
		"aborted":            {"abrt", "aborted (SIGABRT)"},
		"killed":             {"kill", "killed (SIGKILL)"},
		"panic":              {"panic", "panic: the engine is confused"},
		"stopped":            {"stop", "silent for"},
		"exit status":        {"exit", "exit status 7: first word / last word"},
		"good exit too soon": {"leave", "ended without a summary"},
		"garbage":            {"garbage", "the worker's stream"},
		"failure record":     {"fail", "no usable GPU: none here"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startMode(t, test.mode)
			v := await(t, f, "death", phase(profiler.WorkerDied))
			if !strings.Contains(v.Worker.Cause, test.want) {
				t.Errorf("cause %q, want %q", v.Worker.Cause, test.want)
			}
			if v.Header == nil || v.Sample == nil {
				t.Error("what was measured is lost")
			}
			if !strings.Contains(logText(v), test.want) {
				t.Errorf("the log does not tell: %q", logText(v))
			}
			if !gone(v.Header.PID) {
				t.Error("the worker is still there")
			}
			if err := f.Send(profiler.Command{Reset: true}); !errors.Is(err, ErrNoWorker) {
				t.Errorf("Send to a dead worker: %v", err)
			}
		})
	}
}

func TestNoOutput(t *testing.T) {
	t.Parallel()
	f := startMode(t, "mute")
	await(t, f, "silence", phase(profiler.WorkerSilent))
	v := await(t, f, "death", phase(profiler.WorkerDied))
	if !strings.Contains(v.Worker.Cause, "silent for") {
		t.Errorf("cause %q", v.Worker.Cause)
	}
}

func TestSilenceIsShownAndPasses(t *testing.T) {
	t.Parallel()
	f := startMode(t, "run")
	pid := running(t, f).Header.PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	v := await(t, f, "silence", phase(profiler.WorkerSilent))
	if v.Worker.Silent < quick().silentAfter || v.Sample == nil {
		t.Errorf("silent %v, sample %v", v.Worker.Silent, v.Sample)
	}
	if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	await(t, f, "recovery", phase(profiler.WorkerRunning))
}

// TestSeldomSamplesAreNoSilence has samples further apart than a worker may otherwise be silent.
func TestSeldomSamplesAreNoSilence(t *testing.T) {
	t.Parallel()
	f := startMode(t, "seldom")
	await(t, f, "third sample after the first burst", func(v *profiler.View) bool {
		if v.Worker.Phase == profiler.WorkerSilent {
			t.Fatalf("silent for %v with samples each %v", v.Worker.Silent, v.Header.Interval())
		}
		return v.Step >= 8
	})
}

func TestCommandsAndSummary(t *testing.T) {
	t.Parallel()
	f := startMode(t, "run")
	running(t, f)
	if err := f.Send(profiler.Command{ID: "x", Tokens: new(-1)}); err != nil {
		t.Fatal(err)
	}
	await(t, f, "refusal", func(v *profiler.View) bool { return strings.Contains(logText(v), "refused by the test") })
	if err := f.Send(profiler.Command{Stop: true}); err != nil {
		t.Fatal(err)
	}
	v := await(t, f, "end", phase(profiler.WorkerEnded))
	if v.Summary == nil || v.Worker.Cause != "" {
		t.Errorf("summary %v, cause %q", v.Summary, v.Worker.Cause)
	}
}

func TestSendNeverBlocks(t *testing.T) {
	t.Parallel()
	f := startMode(t, "deaf")
	running(t, f)
	// A line of some size fills the pipe, then the queue.
	long := strings.Repeat("x", 4096)
	for range 1000 {
		if err := f.Send(profiler.Command{Model: &long}); errors.Is(err, ErrBusy) {
			return
		}
	}
	t.Error("the queue is never full")
}

func TestRestart(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"run", "kill", "deaf"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := startMode(t, mode)
			first := await(t, f, "first worker", func(v *profiler.View) bool { return v.Header != nil && v.Sample != nil }).Header.PID
			if mode == "kill" {
				await(t, f, "death", phase(profiler.WorkerDied))
			}
			if err := f.Restart(); err != nil {
				t.Fatal(err)
			}
			v := await(t, f, "second worker", func(v *profiler.View) bool { return v.Header != nil && v.Header.PID != first })
			if !gone(first) {
				t.Error("two workers at a time")
			}
			if !strings.Contains(logText(v), "started again") {
				t.Errorf("log %q", logText(v))
			}
			if mode == "kill" && !strings.Contains(logText(v), "killed") {
				t.Errorf("the log of the first worker is lost: %q", logText(v))
			}
		})
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	// A worker that obeys, one that reads nothing, one that ignores SIGTERM too.
	for _, mode := range []string{"run", "deaf", "stubborn"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := startMode(t, mode)
			pid := running(t, f).Header.PID
			if err := errors.Join(f.Close(), f.Close()); err != nil {
				t.Fatal(err)
			}
			if !gone(pid) {
				t.Error("the worker is still there")
			}
			for range f.Views() { // A closed channel ends this.
			}
			if err := f.Restart(); err == nil {
				t.Error("a closed front starts workers")
			}
		})
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f, err := Start(ctx, Config{
		Path: os.Args[0], Args: []string{"-test.run=^$"},
		Env: workerEnvironment("run"), limits: quick(),
	})
	if err != nil {
		t.Fatal(err)
	}
	pid := running(t, f).Header.PID
	cancel()
	<-f.done
	if !gone(pid) {
		t.Error("the worker is still there")
	}
}

func TestOwnProcessGroup(t *testing.T) {
	t.Parallel()
	f := startMode(t, "run")
	pid := running(t, f).Header.PID
	group, err := syscall.Getpgid(pid)
	if err != nil || group != pid {
		t.Errorf("group %d of worker %d, %v", group, pid, err)
	}
}

func TestStartError(t *testing.T) {
	t.Parallel()
	if _, err := Start(t.Context(), Config{Path: "/nonexistent/moetop"}); err == nil || !strings.Contains(err.Error(), "start the worker") {
		t.Errorf("got %v", err)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		mode      string
		interrupt bool
		report    bool
		partial   bool
		code      int
		cause     string
	}{
		"to the end":        {"brief", false, true, false, 0, ""},
		"interrupted":       {"run", true, true, true, 0, ""},
		"worker killed":     {"kill", false, true, true, 1, "killed"},
		"interrupted, deaf": {"stubborn", true, true, true, 1, "interrupted"},
		"no GPU":            {"nogpu", false, false, false, 3, "none here"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startMode(t, test.mode)
			interrupt := make(chan struct{})
			if test.interrupt {
				running(t, f)
				close(interrupt)
			}
			report, err := f.Batch(t.Context(), interrupt)
			if (report != nil) != test.report || report != nil && report.Partial != test.partial {
				t.Errorf("report %+v", report)
			}
			var died *DiedError
			if !errors.As(err, &died) {
				died = &DiedError{}
			}
			if died.ExitCode != test.code || !strings.Contains(died.Cause, test.cause) {
				t.Errorf("got %v, want code %d, %q", err, test.code, test.cause)
			}
		})
	}
}

func TestExitCauseOfForeignProcess(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGBUS} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			f, err := Start(t.Context(), Config{
				Path: "/bin/sh", Args: []string{"-c", "echo oh no >&2; kill -" + strconv.Itoa(int(sig)) + " $$"}, limits: quick(),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			v := await(t, f, "death", phase(profiler.WorkerDied))
			if want := signalText(sig) + ": oh no"; v.Worker.Cause != want {
				t.Errorf("cause %q, want %q", v.Worker.Cause, want)
			}
		})
	}
}

func TestLastWordsAreBounded(t *testing.T) {
	t.Parallel()
	w := newLastWords(nil)
	for i := range 100 {
		if _, err := w.Write([]byte(strings.Repeat("y", 5000) + strconv.Itoa(i) + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, last := w.end(); len(last) > keptLines*(longestLine+3) {
		t.Errorf("%d bytes kept", len(last))
	}
}

func TestTap(t *testing.T) {
	t.Parallel()
	taps := make(chan profiler.Record, 100)
	f, err := Start(t.Context(), Config{
		Path: os.Args[0], Args: []string{"-test.run=^$"}, Env: workerEnvironment("brief"), limits: quick(),
		Place: "gpu7", Version: "other", Tap: func(r profiler.Record) { taps <- r },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	v := await(t, f, "end", phase(profiler.WorkerEnded))
	close(taps)
	var kinds []profiler.RecordKind
	for r := range taps {
		kinds = append(kinds, r.Kind)
	}
	if len(kinds) != 8 || kinds[0] != profiler.KindHeader || kinds[7] != profiler.KindSummary {
		t.Errorf("records %v", kinds)
	}
	if want := "the worker on gpu7 is moetop test, and this is other"; !strings.Contains(logText(v), want) {
		t.Errorf("log %q", logText(v))
	}
}

// TestRestMakesRoom ends the worker and starts another one with other arguments: between the two there
// is none, and the views say so.
func TestRestMakesRoom(t *testing.T) {
	t.Parallel()
	f := startMode(t, "run")
	first := running(t, f).Header.PID
	if err := f.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !gone(first) {
		t.Error("the worker is still there")
	}
	v := await(t, f, "rest", phase(profiler.WorkerResting))
	if v.Sample == nil || v.Summary == nil {
		t.Error("what was measured is lost")
	}
	if err := f.Send(profiler.Command{Reset: true}); !errors.Is(err, ErrNoWorker) {
		t.Errorf("Send while the worker rests: %v", err)
	}
	if err := f.Rest(t.Context()); err != nil {
		t.Errorf("to rest again: %v", err)
	}
	marker := "-test.v=false"
	if err := f.RestartWith([]string{"-test.run=^$", marker}, profiler.Command{Reset: true}); err != nil {
		t.Fatal(err)
	}
	second := running(t, f).Header.PID
	await(t, f, "the answer to the first command", func(v *profiler.View) bool { return strings.Contains(logText(v), "refused by the test") })
	if args, err := os.ReadFile("/proc/" + strconv.Itoa(second) + "/cmdline"); err != nil || !strings.Contains(string(args), marker) {
		t.Errorf("the new worker was started with %q (%v)", args, err)
	}
	if second == first {
		t.Error("the worker was not started again")
	}
}

func TestRestGivesUp(t *testing.T) {
	t.Parallel()
	f := startMode(t, "run")
	running(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Rest(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Rest without patience: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Rest(t.Context()); !errors.Is(err, errClosed) {
		t.Errorf("Rest of a closed front: %v", err)
	}
}
