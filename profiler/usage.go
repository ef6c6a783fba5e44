package profiler

import (
	"syscall"
	"time"
)

// processCPUTime is the CPU time that this process has used, user and system, all threads.
func processCPUTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
