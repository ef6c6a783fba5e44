package profiler

// Workload is what an engine runs: one MoE layer's shape, its batch and its routing. Build one with
// NewWorkload or from a preset, and check it with Validate.
type Workload struct {
	Model        string  `json:"model"`        // preset name, or "custom"
	Experts      int     `json:"experts"`      // E of the shard that runs, 1..1024
	TopK         int     `json:"top_k"`        // k, 1..min(E,32)
	Hidden       int     `json:"hidden"`       // H, multiple of 128
	Intermediate int     `json:"intermediate"` // I of the shard that runs, multiple of 128
	TP           int     `json:"tp"`           // the model's intermediate was divided by this
	EP           int     `json:"ep"`           // the model's experts were divided by this
	Tokens       int     `json:"tokens"`       // T, at least 1; T*k at most MaxRows
	Routing      Routing `json:"routing"`
	Seed         uint64  `json:"seed"`
}

// MaxRows bounds Tokens*TopK.
const MaxRows = 262144

// Rows is R = T*k.
func (w Workload) Rows() int { return w.Tokens * w.TopK }

// Routing names a distribution of tokens over experts. The k experts of a token are distinct.
type Routing struct {
	Kind     RoutingKind
	Exponent float64 // of zipf, > 0; 0 for the others
}

// RoutingKind is the family of a routing.
type RoutingKind string

// The routings: every expert alike; popularity falling as 1/rank^s; one expert that every token
// visits, the others uniform.
const (
	Uniform RoutingKind = "uniform"
	Zipf    RoutingKind = "zipf"
	Hot     RoutingKind = "hot"
)

// TopK is one routing drawn for a workload.
type TopK struct {
	IDs     []int32   // [T,k]
	Weights []float32 // [T,k]
}
