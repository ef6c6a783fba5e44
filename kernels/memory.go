package kernels

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
)

// hostReserve is left to everybody else, the rest of this process included.
const hostReserve = 256 << 20

// checkHostMemory refuses what does not fit into the memory that root, the machine's file system,
// says is available. Where that is unknown nothing is refused.
func checkHostMemory(root fs.FS, m profiler.Memory) error {
	available, ok := availableMemory(root)
	need := m.WeightsBytes + m.ActivationsBytes + m.WorkspaceBytes
	if !ok || need+hostReserve <= available {
		return nil
	}
	return &profiler.MemoryError{Reason: fmt.Sprintf(
		"the workload needs %d bytes of host memory and %d are kept in reserve, but %d are available; "+
			"take fewer tokens or a smaller model", need, hostReserve, available)}
}

// availableMemory is what the kernel could give out without swapping, or what the control group has
// left if that is less.
func availableMemory(root fs.FS) (bytes uint64, ok bool) {
	available := uint64(math.MaxUint64)
	if kib, found := meminfoField(root, "MemAvailable:"); found {
		available, ok = kib<<10, true
	}
	limit, limited := readUint(root, "sys/fs/cgroup/memory.max")
	used, known := readUint(root, "sys/fs/cgroup/memory.current")
	if limited && known {
		available, ok = min(available, limit-min(used, limit)), true
	}
	return available, ok
}

func meminfoField(root fs.FS, name string) (kib uint64, ok bool) {
	data, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, false
	}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) == 3 && fields[0] == name && fields[2] == "kB" {
			kib, err = strconv.ParseUint(fields[1], 10, 53)
			return kib, err == nil
		}
	}
	return 0, false
}

func readUint(root fs.FS, path string) (v uint64, ok bool) {
	data, err := fs.ReadFile(root, path)
	if err != nil {
		return 0, false
	}
	v, err = strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	return v, err == nil
}
