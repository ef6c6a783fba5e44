package kernels

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/moetop/moetop/profiler"
)

func TestAvailableMemory(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:  2000000 kB\nMemAvailable:   1000000 kB\n"
	tests := []struct {
		name  string
		files map[string]string
		want  uint64
		known bool
	}{
		{"meminfo alone", map[string]string{"proc/meminfo": meminfo}, 1000000 << 10, true},
		{"tight control group", map[string]string{
			"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "5000\n", "sys/fs/cgroup/memory.current": "2000\n",
		}, 3000, true},
		{"control group in debt", map[string]string{
			"sys/fs/cgroup/memory.max": "5000", "sys/fs/cgroup/memory.current": "6000",
		}, 0, true},
		{"unlimited control group", map[string]string{
			"proc/meminfo": meminfo, "sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "2000\n",
		}, 1000000 << 10, true},
		{"garbled", map[string]string{"proc/meminfo": "MemAvailable: lots kB\n"}, 0, false},
		{"nothing", nil, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root := fstest.MapFS{}
			for name, data := range tt.files {
				root[name] = &fstest.MapFile{Data: []byte(data)}
			}
			got, known := availableMemory(root)
			if known != tt.known || (known && got != tt.want) {
				t.Errorf("got %d, %v, want %d, %v", got, known, tt.want, tt.known)
			}
		})
	}
}

func TestCheckHostMemory(t *testing.T) {
	t.Parallel()
	root := fstest.MapFS{"proc/meminfo": {Data: []byte("MemAvailable: 1048576 kB\n")}} // 1 GiB
	fits := profiler.Memory{WeightsBytes: 700 << 20, WorkspaceBytes: 1<<30 - 700<<20 - hostReserve}
	if err := checkHostMemory(root, fits); err != nil {
		t.Errorf("what just fits is refused: %v", err)
	}
	fits.ActivationsBytes = 1
	var memory *profiler.MemoryError
	if err := checkHostMemory(root, fits); !errors.As(err, &memory) {
		t.Errorf("a byte too many: %v", err)
	}
	if err := checkHostMemory(fstest.MapFS{}, fits); err != nil {
		t.Errorf("unknown memory: %v", err)
	}
}
