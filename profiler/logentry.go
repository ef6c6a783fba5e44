package profiler

// Notice reports whether the entry only says what was done: it is no warning.
func (e LogEntry) Notice() bool { return e.Code == logMeasured || e.Code == logKernels }

// Refusal reports whether the entry tells of a command that the worker refused.
func (e LogEntry) Refusal() bool { return e.Code == logRefused }
