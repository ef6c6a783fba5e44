package kernels

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// The fake library reads the environment, so these are not parallel.

func TestMeasureCeilings(t *testing.T) {
	lib := openFake(t)
	before := time.Now()
	c, err := lib.MeasureCeilings(0)
	if err != nil {
		t.Fatal(err)
	}
	if c.ReadBytesPerS != 4.6e12 || c.L2ReadBytesPerS != 7e12 || c.FP8FlopsPerS != 1.76e15 || c.SMClockMHz != 1980 ||
		c.KernelUS != 1.5 || c.SpreadPercent != 0.4 {
		t.Errorf("got %+v", c)
	}
	want := []profiler.WriteCost{{WrittenBytes: 0, ExtraUS: 0}, {WrittenBytes: 4 << 20, ExtraUS: 6}, {WrittenBytes: 16 << 20, ExtraUS: 9}, {WrittenBytes: 64 << 20, ExtraUS: 21}}
	if len(c.WriteCost) != len(want) {
		t.Fatalf("writes cost %v", c.WriteCost)
	}
	for i := range want {
		if c.WriteCost[i] != want[i] {
			t.Errorf("point %d is %v, want %v", i, c.WriteCost[i], want[i])
		}
	}
	if c.MeasuredAt.Before(before.Add(-time.Second)) || c.MeasuredAt.After(time.Now().Add(time.Second)) {
		t.Errorf("measured at %v", c.MeasuredAt)
	}
}

func TestMeasureCeilingsRefused(t *testing.T) {
	lib := openFake(t)
	if _, err := lib.MeasureCeilings(7); err == nil || !strings.Contains(err.Error(), "out of range") {
		t.Errorf("device 7: %v", err)
	}
	t.Setenv("MOETOP_FAKE_FAULT", "ceilings-unsupported")
	if _, err := lib.MeasureCeilings(0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("unsupported: %v", err)
	}
	t.Setenv("MOETOP_FAKE_FAULT", "ceilings-cuda")
	if _, err := lib.MeasureCeilings(0); err == nil || !strings.Contains(err.Error(), "measuring the ceilings") {
		t.Errorf("a CUDA error: %v", err)
	}
	// Figures that nothing can be compared with are an error, not a percentage without end.
	t.Setenv("MOETOP_FAKE_FAULT", "ceilings-zero")
	if _, err := lib.MeasureCeilings(0); err == nil || !strings.Contains(err.Error(), "read_bytes_per_s is 0") {
		t.Errorf("no bandwidth: %v", err)
	}
}
