package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

const (
	compareBudgetPoints = 10_000
	compareBudgetTime   = time.Second
	compareBudgetBytes  = 200e6
)

// BenchmarkCompareBudget compares two sweeps of 10,000 points, as moetop sweep --json prints them, by
// the real binary. Every latency of the new one is slower, which is the most that there is to do. It
// fails above the budget. What counts is wall time or CPU time, whichever is less: the one on a machine
// that does nothing else, where two processors share the work, the other where it has to wait for them.
func BenchmarkCompareBudget(b *testing.B) {
	dir := b.TempDir()
	before, after := largeSweep(b, dir, "old.json", 1), largeSweep(b, dir, "new.json", 1.03)
	// The fastest of the runs is what the comparison costs: the others shared the machine's caches more.
	leastWall, leastCPU, most := time.Hour, time.Hour, int64(0)
	for b.Loop() {
		cmd := exec.Command(binary(), "compare", before, after)
		cmd.Env = environment()
		began := time.Now()
		output, err := cmd.Output()
		leastWall = min(leastWall, time.Since(began))
		if cmd.ProcessState.ExitCode() != exitRegression || len(output) == 0 {
			b.Fatalf("%v, output %.300s", err, output)
		}
		leastCPU = min(leastCPU, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime())
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			most = max(most, usage.Maxrss<<10)
		}
	}
	b.ReportMetric(leastWall.Seconds(), "wall-s")
	b.ReportMetric(leastCPU.Seconds(), "cpu-s")
	b.ReportMetric(float64(most)/1e6, "MB")
	if min(leastWall, leastCPU) > compareBudgetTime || most > compareBudgetBytes {
		b.Errorf("%v, %v of CPU time and %d bytes: at most %v and %.0f are allowed", leastWall, leastCPU, most, compareBudgetTime, compareBudgetBytes)
	}
}

// largeSweep writes a sweep made of the points of a real one, each with a number of tokens of its own.
// Its times are those of the real one, times factor, and some noise. The points are written as they
// come: what this process holds would count as its child's.
func largeSweep(b *testing.B, dir, name string, factor float64) string {
	b.Helper()
	data, err := os.ReadFile(filepath.FromSlash("../../docs/results/h200/sweep.json"))
	if err != nil {
		b.Fatal(err)
	}
	var document sweep.Document
	if err := json.Unmarshal(data, &document); err != nil {
		b.Fatal(err)
	}
	measured := document.Points
	document.Points = []sweep.Result{}
	head, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		b.Fatal(err)
	}
	before, after, found := strings.Cut(string(head), `"points": [`)
	if !found {
		b.Fatalf("no points in %s", head)
	}
	path := filepath.Join(dir, name)
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriter(file)
	_, _ = out.WriteString(before + `"points": [`)
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range compareBudgetPoints {
		point, err := json.MarshalIndent(scaledResult(&measured[i%len(measured)], i+1, factor, noise), "    ", "  ")
		if err != nil {
			b.Fatal(err)
		}
		if i > 0 {
			_ = out.WriteByte(',')
		}
		_, _ = out.WriteString("\n    ")
		_, _ = out.Write(point)
	}
	_, _ = out.WriteString(after)
	if err := errors.Join(out.Flush(), file.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

// scaledResult is a result with another number of tokens and other times.
func scaledResult(r *sweep.Result, tokens int, factor float64, noise *rand.Rand) sweep.Result {
	scale := func(t *profiler.Times) *profiler.Times {
		if t == nil {
			return nil
		}
		changed := *t
		changed.MedianUS = math.Round(1000*t.MedianUS*factor*(0.99+0.02*noise.Float64())) / 1000
		return &changed
	}
	changed, workload := *r, *r.Workload
	workload.Tokens = tokens
	changed.Tokens, changed.Workload, changed.Stages = tokens, &workload, slices.Clone(r.Stages)
	for i := range changed.Stages {
		s := &changed.Stages[i]
		s.Off, s.On = scale(s.Off), scale(s.On)
	}
	l := &changed.Layer
	l.OffOff, l.OnOff, l.OffOn, l.OnOn = scale(l.OffOff), scale(l.OnOff), scale(l.OffOn), scale(l.OnOn)
	return changed
}
