package kernels

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/moetop/moetop/profiler"
)

// TestABILayout compares every struct with what a C compiler makes of moetop.h: the fields in order,
// each with its offset and size.
func TestABILayout(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "layout")
	compile(t, "-o", program, "testdata/layout/layout.c")
	out, err := exec.Command(program).Output()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		fmt.Sprintf("version %d", ABIVersion), fmt.Sprintf("stages %d", profiler.NumStages),
		fmt.Sprintf("tensors %d", profiler.NumTensors), fmt.Sprintf("masks %d", profiler.NumMasks),
	}
	for _, s := range []struct {
		name  string
		value any
	}{
		{"moetop_device_info", abiDeviceInfo{}},
		{"moetop_config", abiConfig{}},
		{"moetop_memory", abiMemory{}},
		{"moetop_ceilings", abiCeilings{}},
		{"moetop_engine_info", abiEngineInfo{}},
		{"moetop_step_timing", abiStepTiming{}},
		{"moetop_launch", abiLaunch{}},
		{"moetop_tile_class", abiTileClass{}},
	} {
		kind := reflect.TypeOf(s.value)
		want = append(want, fmt.Sprintf("%s %d", s.name, kind.Size()))
		for f := range kind.Fields() {
			want = append(want, fmt.Sprintf("%s.%s %d %d", s.name, cName(f.Name), f.Offset, f.Type.Size()))
		}
	}
	got := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(got) != len(want) {
		t.Fatalf("C prints %d lines, Go has %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("C has %q, Go %q", got[i], want[i])
		}
	}
}

// cName turns a field's name into the header's.
func cName(name string) string {
	special := map[string]string{
		"numSMs": "num_sms", "startNS": "start_ns", "stageUS": "stage_us", "gapUS": "gap_us", "stepUS": "step_us",
		"launchGapUS": "launch_gap_us", "meanUS": "mean_us", "localBytes": "local_bytes_per_thread",
		"smClockMHz": "sm_clock_mhz", "kernelUS": "kernel_us", "writeCostUS": "write_cost_us",
	}
	if c, ok := special[name]; ok {
		return c
	}
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteString(strings.ToLower(string(r)))
	}
	return b.String()
}

func TestDeviceDomain(t *testing.T) {
	t.Parallel()
	d := abiDeviceInfo{
		device: 2, computeMajor: 9, numSMs: 132, l2Bytes: 52428800, driverVersion: 12080, totalMemoryBytes: 7,
	}
	copy(d.name[:], "A GPU\x00behind")
	for i := range d.uuid {
		d.uuid[i] = byte(0x10 + i)
	}
	want := profiler.Device{
		Name: "A GPU", UUID: "GPU-10111213-1415-1617-1819-1a1b1c1d1e1f", Index: 2, ComputeMajor: 9, SMs: 132,
		L2Bytes: 52428800, CUDA: "12.8", TotalMemoryBytes: 7,
	}
	if got := d.domain(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTimingDomain(t *testing.T) {
	t.Parallel()
	raw := abiStepTiming{
		step: 9, startNS: 5, esMask: 2, routing: 3, stageUS: [profiler.NumStages]float32{1, 2, 3, 4, 5, 6},
		gapUS: 0.5, stepUS: 21.5, launchGapUS: -1,
	}
	want := profiler.StepTiming{
		Step: 9, StartNS: 5, Mask: profiler.ESDown, Routing: 3, StageUS: [profiler.NumStages]float64{1, 2, 3, 4, 5, 6},
		GapUS: 0.5, StepUS: 21.5, LaunchGapUS: -1,
	}
	if got := raw.domain(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"abc\x00def": "abc", "full": "full", "\x00": "", "a\xffb": "a?b"} {
		if got := text([]byte(in)); got != want {
			t.Errorf("text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	if got := named(timerNames, 2); got != "events" {
		t.Errorf("timer 2 is %q", got)
	}
	for _, v := range []int32{-1, 4} {
		if got := named(timerNames, v); !strings.HasPrefix(got, "unknown") {
			t.Errorf("timer %d is %q", v, got)
		}
	}
}

// The structs start with their size where the header says so.
func TestConfigCarriesItsSize(t *testing.T) {
	t.Parallel()
	cfg := smallConfig(t, 4, profiler.Routing{Kind: profiler.Uniform})
	cfg.Kernels, cfg.Timer, cfg.ESLaunch = "native", "events", "streams"
	got, err := newABIConfig(3, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want := abiConfig{
		structSize: uint32(unsafe.Sizeof(abiConfig{})), device: 3, experts: 7, topK: 3, hidden: 256, intermediate: 128,
		tokens: 4, numRoutings: 3, kernels: 1, timer: 2, esLaunch: 2, seed: 5,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
