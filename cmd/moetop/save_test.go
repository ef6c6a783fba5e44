package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

func TestSaveNeverOverwrites(t *testing.T) {
	t.Parallel()
	s := saver{dir: t.TempDir(), now: func() time.Time { return time.Date(2026, 3, 4, 12, 0, 5, 0, time.UTC) }}
	view := seen(t, "cpu")
	var paths []string
	for range 3 {
		path, err := s.save(view)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, filepath.Base(path))
	}
	if got := strings.Join(paths, " "); got != "moetop-20260304-120005.json moetop-20260304-120005-2.json moetop-20260304-120005-3.json" {
		t.Errorf("saved %s", got)
	}
	view.Worker.Phase = profiler.WorkerDied
	path, err := s.save(view)
	if err != nil || !filepath.IsAbs(path) {
		t.Fatalf("%q: %v", path, err)
	}
	var report profiler.Report
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &report); err != nil || !report.Partial || report.Command[1] != "--json" {
		t.Errorf("of a worker that died: %v, partial %v, command %q", err, report.Partial, report.Command)
	}
}

func TestSaveIntoNowhere(t *testing.T) {
	t.Parallel()
	s := saver{dir: filepath.Join(t.TempDir(), "gone"), now: time.Now}
	if path, err := s.save(seen(t, "cpu")); err == nil || !strings.HasPrefix(err.Error(), "save: ") {
		t.Errorf("saved %q: %v", path, err)
	}
}

// TestInteractivePages goes through the pages of the real program and saves a report, which has to be
// one that --json could have printed.
func TestInteractivePages(t *testing.T) {
	t.Parallel()
	term := openTerminal(t, 120, 40)
	term.await("ready>")
	dir := t.TempDir()
	term.keys("cd "+dir, "Enter")
	front := term.start(small()...)
	worker := workerOf(t, front)
	term.await("CPU REFERENCE", "combine", "quit")

	term.keys("2")
	term.await("Experts by id", "4 experts", "padding", "expert 0 ")
	term.keys("Right")
	term.await("expert 1 ")
	term.keys("4")
	term.await("Kernels of a step", "up, tiles of 32 rows", "sum ")
	term.keys("u", "Enter")
	term.await("Launch", "n/a, this is the CPU reference engine")
	term.keys("Enter")
	term.await("up, tile height by expert")
	term.keys("c")
	term.await("--json --engine=cpu", "--experts=4", "--es=up")
	// Not escape: with the next key at once after it a terminal sends what reads as alt and the key.
	term.keys("c", "1")
	term.await("Stages")
	term.keys("s")
	term.await("saved " + dir)
	term.keys("q")
	term.await("exit=0")
	eventually(t, patience, "the worker's end", func() bool { return isGone(worker) })

	files, err := filepath.Glob(filepath.Join(dir, "moetop-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v files, %v", files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	strict, _ := schemas(t, true)
	validate(t, strict, string(data))
	var report profiler.Report
	if err := json.Unmarshal(data, &report); err != nil || report.Steps == 0 || report.ES != profiler.ESUp || report.Partial {
		t.Errorf("%v, %d steps, es %v, partial %v", err, report.Steps, report.ES, report.Partial)
	}
}
