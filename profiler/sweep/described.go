package sweep

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/moetop/moetop/profiler"
)

// Described is a model whose shape its config.json gives. The shape is kept, too: the file may change.
type Described struct {
	ConfigJSON string            `json:"config_json"` // path
	Workload   profiler.Workload `json:"workload"`    // its shape and shard; the rest is that of the points
}

// Describe adds a model that a file describes.
func (p *Plan) Describe(path string, w profiler.Workload) {
	p.Described = &Described{ConfigJSON: path, Workload: w}
	p.Models = append(p.Models, w.Name())
}

// Flags are the arguments that choose the model.
func (d *Described) Flags() []string {
	return []string{"--config-json=" + d.ConfigJSON, "--tp=" + strconv.Itoa(d.Workload.TP), "--ep=" + strconv.Itoa(d.Workload.EP)}
}

// Presets are the models that have a name.
func (p *Plan) Presets() []string {
	return slices.DeleteFunc(slices.Clone(p.Models), func(name string) bool {
		return p.Described != nil && name == p.Described.Workload.Name()
	})
}

// shape is the layer of one of the models.
func (p *Plan) shape(model string) (profiler.Workload, error) {
	if p.Described != nil && p.Described.Workload.Name() == model {
		return p.Described.Workload, nil
	}
	return profiler.ParseModel(model)
}

// CheckDescribed refuses another plan in which a model has the same name and another shape: the points
// that are there would not be told from new ones.
func (p *Plan) CheckDescribed(other *Plan) error {
	a, b := p.Described, other.Described
	if a == nil || b == nil || a.Workload.Name() != b.Workload.Name() || a.Workload == b.Workload {
		return nil
	}
	return fmt.Errorf("its points of %s have another shape than %s gives now: sweep that model into a file of its own",
		a.Workload.Name(), b.ConfigJSON)
}
