package profiler

// Refusal reports whether the entry tells of a command that the worker refused.
func (e LogEntry) Refusal() bool { return e.Code == logRefused }
