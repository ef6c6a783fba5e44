package profiler

// Environment is where a run takes place.
type Environment struct {
	Version string  `json:"version"` // of moetop
	Host    Host    `json:"host"`
	GPU     *Device `json:"gpu"` // null on the CPU
	// Ceilings are those of the GPU; null where they are not known.
	Ceilings     *Ceilings `json:"ceilings"`
	Engine       string    `json:"engine"`
	EngineReason string    `json:"engine_reason,omitempty"`
	Provider     string    `json:"provider"`
	Timer        string    `json:"timer"`
	TimerReason  string    `json:"timer_reason,omitempty"`
	ESLaunch     string    `json:"es_launch,omitempty"`
	L2           string    `json:"l2"`
}

// Environment is what a view of a running worker tells.
func (v *View) Environment() Environment {
	w := v.Workload
	e := Environment{
		GPU: w.GPU, Ceilings: w.Ceilings, Engine: w.Engine, EngineReason: w.EngineReason, Provider: w.Provider,
		Timer: w.Timer, TimerReason: w.TimerReason, ESLaunch: w.ESLaunch, L2: w.L2,
	}
	if h := v.Header; h != nil {
		e.Version, e.Host = h.Version, h.Host
	}
	return e
}

// Environment is that of the run that the report is of.
func (r *Report) Environment() Environment {
	return Environment{
		Version: r.Version, Host: r.Host, GPU: r.GPU, Ceilings: r.Ceilings, Engine: r.Engine, EngineReason: r.EngineReason,
		Provider: r.Provider, Timer: r.Timer, TimerReason: r.TimerReason, ESLaunch: r.ESLaunch, L2: r.L2,
	}
}
