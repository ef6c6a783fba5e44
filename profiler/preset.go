package profiler

import (
	"regexp"
	"strconv"
	"strings"
)

// Preset is a model's MoE layer, whole: before it is divided over ranks.
type Preset struct {
	Name         string // what --model takes
	Title        string // for people
	Experts      int
	TopK         int
	Hidden       int
	Intermediate int    // of one expert
	Source       string // where the shape stands
}

// Workload returns the preset's whole layer with the default batch, routing and seed.
func (p Preset) Workload() Workload {
	w := CustomWorkload(p.Experts, p.TopK, p.Hidden, p.Intermediate)
	w.Model = p.Name
	return w
}

// Presets returns the known models, the one for the CPU engine last. Shapes are the fields
// n_routed_experts (or num_experts, num_local_experts), num_experts_per_tok, hidden_size and
// moe_intermediate_size (or intermediate_size) of the model's published configuration.
func Presets() []Preset {
	return []Preset{
		{"dsv3", "DeepSeek-V3", 256, 8, 7168, 2048, "config.json of deepseek-ai/DeepSeek-V3; DeepSeek-R1 is the same"},
		{"kimi-k2", "Kimi-K2", 384, 8, 7168, 2048, "config.json of moonshotai/Kimi-K2-Instruct"},
		{"qwen3-235b", "Qwen3-235B-A22B", 128, 8, 4096, 1536, "config.json of Qwen/Qwen3-235B-A22B"},
		{"qwen3-30b", "Qwen3-30B-A3B", 128, 8, 2048, 768, "config.json of Qwen/Qwen3-30B-A3B"},
		{"glm-4.5", "GLM-4.5", 160, 8, 5120, 1536, "config.json of zai-org/GLM-4.5"},
		{"mixtral-8x7b", "Mixtral-8x7B", 8, 2, 4096, 14336, "config.json of mistralai/Mixtral-8x7B-v0.1"},
		{TinyModel, "tiny", 16, 2, 256, 128, "no published model: small enough for the CPU reference engine"},
	}
}

// TinyModel is the preset that the CPU engine runs at 20 steps a second and more on two cores.
const TinyModel = "tiny"

func presetByName(name string) (Preset, bool) {
	for _, p := range Presets() {
		if p.Name == name {
			return p, true
		}
	}
	return Preset{}, false
}

var shardSuffix = regexp.MustCompile(`-(tp|ep)([0-9]{1,4})$`)

// ParseModel reads a preset's name with its shard, such as dsv3, dsv3-tp8, dsv3-ep8 or
// kimi-k2-tp2-ep8. The workload has the default batch, routing and seed. The error is an
// *ArgumentError that lists what is allowed.
func ParseModel(name string) (Workload, error) {
	refused := &ArgumentError{Field: "model", Value: strconv.Quote(name), Allowed: modelsAllowed()}
	rest := name
	shards := map[string]int{}
	for {
		m := shardSuffix.FindStringSubmatch(rest)
		if m == nil {
			break
		}
		n, err := strconv.Atoi(m[2])
		if _, twice := shards[m[1]]; err != nil || twice || n < 1 {
			return Workload{}, refused
		}
		shards[m[1]] = n
		rest = strings.TrimSuffix(rest, m[0])
	}
	p, ok := presetByName(rest)
	if !ok {
		return Workload{}, refused
	}
	return p.Workload().Shard(max(shards["tp"], 1), max(shards["ep"], 1))
}

func modelsAllowed() string {
	var names []string
	for _, p := range Presets() {
		names = append(names, p.Name)
	}
	return "one of " + strings.Join(names, ", ") + ", with -tpN or -epN for a shard, such as dsv3-tp8"
}
