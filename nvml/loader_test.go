package nvml

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// childVariable makes the test binary a child that samples through the real loader: a process holds
// at most one NVML, and a wrong call ends it.
const childVariable = "MOETOP_NVML_TEST_CHILD"

// childResult is what a child prints.
type childResult struct {
	Driver   string
	Error    string
	Problems []string
	Reading  *profiler.Reading
	CloseMS  int64
}

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := json.NewEncoder(os.Stdout).Encode(sampleOnce()); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// sampleOnce waits for a whole window, or for staleness.
func sampleOnce() childResult {
	var result childResult
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	version, err := DriverVersion(ctx)
	result.Driver = version
	s, openErr := Open(Options{UUID: testUUID, PID: os.Getpid(), Interval: MinInterval, Deadline: 300 * time.Millisecond})
	if openErr != nil {
		result.Error = errors.Join(err, openErr).Error()
		return result
	}
	limit := time.Now().Add(2 * time.Second)
	for time.Now().Before(limit) {
		if r, ok := s.Latest(); ok && (r.Stale || !r.WindowEnd.IsZero() || r.KernelActivePercent == nil) {
			result.Reading = &r
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if result.Reading == nil {
		time.Sleep(300 * time.Millisecond)
	}
	result.Problems = s.Problems()
	began := time.Now()
	if err := s.Close(); err != nil {
		result.Error = err.Error()
	}
	result.CloseMS = time.Since(began).Milliseconds()
	return result
}

// buildFake compiles the stand-in into a folder of its own and returns the folder.
func buildFake(t *testing.T, defines ...string) string {
	t.Helper()
	dir := t.TempDir()
	args := []string{"-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o", filepath.Join(dir, libraryName), "testdata/fake_nvml.c"}
	out, err := exec.Command("cc", append(args, defines...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("build the fake NVML: %v\n%s", err, out)
	}
	return dir
}

func runChild(t *testing.T, libraryDir, fault string) childResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childVariable+"=1", "LD_LIBRARY_PATH="+libraryDir, "FAKE_NVML_FAULT="+fault)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("child: %v\n%s%s", err, out, stderr.String())
	}
	var result childResult
	if err := json.Unmarshal(out, &result); err != nil {
		t.Fatalf("child wrote %q: %v", out, err)
	}
	return result
}

func TestRealLoader(t *testing.T) {
	t.Parallel()
	full, bare := buildFake(t), buildFake(t, "-DFAKE_NVML_BARE")

	t.Run("all answers", func(t *testing.T) {
		t.Parallel()
		got := runChild(t, full, "")
		if got.Driver != "580.159.03" || got.Error != "" || len(got.Problems) != 0 {
			t.Fatalf("got %+v", got)
		}
		r := got.Reading
		figures := []struct{ name, got, want string }{
			{"sm", show(r.SMUtilizationPercent), "12.5"},
			{"occ", show(r.SMOccupancyPercent), "13.5"},
			{"tensor", show(r.TensorPercent), "nil"},
			{"dram", show(r.DRAMPercent), "20.5"},
			{"active", show(r.KernelActivePercent), "97"},
			{"power", show(r.PowerWatts), "612.5"},
			{"limit", show(r.PowerLimitWatts), "700"},
			{"energy", show(r.EnergyJoules), "123.456"},
			{"temp", show(r.TemperatureCelsius), "61"},
			{"sm clock", show(r.SMClockMHz), "1980"},
			{"mclock", show(r.MemoryClockMHz), "3201"},
			{"used", show(r.MemoryUsedBytes), "5368709120"},
			{"reserved", show(r.MemoryReservedBytes), "654311424"},
			{"free", show(r.MemoryFreeBytes), "144731799552"},
			{"total", show(r.MemoryTotalBytes), "150754820096"},
			{"process", show(r.MemoryProcessBytes), "1610612736"},
			{"throttle", fmt.Sprint(r.ThrottleReasons), "[power cap]"},
		}
		for _, f := range figures {
			if f.got != f.want {
				t.Errorf("%s: got %s, want %s", f.name, f.got, f.want)
			}
		}
	})
	t.Run("functions missing", func(t *testing.T) {
		t.Parallel()
		got := runChild(t, bare, "")
		if got.Error != "" || got.Driver != "580.159.03" || got.Reading == nil || got.Reading.MemoryUsedBytes != nil {
			t.Fatalf("got %+v", got)
		}
		if len(got.Problems) != 11 || !strings.Contains(strings.Join(got.Problems, "\n"), "nvmlDeviceGetMemoryInfo_v2") {
			t.Errorf("problems %q", got.Problems)
		}
	})
	t.Run("no GPM", func(t *testing.T) {
		t.Parallel()
		got := runChild(t, full, "no-gpm")
		if len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "the GPU has no GPM") {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("a call hangs", func(t *testing.T) {
		t.Parallel()
		got := runChild(t, full, "hang-power")
		if got.Error != "" || len(got.Problems) != 1 || !strings.Contains(got.Problems[0], "power has not answered") {
			t.Fatalf("got %+v", got)
		}
		if got.CloseMS > 2*closeGrace.Milliseconds() {
			t.Errorf("Close took %d ms", got.CloseMS)
		}
	})
	t.Run("driver not loaded", func(t *testing.T) {
		t.Parallel()
		if got := runChild(t, full, "driver-not-loaded"); !strings.Contains(got.Error, "the driver is not loaded") {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("connecting hangs", func(t *testing.T) {
		t.Parallel()
		if got := runChild(t, full, "hang-init"); !strings.Contains(got.Error, "connecting has not answered") {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("no library", func(t *testing.T) {
		t.Parallel()
		if _, err := exec.Command("sh", "-c", "ldconfig -p | grep -q "+libraryName).Output(); err == nil {
			t.Skip("this machine has an NVML")
		}
		if got := runChild(t, t.TempDir(), ""); !strings.Contains(got.Error, "load NVML: "+libraryName) {
			t.Fatalf("got %+v", got)
		}
	})
}

func show[T any](p *T) string {
	if p == nil {
		return "nil"
	}
	return fmt.Sprint(*p)
}
