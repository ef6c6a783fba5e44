package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// patience is how long a test waits for anything that ought to happen at once: the machine may be
// busy.
const patience = 30 * time.Second

// built is the folder with the real binary and a stand-in for the CUDA library, built once.
var built string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "moetop-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := os.Mkdir(filepath.Join(dir, "fake"), 0o755); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	for _, build := range [][]string{
		{"go", "build", "-race=false", "-buildvcs=false", "-ldflags", "-X main.version=test", "-o", filepath.Join(dir, "moetop"), "."},
		{"cc", "-shared", "-fPIC", "-I", "../../csrc/include", "-o", filepath.Join(dir, "fake", "libmoetop.so"), "../../kernels/testdata/fakelib/fake.c"},
	} {
		cmd := exec.Command(build[0], build[1:]...)
		cmd.Env = append(os.Environ(), "CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations")
		if out, err := cmd.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n%s", strings.Join(build, " "), err, out)
			return 1
		}
	}
	built = dir
	return m.Run()
}

func binary() string      { return filepath.Join(built, "moetop") }
func fakeLibrary() string { return filepath.Join(built, "fake", "libmoetop.so") }

// small is a shape whose step takes far below a millisecond on the CPU engine.
func small(more ...string) []string {
	return append([]string{
		"--engine", "cpu", "--experts", "4", "--top-k", "2", "--hidden", "128", "--intermediate", "128", "--tokens", "8",
	}, more...)
}

// faked runs on the stand-in for a GPU.
func faked(more ...string) []string {
	return append([]string{"--engine", "cuda", "--library", fakeLibrary(), "--model", "qwen3-30b", "--tokens", "16"}, more...)
}

// environment is this process's without what would change a test's outcome.
func environment(more ...string) []string {
	var env []string
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "MOETOP_") && !strings.HasPrefix(entry, "TERM=") && !strings.HasPrefix(entry, "NO_COLOR=") {
			env = append(env, entry)
		}
	}
	// The config file of whoever runs the tests is none of theirs, and neither is the cache.
	return append(append(env, "TERM=xterm-256color", "XDG_CONFIG_HOME="+filepath.Join(built, "none"),
		"XDG_CACHE_HOME="+filepath.Join(built, "cache")), more...)
}

// outcome is what a finished run left.
type outcome struct {
	code           int
	stdout, stderr string
}

// runBinary runs the program to its end.
func runBinary(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	return runBinaryFor(t, 2*patience, env, args...)
}

// runBinaryFor is runBinary for what has much to do.
func runBinaryFor(t *testing.T, limit time.Duration, env []string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(), args...)
	cmd.Env = environment(env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("run %q: %v", args, err)
	}
	if ctx.Err() != nil {
		t.Fatalf("%q did not end; stderr %q", args, stderr.String())
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// process is a run that a test talks to.
type process struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	raw    io.Closer // the read end of its stdout
	stderr *bytes.Buffer
}

func startBinary(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	cmd := exec.Command(binary(), args...)
	cmd.Env = environment(env...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: cmd, stdin: stdin, stdout: bufio.NewReader(stdout), raw: stdout, stderr: new(bytes.Buffer)}
	cmd.Stderr = p.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// A run that hangs is ended, so that the test fails instead of hanging, too.
	watchdog := time.AfterFunc(2*patience, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() {
		watchdog.Stop()
		_ = cmd.Process.Kill()
	})
	return p
}

// wait returns the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	err := p.cmd.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatalf("wait: %v", err)
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// until reads records until one fits, and returns it with all that came before.
func until(t *testing.T, d *profiler.Decoder, what string, fits func(profiler.Record) bool) (profiler.Record, []profiler.Record) {
	t.Helper()
	var before []profiler.Record
	for {
		r, err := d.Next()
		if err != nil {
			t.Fatalf("waiting for %s: %v; last of %d records %+v", what, err, len(before), before[max(0, len(before)-1):])
		}
		if fits(r) {
			return r, before
		}
		before = append(before, r)
	}
}

func kind(k profiler.RecordKind) func(profiler.Record) bool {
	return func(r profiler.Record) bool { return r.Kind == k }
}

// measuring fits a sample of a session that has measured some steps.
func measuring(r profiler.Record) bool {
	return r.Sample != nil && r.Sample.State == profiler.StateRunning && r.Step > 0
}

// eventually waits until something is so, within a limit.
func eventually(t *testing.T, limit time.Duration, what string, so func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !so() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", limit, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func isGone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	// A process that nobody has collected yet is gone, too.
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "Z")
}

// workerOf finds the worker that a front has started.
func workerOf(t *testing.T, front int) int {
	t.Helper()
	return childOf(t, front, "--ndjson")
}

// childOf waits for a child of a process whose command line has an argument. The others are forks
// that have not yet become what they will be, or Go's trial of the system's process handles.
func childOf(t *testing.T, parent int, argument string) int {
	t.Helper()
	child := 0
	eventually(t, patience, "a child with "+argument, func() bool {
		child = childByScan(parent, argument)
		return child != 0
	})
	return child
}

// childByScan looks through all processes: a child may belong to any thread of its parent.
func childByScan(parent int, argument string) int {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, path := range stats {
		var pid int
		if _, err := fmt.Sscanf(path, "/proc/%d/stat", &pid); err == nil && ppidOf(path) == parent && hasArgument(pid, argument) {
			return pid
		}
	}
	return 0
}

// ppidOf reads the parent of a process from its stat file; 0 if it is gone.
func ppidOf(path string) int {
	data, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	var state string
	var ppid int
	_, after, found := strings.Cut(string(data), ") ")
	if !found {
		return 0
	}
	if _, err := fmt.Sscan(after, &state, &ppid); err != nil {
		return 0
	}
	return ppid
}

func hasArgument(pid int, argument string) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && slices.Contains(strings.Split(string(data), "\x00"), argument)
}
