package profiler

// Command is one control line. Every field that is set is carried out; all or nothing, in the order
// of the fields here. An unknown field refuses the line.
type Command struct {
	ID      string     `json:"id,omitempty"` // echoed in the Ack
	Stop    bool       `json:"stop,omitempty"`
	Pause   *bool      `json:"pause,omitempty"` // stop launching steps
	AB      *bool      `json:"ab,omitempty"`
	ES      *ESCommand `json:"es,omitempty"`    // leaves A/B mode
	Reset   bool       `json:"reset,omitempty"` // new generation: forget all statistics
	Model   *string    `json:"model,omitempty"` // a preset, with its shard: dsv3-tp8
	Tokens  *int       `json:"tokens,omitempty"`
	Routing *string    `json:"routing,omitempty"` // uniform, zipf:1.0, hot, trace:FILE
	Kernels *string    `json:"kernels,omitempty"`
	// Interval is the time between samples from now on.
	Interval *AskedInterval `json:"interval,omitempty"`
	Cancel   bool           `json:"cancel,omitempty"` // gives up the workload that is being built, for the one before
}

// ESCommand switches the stages that it names.
type ESCommand struct {
	Up   *bool `json:"up,omitempty"`
	Down *bool `json:"down,omitempty"`
}
