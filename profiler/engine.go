package profiler

import "fmt"

// Engine runs steps of one workload. It is created, used and closed on one locked OS thread; only
// SetES may be called from anywhere.
type Engine interface {
	Info() EngineInfo
	// SetES takes effect at the very next step that is launched, and returns that step's number.
	SetES(mask ESMask) (first uint64)
	// Run launches n steps back to back and returns when the last is launched. Few are in flight.
	Run(n int) error
	// Timings appends the timings of steps that finished since the last call, oldest first, and
	// returns the number of steps so far whose timing was lost. It does not wait.
	Timings(dst []StepTiming) (timings []StepTiming, lost uint64, err error)
	// Sync waits until every launched step has finished.
	Sync() error
	// Launches describes the kernel launches of one step.
	Launches(mask ESMask) ([]Launch, error)
	// ReadTensor fills dst with the bytes of a tensor of the last finished step, from offset on.
	ReadTensor(t Tensor, offset uint64, dst []byte) error
	// Close frees everything. Calling it again does nothing.
	Close() error
}

// OperandSetter is an engine whose operands a check can choose. Both calls wait for the steps in flight.
type OperandSetter interface {
	Engine
	// SetRoutings replaces the ring by one of the same length.
	SetRoutings(ring []TopK) error
	// SetInput replaces the input of every routing: bf16 [T,H].
	SetInput(input []uint16) error
}

// EngineConfig is what an engine is built from.
type EngineConfig struct {
	Workload Workload
	// Routings is the ring of routings; step s uses Routings[s mod len].
	Routings []TopK
	Kernels  string // cutlass or native; the CPU engine has only reference. An engine is not asked for auto
	Timer    string // auto, cupti, events or none
	ESLaunch string // auto, pdl or streams
}

// OpenEngine builds engines on one device or on the CPU. Open checks that the workload fits before
// it allocates anything; see the sentinel errors below. It is called on the engine's thread.
type OpenEngine func(cfg EngineConfig) (Engine, error)

// ArgumentError says which field or flag has a value that is not allowed.
type ArgumentError struct {
	Field   string // flag without dashes, or JSON field
	Value   string
	Allowed string // what is allowed, as a phrase
}

func (e *ArgumentError) Error() string {
	return fmt.Sprintf("%s: %s is not allowed: %s", e.Field, e.Value, e.Allowed)
}

// NoGPUError says that there is no GPU that the engine can use, and why.
type NoGPUError struct{ Reason string }

func (e *NoGPUError) Error() string { return "no usable GPU: " + e.Reason }

// MemoryError says that a workload does not fit.
type MemoryError struct{ Reason string }

func (e *MemoryError) Error() string { return "does not fit: " + e.Reason }

// EngineInfo is what an engine turned out to be.
type EngineInfo struct {
	Engine      string  // "cuda" or "cpu"
	Provider    string  // one line: library and build
	Kernels     string  // cutlass, native or reference
	Timer       string  // cupti, events, cpu or none
	TimerReason string  // why not cupti, where it was wanted; else empty
	ESLaunch    string  // pdl or streams; empty on the CPU
	Device      *Device // nil on the CPU
	Memory      Memory
	Tiles       *TilePolicies // nil if they are not known
	Ceilings    *Ceilings     // of Device; nil if they are not known
	// CeilingsProblem says why they are not, or will not be the next time; else empty.
	CeilingsProblem string
}

// Device is the GPU that an engine runs on.
type Device struct {
	Name             string `json:"name"`
	UUID             string `json:"uuid"` // GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx
	Index            int    `json:"index"`
	ComputeMajor     int    `json:"compute_major"`
	ComputeMinor     int    `json:"compute_minor"`
	SMs              int    `json:"sms"`
	L2Bytes          int64  `json:"l2_bytes"`
	CUDA             string `json:"cuda"`   // version that the driver supports, such as 13.0
	Driver           string `json:"driver"` // such as 580.159.03; empty if unknown
	TotalMemoryBytes uint64 `json:"total_memory_bytes"`
}

// Memory is an engine's own breakdown, in bytes.
type Memory struct {
	WeightsBytes     uint64 `json:"weights_bytes"`
	ActivationsBytes uint64 `json:"activations_bytes"`
	WorkspaceBytes   uint64 `json:"workspace_bytes"`
}

// StepTiming is one finished step, in microseconds of the device's clock. The sum of StageUS plus
// GapUS is StepUS; how a stage's time is bounded stands in moetop.h.
type StepTiming struct {
	Step        uint64
	StartNS     uint64 // device clock; only differences mean something
	Mask        ESMask
	Routing     int // place in the ring
	StageUS     [NumStages]float64
	GapUS       float64 // idle between the stages
	StepUS      float64
	LaunchGapUS float64 // idle since the step before; negative if unknown
}

// Launch is one kernel launch of a step.
type Launch struct {
	Stage              string   `json:"stage"`
	Name               string   `json:"name"`
	Grid               [3]int   `json:"grid"`
	Block              [3]int   `json:"block"`
	Registers          int      `json:"registers_per_thread"`
	StaticSharedBytes  int      `json:"static_shared_bytes"`
	DynamicSharedBytes int      `json:"dynamic_shared_bytes"`
	LocalBytes         int      `json:"local_bytes_per_thread"`
	MeanUS             *float64 `json:"mean_us"` // null until timed
}

// Tensor names what ReadTensor reads. The values, types and shapes are those of moetop.h.
type Tensor int

// The tensors, all row-major.
const (
	TensorInput       Tensor = iota // bf16 [T,H]
	TensorTopKIDs                   // int32 [T,k]
	TensorTopKWeights               // f32 [T,k]
	TensorW1                        // e4m3 [E,2I,H]
	TensorW1Scale                   // f32 [E,2I/128,H/128]
	TensorW2                        // e4m3 [E,H,I]
	TensorW2Scale                   // f32 [E,H/128,I/128]
	TensorOffsets                   // int32 [E+1]
	TensorRowSource                 // int32 [R], row -> t*k+j
	TensorX                         // e4m3 [R,H]
	TensorXScale                    // f32 [R,H/128]
	TensorUp                        // bf16 [R,2I]
	TensorAct                       // e4m3 [R,I]
	TensorActScale                  // f32 [R,I/128]
	TensorDown                      // bf16 [R,H]
	TensorOutput                    // bf16 [T,H]
	NumTensors        = 16
)
