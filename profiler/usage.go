package profiler

import (
	"syscall"
	"time"
)

// ProcessCPUTime is the CPU time that this process has used, user and system, all threads.
func ProcessCPUTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
