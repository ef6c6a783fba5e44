package page

import (
	"strconv"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

// roofline is what a run did and, where that was measured, what its GPU can do.
type roofline struct {
	Ceilings *ceilings `json:"ceilings"`
	Points   []rate    `json:"points"`
}

// ceilings are the limits of the device.
type ceilings struct {
	ReadBytesPerS float64 `json:"read"`  // from DRAM
	L2BytesPerS   float64 `json:"l2"`    // from the L2 cache
	FlopsPerS     float64 `json:"flops"` // FP8, tensor cores
}

// rate is one side of a stage.
type rate struct {
	Name      string  `json:"name"`
	Stage     string  `json:"stage"`
	Class     string  `json:"class"`
	BytesPerS float64 `json:"bytes"`
	FlopsPerS float64 `json:"flops,omitempty"`     // with Intensity; of the tensor cores alone
	Intensity float64 `json:"intensity,omitempty"` // flops for each byte
	// Attainable is the share of the attainable speed, and Bound what keeps it there.
	Attainable float64 `json:"attainable,omitempty"`
	Bound      string  `json:"bound,omitempty"`
}

// rooflinePlot draws the work of the stages over their median times.
func rooflinePlot(p *saved.Point, work []profiler.StageWork, limits *ceilings) *Plot {
	data := roofline{Ceilings: limits}
	table := Table{Caption: "Work and rates", Head: []string{"stage", "ES", "MB a step", "MFLOP a step", "FLOP/byte", "GB/s", "TFLOP/s", "attainable, µs", "of attainable", "bound by"}}
	for i := range work {
		w := &work[i]
		stage, known := stageNamed(w.Name)
		if !known || w.Bytes <= 0 {
			continue
		}
		for side, t := range []*saved.Times{p.Stages[stage].Off, p.Stages[stage].On} {
			if t == nil || t.MedianUS <= 0 {
				continue
			}
			r := newRate(w, stage, side == 1, t.MedianUS)
			data.Points = append(data.Points, r)
			table.Rows = append(table.Rows, r.row(w))
		}
	}
	if len(data.Points) == 0 {
		return nil
	}
	description := "Left: arithmetic rate of the two grouped GEMMs, over their FLOPs for each byte that has to move, both axes logarithmic. Right: bytes a second of all stages. Bytes count each operand once, so that what the L2 cache serves again can exceed the memory's rate."
	if limits == nil {
		table.Head = table.Head[:7]
		description += " The ceilings of this device were not measured, so that the points stand alone; dotted lines are rates of equal bandwidth."
	} else {
		description += " Lines are the ceilings measured on this device; a dash is what the stage could attain there."
	}
	return &Plot{Kind: "roofline", Title: "Roofline", Description: description, Data: data, Tables: []Table{table}}
}

func stageNamed(name string) (profiler.Stage, bool) {
	for _, s := range profiler.Stages() {
		if s.String() == name {
			return s, true
		}
	}
	return 0, false
}

func newRate(w *profiler.StageWork, stage profiler.Stage, on bool, us float64) rate {
	r := rate{Name: w.Name, Stage: w.Name, Class: classOnly, BytesPerS: w.Bytes / us * 1e6}
	if stage.Switchable() {
		r.Name, r.Class = w.Name+" off", classOff
		if on {
			r.Name, r.Class = w.Name+" on", classOn
		}
	}
	// The roof is that of the tensor cores, which the sum in combine does not use.
	if stage.Switchable() && w.Flops != nil && *w.Flops > 0 {
		r.FlopsPerS, r.Intensity = *w.Flops/us*1e6, *w.Flops/w.Bytes
	}
	if w.AttainableUS != nil && w.Bound != nil {
		r.Attainable, r.Bound = *w.AttainableUS/us, boundName(*w.Bound)
	}
	return r
}

// boundName says for people what limits a stage.
func boundName(b profiler.Bound) string {
	switch b {
	case profiler.BoundDRAM:
		return "DRAM"
	case profiler.BoundL2:
		return "L2 cache"
	case profiler.BoundFlops:
		return "tensor cores"
	case profiler.BoundLaunch:
		return "an empty kernel"
	}
	return string(b)
}

// row is a stage's row of the table.
func (r *rate) row(w *profiler.StageWork) []Cell {
	side := map[string]string{classOnly: "no switch", classOff: "off", classOn: "on"}[r.Class]
	row := cells(w.Name, side, number(w.Bytes/1e6), "", "", number(r.BytesPerS/1e9), "")
	if w.Flops != nil {
		row[3].Text, row[4].Text = number(*w.Flops/1e6), number(*w.Flops/w.Bytes)
		row[6].Text = number(*w.Flops * r.BytesPerS / w.Bytes / 1e12)
	}
	if w.AttainableUS != nil {
		row = append(row, cells(number(*w.AttainableUS), strconv.FormatFloat(100*r.Attainable, 'f', 0, 64)+" %", r.Bound)...)
	}
	return row
}

// limits are the ceilings that a report holds; nil if they were not measured.
func limits(r *profiler.Report) *ceilings {
	c := r.Ceilings
	if c == nil || c.Valid() != nil {
		return nil
	}
	return &ceilings{ReadBytesPerS: c.ReadBytesPerS, L2BytesPerS: c.L2ReadBytesPerS, FlopsPerS: c.FP8FlopsPerS}
}
