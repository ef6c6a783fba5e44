package profiler

// Matters reports whether the difference is both beyond doubt and large enough to act on. An unknown
// ratio does not matter.
func (r *Ratio) Matters() bool { return r != nil && r.Significant() && matters(r) }
