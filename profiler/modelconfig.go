package profiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// maxModelConfig is far more than a model's config.json has.
const maxModelConfig = 16 << 20

// configField is a figure of the shape under the names that models give it, the most telling first.
type configField struct {
	means    string
	names    []string
	low      int64
	high     int64
	multiple int64
}

// shapeFields lists the shape in the order of CustomWorkload's arguments. The names are those of
// deepseek_v3, kimi_k2 and glm4_moe (n_routed_experts), qwen3_moe (num_experts), mixtral
// (num_local_experts, and intermediate_size for what an expert alone has) and their relatives.
func shapeFields() [4]configField {
	return [4]configField{
		{"the number of experts", []string{"n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts"}, 2, 1 << 20, 1},
		{"the experts of a token", []string{"num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_topk", "moe_k"}, 1, MaxTopK, 1},
		{"the hidden size", []string{"hidden_size"}, BlockWidth, MaxWidth, BlockWidth},
		{"the intermediate size of an expert", []string{"moe_intermediate_size", "expert_intermediate_size"}, BlockWidth, MaxWidth, BlockWidth},
	}
}

// nestedConfigs are where models that also see or hear keep what their language model is.
var nestedConfigs = []string{"text_config", "llm_config", "language_config"}

// ReadModelConfig reads the shape of a model's MoE layer from its Hugging Face config.json.
func ReadModelConfig(path string) (Workload, error) {
	file, err := os.Open(path)
	if err != nil {
		return Workload{}, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxModelConfig+1))
	if err != nil {
		return Workload{}, err
	}
	if len(data) > maxModelConfig {
		return Workload{}, fmt.Errorf("it has more than %d bytes: a model's config.json is allowed", maxModelConfig)
	}
	return ParseModelConfig(data)
}

// ParseModelConfig reads the text of a config.json. The workload is the whole layer with the default
// batch, routing and seed, and takes its name from model_type. Errors name the field that is missing
// or wrong.
func ParseModelConfig(data []byte) (Workload, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	var config map[string]json.RawMessage
	if err := decoder.Decode(&config); err != nil {
		return Workload{}, fmt.Errorf("it is no JSON object as a model's config.json is: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Workload{}, errors.New("something follows the JSON object: a config.json is one object alone")
	}
	config = languageModel(config)
	fields := shapeFields()
	if name, _ := find(config, fields[0].names); name == "" {
		return Workload{}, fmt.Errorf("%s: it has none of the fields %s, so its model is dense: a Mixture-of-Experts model is allowed",
			describeType(config), strings.Join(fields[0].names, ", "))
	}
	if name, _ := find(config, fields[3].names); name == "" {
		// Without dense layers beside the experts there is one intermediate size, that of an expert.
		fields[3].names = append(fields[3].names, "intermediate_size")
	}
	var shape [4]int
	for i, field := range fields {
		n, err := field.read(config)
		if err != nil {
			return Workload{}, fmt.Errorf("%s: %w", describeType(config), err)
		}
		shape[i] = n
	}
	if experts, topK := shape[0], shape[1]; topK > experts {
		return Workload{}, fmt.Errorf("%s: %s %d is not allowed: at most the %d experts are",
			describeType(config), fields[1].means, topK, experts)
	}
	w := CustomWorkload(shape[0], shape[1], shape[2], shape[3])
	w.Model = modelType(config)
	return w, nil
}

// languageModel descends to the part with the experts where the figures do not stand at the top.
func languageModel(config map[string]json.RawMessage) map[string]json.RawMessage {
	experts := shapeFields()[0].names
	if name, _ := find(config, experts); name != "" {
		return config
	}
	for _, name := range nestedConfigs {
		var nested map[string]json.RawMessage
		if json.Unmarshal(config[name], &nested) != nil {
			continue
		}
		if found, _ := find(nested, experts); found != "" {
			return nested
		}
	}
	return config
}

// find returns the first of the names that says anything; null says nothing.
func find(config map[string]json.RawMessage, names []string) (name, value string) {
	for _, name := range names {
		if raw, ok := config[name]; ok && string(raw) != "null" {
			return name, string(raw)
		}
	}
	return "", ""
}

func (f configField) read(config map[string]json.RawMessage) (int, error) {
	name, value := find(config, f.names)
	if name == "" {
		return 0, fmt.Errorf("%s is missing: one of the fields %s has to give it", f.means, strings.Join(f.names, ", "))
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < f.low || n > f.high || n%f.multiple != 0 {
		allowed := fmt.Sprintf("a whole number from %d to %d", f.low, f.high)
		if f.multiple > 1 {
			allowed = fmt.Sprintf("a multiple of %d from %d to %d", f.multiple, f.low, f.high)
		}
		return 0, fmt.Errorf("%s %s is not allowed: %s is", name, clip([]byte(value)), allowed)
	}
	return int(n), nil
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._]{0,63}$`)

// modelType is the name that a report shows. One that could be taken for a preset, or is no plain
// word, is not used.
func modelType(config map[string]json.RawMessage) string {
	var name string
	if json.Unmarshal(config["model_type"], &name) != nil || !plainName.MatchString(name) {
		return CustomModel
	}
	if _, preset := presetByName(name); preset {
		return CustomModel
	}
	return name
}

// describeType says for people what the file calls its model.
func describeType(config map[string]json.RawMessage) string {
	if raw, ok := config["model_type"]; ok {
		return "model_type " + string(clip(raw))
	}
	return "no model_type"
}
