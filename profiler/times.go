package profiler

// Times is what is kept of a distribution of times, in microseconds, where there are thousands of them.
type Times struct {
	Count    int64   `json:"count"`
	MedianUS float64 `json:"median_us"`
	P90US    float64 `json:"p90_us"`
	P99US    float64 `json:"p99_us"`
	// BlockUS are consecutive parts of the run; empty if they were not kept.
	BlockUS []float64 `json:"block_us,omitempty"`
}

// Times returns what to keep of a distribution; nil for one without values.
func (s *Summary) Times() *Times {
	if s == nil || s.Count == 0 {
		return nil
	}
	return &Times{Count: s.Count, MedianUS: s.MedianUS, P90US: s.P90US, P99US: s.P99US, BlockUS: s.BlockUS}
}
