package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler/sweep"
)

// TestSweepFamilies lets two families take turns. The fake's native kernels take 80% of the time.
func TestSweepFamilies(t *testing.T) {
	t.Parallel()
	schema, _ := sweepSchemas(t)
	file := filepath.Join(t.TempDir(), "points.ndjson")
	env := []string{"MOETOP_FAKE_STEP_US=100"}
	args := sweptOnFake("--tokens", "1,2", "--pairs", "16", "--kernels", "auto", "--resume", file)
	got := runBinary(t, env, append(args, "--json")...)
	if got.code != exitDone {
		t.Fatalf("code %d, %q", got.code, got.stderr)
	}
	validate(t, schema, got.stdout)
	d := swept(t, got.stdout)
	if strings.Join(d.Plan.Kernels, " ") != "cutlass native" || len(d.Points) != 4 || len(d.Deployment) != 2 {
		t.Fatalf("families %v, %d points, %d rows: %+v", d.Plan.Kernels, len(d.Points), len(d.Deployment), d.Deployment)
	}
	for _, r := range d.Points {
		if r.Status != sweep.OK || r.RanKernels != r.Kernels || (r.Against != nil) != (r.Kernels == "native") {
			t.Fatalf("%+v", r)
		}
		if r.Against == nil {
			continue
		}
		// The fake's steps jitter by up to 3%. Not that the interval holds 1.25: one of 20 does not.
		if layer := r.Against.Layer; layer == nil || layer.Value < 1.25/1.03 || layer.Value > 1.25*1.03 || layer.Low < 1.15 ||
			layer.Low > layer.Value || layer.High < layer.Value || r.Against.Kernels != "cutlass" {
			t.Errorf("%d tokens: %s, %+v", r.Tokens, r.Against.Kernels, layer)
		}
	}
	if a := d.Deployment[1]; a.Kernels != "native" || a.Against != "cutlass" || a.Speed == nil || !strings.Contains(a.Text, "as fast as cutlass") {
		t.Errorf("%+v", a)
	}
	for format, want := range map[string]string{
		"--csv":      ",against_kernels,against_layer_ratio,",
		"--benchfmt": "/kernels=native/stage=up/es=on ",
		"":           "as fast as cutlass",
	} {
		again := args
		if format != "" {
			again = append(slices.Clip(again), format)
		}
		if printed := runBinary(t, env, again...); printed.code != exitDone || !strings.Contains(printed.stdout, want) {
			t.Errorf("%s: code %d, no %q in %q", format, printed.code, want, printed.stdout)
		}
	}
}

// TestSweepOneFamilyThenAll goes on with all families where one had been asked for.
func TestSweepOneFamilyThenAll(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "points.ndjson")
	args := sweptOnFake("--tokens", "1", "--pairs", "16", "--resume", file, "--json")
	for _, c := range []struct{ kernels, want string }{{"cutlass", "cutlass"}, {"auto", "cutlass native"}} {
		got := runBinary(t, []string{"MOETOP_FAKE_STEP_US=100"}, append(slices.Clip(args), "--kernels", c.kernels)...)
		if got.code != exitDone {
			t.Fatalf("%s: code %d, %q", c.kernels, got.code, got.stderr)
		}
		d := swept(t, got.stdout)
		var points []string
		for _, r := range d.Points {
			points = append(points, r.Kernels)
		}
		if strings.Join(d.Plan.Kernels, " ") != c.want || strings.Join(points, " ") != c.want {
			t.Errorf("%s: families %v, points of %v", c.kernels, d.Plan.Kernels, points)
		}
	}
}

func TestSweepFamiliesThatAreNotThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string
		args []string
		code int
		want string
	}{
		"native is not offered":   {[]string{"MOETOP_FAKE_FAULT=no-native"}, []string{"--kernels", "cutlass,native"}, exitUsage, `one of ["cutlass"]`},
		"auto has cutlass alone":  {[]string{"MOETOP_FAKE_FAULT=no-native"}, []string{"--kernels", "auto"}, exitDone, "cutlass: deploy"},
		"auto beside a family":    {nil, []string{"--kernels", "auto,native"}, exitUsage, "auto beside a family"},
		"native cannot be opened": {[]string{"MOETOP_FAKE_FAULT=native-cuda"}, []string{"--kernels", "cutlass,native"}, exitFailure, "1 of 2 points failed"},
		"native has no room":      {[]string{"MOETOP_FAKE_FAULT=native-memory"}, []string{"--kernels", "cutlass,native"}, exitDone, "native: does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := append([]string{"MOETOP_FAKE_STEP_US=100", "XDG_STATE_HOME=" + t.TempDir()}, c.env...)
			got := runBinary(t, env, sweptOnFake(append([]string{"--tokens", "1", "--pairs", "16"}, c.args...)...)...)
			if got.code != c.code || !strings.Contains(got.stderr, c.want) {
				t.Errorf("code %d, stderr %q", got.code, got.stderr)
			}
		})
	}
}
