package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// inFolder opens a terminal in a folder of the test's own, whose state and settings are there, too.
func inFolder(t *testing.T, width, height int) (term *terminal, dir string) {
	t.Helper()
	term = openTerminal(t, width, height)
	term.await("ready>")
	dir = t.TempDir()
	term.keys("cd "+dir+"; export XDG_STATE_HOME="+dir+"/state XDG_CONFIG_HOME="+dir+"/config", "Enter")
	return term, dir
}

// onlyFile returns the content of the one file that fits.
func onlyFile(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v fit %s, %v", files, pattern, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestInteractiveSweep runs a whole sweep from the screen, stops it, goes on with it and saves it. The
// session's worker is gone meanwhile, and comes back with what it ran.
func TestInteractiveSweep(t *testing.T) {
	t.Parallel()
	term, dir := inFolder(t, 120, 40)
	before := term.state()
	// A step on the stand-in for a GPU takes no time; the delay leaves time to stop.
	front := term.start(faked("--es", "up")...)
	first := workerOf(t, front)
	term.await("Fake H200", "combine", "quit")
	eventually(t, patience, "the first steps", func() bool { return term.isUpOn() })
	term.keys("+") // 16 to 32 tokens: what comes back is what ran, not what was asked for at the start.
	// Not "16→32 tokens", which is only asked for.
	term.await("· 32 tokens", "4 kernels")

	term.keys("3")
	term.await("tokens from", "14 points")
	term.keys("j", "Left", "Left", "Left", "Left", "Left", "Left", "Left", "Left") // 8192 to 32
	term.await("6 points")
	term.keys("Enter")
	term.await("0 of 6 points")
	eventually(t, patience, "the session's worker gone", func() bool { return isGone(first) })
	if workers := strings.Count(processesOf(t, front), "--ndjson"); workers > 1 {
		t.Errorf("%d workers at a time", workers)
	}
	term.keys("1")
	term.await("SWEEP RUNS")
	term.keys("3", "x")
	term.await("stopped", "x goes on")
	term.await("(T,F)", "32 tokens")
	eventually(t, patience, "the session back", func() bool { return childByScan(front, "--es=up") != 0 })
	term.keys("x")
	term.await("6 of 6 points", "what to deploy", "s saves it")
	term.keys("s")
	term.await("saved " + dir)
	term.keys("k", "Enter")
	term.await("Figures", "median", "repeat")
	term.keys("q")
	term.await("exit=0")
	term.restored(before)

	schema, _ := sweepSchemas(t)
	text := onlyFile(t, filepath.Join(dir, "moetop-sweep-*.json"))
	validate(t, schema, text)
	d := swept(t, text)
	if d.Partial || len(d.Points) != 6 || d.Plan.Models[0] != "qwen3-30b" || len(d.Deployment) == 0 || d.Engine != "cuda" {
		t.Errorf("%+v", d.Plan)
	}
	for _, r := range d.Points {
		if r.Status != sweep.OK || r.Pairs == 0 {
			t.Errorf("%v: %s, %d cycles", r.Point, r.Status, r.Pairs)
		}
	}
	// The command repeats it: it is a sweep, and its flags are known.
	if len(d.Command) < 3 || d.Command[1] != "sweep" || d.Command[2] != "--json" {
		t.Errorf("command %q", d.Command)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "state", "moetop", "*")); err != nil || len(left) != 0 {
		t.Errorf("the journal of a saved sweep is still there: %v %v", left, err)
	}
}

// TestInteractiveSweepOfAModelFile sweeps a model that a file describes, with the shard of the session,
// which is paused before and after.
func TestInteractiveSweepOfAModelFile(t *testing.T) {
	t.Parallel()
	term, dir := inFolder(t, 120, 40)
	path := modelFile(t, smallModel)
	front := term.start("--engine", "cpu", "--tokens", "2", "--config-json", path, "--tp", "2")
	term.await("CPU REFERENCE", "steps/s") // A key before the first figures is refused.
	term.keys("p")
	term.await("RUN PAUSED")
	term.keys("3")
	term.await("tokens from", "7 points")
	term.keys("j", "Left", "Left", "Left", "Left", "Left", "Left") // 64 to 1
	term.await("1 point")
	term.keys("Enter")
	term.await("1 of 1 point")
	term.keys("s")
	term.await("saved " + dir)
	// The session comes back with that model, too.
	workerOf(t, front)
	term.keys("1")
	term.await("qwen3_moe tp2", "combine", "2 tokens", "RUN PAUSED")
	term.keys("q")
	term.await("exit=0")
	d := swept(t, onlyFile(t, filepath.Join(dir, "moetop-sweep-*.json")))
	if d.Plan.Described == nil || d.Plan.Described.ConfigJSON != path || d.Plan.Described.Workload.TP != 2 {
		t.Errorf("the model of the plan: %+v", d.Plan.Described)
	}
	if len(d.Points) != 1 || d.Points[0].Status != sweep.OK || d.Points[0].Workload.Intermediate != 256 {
		t.Errorf("points %+v", d.Points)
	}
}

// TestInteractiveSweepIsNotLost leaves in the middle of a sweep: what was measured can be had by moetop
// sweep, as the last line says.
func TestInteractiveSweepIsNotLost(t *testing.T) {
	t.Parallel()
	term, dir := inFolder(t, 160, 40)
	front := term.start(faked()...)
	workerOf(t, front)
	term.await("Fake H200", "combine")
	term.keys("3")
	term.await("14 points")
	term.keys("Enter")
	eventually(t, patience, "a finished point", func() bool {
		return regexp.MustCompile(`[1-9][0-9]* of 14 points`).MatchString(term.screen())
	})
	worker := workerOf(t, front)
	term.keys("q")
	term.await("exit=0", " not saved: moetop sweep --resume")
	eventually(t, patience, "the worker's end", func() bool { return isGone(worker) })
	_, line := sweepSchemas(t)
	journal := onlyFile(t, filepath.Join(dir, "state", "moetop", "sweep-*.ndjson"))
	for text := range strings.Lines(journal) {
		validate(t, line, text)
	}
}

// processesOf lists the command lines of a process's children.
func processesOf(t *testing.T, parent int) string {
	t.Helper()
	var lines []string
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		if ppidOf(path) == parent {
			data, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
			lines = append(lines, strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return strings.Join(lines, "\n")
}

func TestResumedSessionRunsWhatRan(t *testing.T) {
	t.Parallel()
	o := parsed(t, "--model", "dsv3-tp8", "--es", "up", "--tokens", "64", "--timer", "events", "--duration", "1h", "--theme", "light")
	view := seen(t, "cuda", "--model", "dsv3-tp8", "--es", "up", "--tokens", "64")
	view.Workload.Workload.Tokens = 512
	view.Sample.AB = true
	args, err := o.resumeArgs(view)
	if err != nil {
		t.Fatal(err)
	}
	again := parsed(t, args...)
	w, err := again.workload("cuda")
	if err != nil || w != view.Workload.Workload || !again.ndjson || again.control != "-" || !again.measuring.ab ||
		again.engine.timer != "events" || again.duration != o.duration {
		t.Errorf("%q: %v, %+v", args, err, w)
	}
	if _, err := o.resumeArgs(&profiler.View{}); err == nil {
		t.Error("nothing is resumed")
	}
	o.remote.host = "gpu7"
	args, err = o.resumeArgs(view)
	if err != nil || !strings.Contains(strings.Join(args, " "), "--tokens=512") || !strings.Contains(strings.Join(args, " "), "gpu7") {
		t.Errorf("on another host %q, %v", args, err)
	}
}
