package profiler

import "fmt"

// Stage is one of the six stages of an FP8 MoE layer, in order of execution. The values are those of
// the C ABI.
type Stage int

// The stages; shapes with T tokens, k experts a token, R = T*k rows, H hidden, I intermediate.
const (
	Route     Stage = iota // topk ids [T,k] -> expert offsets and row permutation
	Quant                  // hidden [T,H] bf16 -> [R,H] e4m3 in expert order, scales [R,H/128]
	Up                     // x w1 [E,2I,H] -> [R,2I] bf16; switchable
	Act                    // silu(gate)*up, quantized -> [R,I] e4m3, scales [R,I/128]
	Down                   // x w2 [E,H,I] -> [R,H] bf16; switchable
	Combine                // weighted sum over k -> [T,H] bf16
	NumStages = 6
)

// Stages lists all stages in order.
func Stages() [NumStages]Stage { return [NumStages]Stage{Route, Quant, Up, Act, Down, Combine} }

func (s Stage) String() string {
	switch s {
	case Route:
		return "route"
	case Quant:
		return "quant"
	case Up:
		return "up"
	case Act:
		return "act"
	case Down:
		return "down"
	case Combine:
		return "combine"
	default:
		return fmt.Sprintf("stage(%d)", int(s))
	}
}

// Switchable reports whether expert specialization can be switched for the stage.
func (s Stage) Switchable() bool { return s == Up || s == Down }
