package main

import (
	"encoding/csv"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/sweep"
)

// fakeUUID is that of the stand-in's first GPU.
const fakeUUID = "GPU-a0a0a0a0-a0a0-a0a0-a0a0-a0a0a0a0a0a0"

// ceilingsHome is a cache of a test's own and a log of the measurements that the stand-in makes.
type ceilingsHome struct {
	t        *testing.T
	dir, log string
}

func newCeilingsHome(t *testing.T) ceilingsHome {
	t.Helper()
	return ceilingsHome{t, t.TempDir(), filepath.Join(t.TempDir(), "log")}
}

func (h ceilingsHome) file() string {
	return filepath.Join(h.dir, "moetop", "ceilings-"+fakeUUID+".json")
}

// run runs the program, and returns how often it measured.
func (h ceilingsHome) run(env []string, args ...string) (outcome, int) {
	h.t.Helper()
	_ = os.Remove(h.log)
	got := runBinary(h.t, append([]string{"XDG_CACHE_HOME=" + h.dir, "MOETOP_FAKE_LOG=" + h.log}, env...), args...)
	data, err := os.ReadFile(h.log)
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	return got, strings.Count(string(data), "\n")
}

// json runs a few steps.
func (h ceilingsHome) json(env []string, more ...string) (*profiler.Report, int) {
	h.t.Helper()
	got, measured := h.run(env, faked(append([]string{"--json", "--steps", "60"}, more...)...)...)
	if got.code != exitDone {
		h.t.Fatalf("code %d, stderr %q", got.code, got.stderr)
	}
	strict, _ := schemas(h.t, true)
	validate(h.t, strict, got.stdout)
	return report(h.t, got.stdout), measured
}

func ceilingsWarning(r *profiler.Report) string {
	for _, w := range r.Warnings {
		if w.Code == "ceilings" {
			return w.Text
		}
	}
	return ""
}

// TestCeilingsAreMeasuredOnce lets a first run measure and keep them, and all others find them.
func TestCeilingsAreMeasuredOnce(t *testing.T) {
	t.Parallel()
	h := newCeilingsHome(t)
	before := time.Now()
	first, measured := h.json(nil, "--es", "down")
	if measured != 1 || first.Ceilings == nil || ceilingsWarning(first) != "" {
		t.Fatalf("measured %d times, %v, %q", measured, first.Ceilings, ceilingsWarning(first))
	}
	if c := first.Ceilings; c.ReadBytesPerS != 4.6e12 || c.FP8FlopsPerS != 1.76e15 || c.MeasuredAt.Before(before.Add(-time.Second)) {
		t.Errorf("ceilings %+v", c)
	}
	checkAttainable(t, first)
	for name, args := range map[string][]string{"again": nil, "not to measure": {"--no-measure"}} {
		next, measured := h.json(nil, args...)
		if measured != 0 || next.Ceilings == nil || !next.Ceilings.MeasuredAt.Equal(first.Ceilings.MeasuredAt) {
			t.Errorf("%s: measured %d times, %v", name, measured, next.Ceilings)
		}
	}
	for name, data := range map[string]string{
		"cut short": "{", "empty": "", "another version": `{"version": 99}`,
		"another driver": edited(t, h.file(), `"driver": "`, `"driver": "0`),
		"nonsense":       edited(t, h.file(), `"read_bytes_per_s": 46`, `"read_bytes_per_s": -46`),
	} {
		if err := os.WriteFile(h.file(), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		again, measured := h.json(nil)
		if measured != 1 || again.Ceilings == nil || ceilingsWarning(again) != "" {
			t.Errorf("%s: measured %d times, %v, %q", name, measured, again.Ceilings, ceilingsWarning(again))
		}
		if _, measured := h.json(nil); measured != 0 {
			t.Errorf("%s: the cache was not mended", name)
		}
	}
	leftovers, err := filepath.Glob(filepath.Join(h.dir, "moetop", ".*"))
	if err != nil || len(leftovers) > 0 {
		t.Errorf("left behind: %v, %v", leftovers, err)
	}
}

// edited returns a file's text with a change.
func edited(t *testing.T, path, old, changed string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(data), old) {
		t.Fatalf("%v; no %q in %s", err, old, data)
	}
	return strings.Replace(string(data), old, changed, 1)
}

// checkAttainable works the percentages out from the report alone.
func checkAttainable(t *testing.T, r *profiler.Report) {
	t.Helper()
	layer := 0.0
	for i, w := range r.Work {
		if w.AttainableUS == nil || w.Bound == nil || w.Bytes != w.ReadBytes+w.WrittenBytes {
			t.Fatalf("%s: %+v", w.Name, w)
		}
		layer += *w.AttainableUS
		s := r.Stages[i]
		side := s.Off
		if s.Name == "down" {
			side = s.On // The test runs it so.
		}
		if want := 100 * *w.AttainableUS / side.MedianUS; s.AttainablePercent == nil || math.Abs(*s.AttainablePercent-want) > 0.1*want {
			t.Errorf("%s has %v %%, want about %g", s.Name, s.AttainablePercent, want)
		}
	}
	if got, want := r.Step.AttainablePercent, 100*layer/r.Step.OffOn.MedianUS; got == nil || math.Abs(*got-want) > 0.1*want {
		t.Errorf("the layer has %v %%, want about %g", got, want)
	}
	// qwen3-30b, 16 tokens: the weights' stream limits the GEMMs, an empty kernel the rest.
	for name, want := range map[string]profiler.Bound{"up": profiler.BoundDRAM, "down": profiler.BoundDRAM, "act": profiler.BoundLaunch} {
		for _, w := range r.Work {
			if w.Name == name && *w.Bound != want {
				t.Errorf("%s is bound by %s, want %s", name, *w.Bound, want)
			}
		}
	}
}

// TestCeilingsUnknown says why they are, and goes on without.
func TestCeilingsUnknown(t *testing.T) {
	t.Parallel()
	nowhere := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(nowhere, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env      []string
		args     []string
		measured int
		known    bool
		warning  string
	}{
		"not to be measured":  {nil, []string{"--no-measure"}, 0, false, ""},
		"by the environment":  {[]string{"MOETOP_NO_MEASURE=true"}, nil, 0, false, ""},
		"not offered":         {[]string{"MOETOP_FAKE_FAULT=ceilings-unsupported"}, nil, 1, false, "no kernels to measure with"},
		"CUDA fails":          {[]string{"MOETOP_FAKE_FAULT=ceilings-cuda"}, nil, 1, false, "out of memory"},
		"impossible":          {[]string{"MOETOP_FAKE_FAULT=ceilings-zero"}, nil, 1, false, "read_bytes_per_s is 0"},
		"unsteady":            {[]string{"MOETOP_FAKE_FAULT=ceilings-noisy"}, nil, 1, true, "33 %"},
		"nowhere to keep":     {[]string{"XDG_CACHE_HOME=" + nowhere}, nil, 1, true, "cannot be kept"},
		"no home to keep it":  {[]string{"XDG_CACHE_HOME=", "HOME="}, nil, 1, true, "neither XDG_CACHE_HOME nor HOME"},
		"a relative cache is": {[]string{"XDG_CACHE_HOME=here", "HOME="}, nil, 1, true, "neither XDG_CACHE_HOME nor HOME"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newCeilingsHome(t)
			r, measured := h.json(test.env, test.args...)
			if measured != test.measured || (r.Ceilings != nil) != test.known {
				t.Errorf("measured %d times, %v", measured, r.Ceilings)
			}
			for _, s := range r.Stages {
				if (s.AttainablePercent != nil) != test.known {
					t.Errorf("%s has %v %%", s.Name, s.AttainablePercent)
				}
			}
			if got := ceilingsWarning(r); (got == "") != (test.warning == "") || !strings.Contains(got, test.warning) {
				t.Errorf("warned %q, want %q", got, test.warning)
			}
			if _, err := os.Stat(h.file()); !os.IsNotExist(err) {
				t.Errorf("something was kept: %v", err)
			}
		})
	}
	t.Run("on the CPU", func(t *testing.T) {
		t.Parallel()
		got := runBinary(t, nil, small("--json", "--steps", "20")...)
		r := report(t, got.stdout)
		if r.Ceilings != nil || r.Step.AttainablePercent != nil || ceilingsWarning(r) != "" {
			t.Errorf("ceilings %v, %v %%, %q", r.Ceilings, r.Step.AttainablePercent, ceilingsWarning(r))
		}
	})
}

func TestDoctorCeilings(t *testing.T) {
	t.Parallel()
	h := newCeilingsHome(t)
	doctor := func(env []string, more ...string) (doctorReport, finding, int) {
		t.Helper()
		got, measured := h.run(env, append([]string{"doctor", "--library", fakeLibrary(), "--json"}, more...)...)
		var r doctorReport
		if err := json.Unmarshal([]byte(got.stdout), &r); err != nil {
			t.Fatalf("%v in %q, stderr %q", err, got.stdout, got.stderr)
		}
		for _, f := range r.Findings {
			if f.Part == "ceilings" {
				return r, f, measured
			}
		}
		t.Fatalf("nothing about ceilings in %q", got.stdout)
		return r, finding{}, 0
	}
	if r, f, measured := doctor(nil); f.Status != limited || r.Ceilings != nil || measured != 0 || !strings.Contains(f.Text, "--measure") {
		t.Errorf("before: %+v, %v, measured %d times", f, r.Ceilings, measured)
	}
	r, f, measured := doctor(nil, "--measure")
	if f.Status != works || r.Ceilings == nil || measured != 1 || !strings.Contains(f.Text, "DRAM 4600 GB/s") || !strings.Contains(f.Text, h.file()) {
		t.Errorf("measuring: %+v, %v, measured %d times", f, r.Ceilings, measured)
	}
	if again, f, measured := doctor(nil); f.Status != works || again.Ceilings == nil || measured != 0 || !again.Ceilings.MeasuredAt.Equal(r.Ceilings.MeasuredAt) {
		t.Errorf("afterwards: %+v, %v, measured %d times", f, again.Ceilings, measured)
	}
	// It measures anew, and says what is wrong.
	if again, f, measured := doctor(nil, "--measure"); f.Status != works || measured != 1 || !again.Ceilings.MeasuredAt.After(r.Ceilings.MeasuredAt) {
		t.Errorf("anew: %+v, measured %d times", f, measured)
	}
	if _, f, _ := doctor([]string{"MOETOP_FAKE_FAULT=ceilings-noisy"}, "--measure"); f.Status != limited || !strings.Contains(f.Text, "not kept") {
		t.Errorf("unsteady: %+v", f)
	}
	if r, f, _ := doctor([]string{"MOETOP_FAKE_FAULT=ceilings-cuda"}, "--measure"); f.Status != broken || r.OK {
		t.Errorf("failing: %+v", f)
	}
	if r, f, _ := doctor(nil, "--measure", "--engine", "cpu"); f.Status != broken || r.OK || !strings.Contains(f.Text, "no GPU") {
		t.Errorf("on the CPU: %+v", f)
	}
}

// TestSweepAttainable finds the attainable times in a sweep's document and in its CSV.
func TestSweepAttainable(t *testing.T) {
	t.Parallel()
	h := newCeilingsHome(t)
	journal := filepath.Join(t.TempDir(), "sweep.ndjson")
	args := []string{
		"sweep", "--engine", "cuda", "--library", fakeLibrary(), "--model", "qwen3-30b", "--tokens", "16", "--pairs", "2",
		"--time", "20s", "--resume", journal,
	}
	got, measured := h.run(nil, append(args, "--json")...)
	var d sweep.Document
	if err := json.Unmarshal([]byte(got.stdout), &d); err != nil || got.code != exitDone {
		t.Fatalf("code %d, %v in %q, stderr %q", got.code, err, got.stdout, got.stderr)
	}
	if measured != 1 || d.Ceilings == nil || d.Ceilings.ReadBytesPerS != 4.6e12 || len(d.Points) != 1 {
		t.Fatalf("measured %d times, %v, %d points", measured, d.Ceilings, len(d.Points))
	}
	for _, w := range d.Points[0].Warnings {
		if w.Code != "nvml" {
			t.Errorf("warned of %v", w)
		}
	}
	if d.Points[0].Layer.AttainablePercent == nil {
		t.Error("the layer has no percentage")
	}
	want := map[string]string{}
	for _, s := range d.Points[0].Stages {
		if s.AttainableUS == nil || s.AttainablePercent == nil {
			t.Errorf("%s has %v us, %v %%", s.Name, s.AttainableUS, s.AttainablePercent)
			continue
		}
		want[s.Name+"_attainable_us"] = strconv.FormatFloat(*s.AttainableUS, 'g', -1, 64)
	}
	// The journal has all of it: nothing is measured again.
	got, measured = h.run(nil, append(args, "--csv")...)
	rows, err := csv.NewReader(strings.NewReader(got.stdout)).ReadAll()
	if err != nil || len(rows) != 2 || measured != 0 {
		t.Fatalf("%v in %q, measured %d times", err, got.stdout, measured)
	}
	for i, head := range rows[0] {
		if text, is := want[head]; is && rows[1][i] != text {
			t.Errorf("%s is %q, want %q", head, rows[1][i], text)
		}
		delete(want, head)
	}
	if len(want) > 0 {
		t.Errorf("the CSV has no %v", want)
	}
}
