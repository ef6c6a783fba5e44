package ui

import (
	"math"

	"github.com/moetop/moetop/profiler"
)

// rowKind says how a row of the stage table is drawn.
type rowKind int

const (
	rowStage  rowKind = iota // a stage without a switch
	rowSwitch                // a stage with one
	rowGap                   // idle time
	rowLayer                 // the whole step
)

// tableRow is one row of the stage table. Nil is "no value".
type tableRow struct {
	kind    rowKind
	name    string
	key     string // that flips the stage
	stage   profiler.Stage
	mask    profiler.ESMask // of a layer row: what its on column holds
	now     *float64
	off, on *profiler.Summary
	against *profiler.Summary // what a plain quotient compares on with
	ratio   *profiler.Ratio
	// attained is the share of the attainable speed that the shown side reaches, in percent.
	attained *float64
	deploy   bool // the verdict names this layer row
	base     bool // the layer row that the others are compared with
}

// rows are the table's rows from top to bottom. A tall table has a layer row for each tuple.
func (t stageTable) rows() []tableRow {
	rows := make([]tableRow, 0, tableLinesTall)
	for _, stage := range profiler.Stages() {
		rows = append(rows, t.stageRow(stage))
	}
	var steps profiler.StepStats
	if t.sample != nil {
		steps = t.sample.Steps
	}
	rows = append(rows,
		tableRow{kind: rowGap, name: "gaps", off: steps.GapUS, now: last(steps.GapUS)},
		tableRow{kind: rowGap, name: "launch", off: steps.LaunchGapUS, now: last(steps.LaunchGapUS)})
	if !t.tall {
		return append(rows, t.layerRow(&steps, t.layerMask(&steps)))
	}
	for mask := range profiler.ESMask(profiler.NumMasks) {
		rows = append(rows, t.layerRow(&steps, mask))
	}
	return rows
}

func last(s *profiler.Summary) *float64 {
	if s == nil {
		return nil
	}
	return &s.LastUS
}

// stageKeys flip the stages that have a switch.
func stageKeys() map[profiler.Stage]string {
	return map[profiler.Stage]string{profiler.Up: "u", profiler.Down: "d"}
}

func (t stageTable) stageRow(stage profiler.Stage) tableRow {
	row := tableRow{kind: rowStage, name: stage.String(), stage: stage}
	if stage.Switchable() {
		row.kind = rowSwitch
	}
	if stage.Switchable() && !t.replayed() {
		row.key = stageKeys()[stage]
	}
	if t.sample == nil {
		return row
	}
	for i := range t.sample.Stages {
		if s := &t.sample.Stages[i]; s.Name == row.name {
			row.now, row.off, row.on, row.against, row.ratio = s.LastUS, s.Off, s.On, s.Off, s.Ratio
			row.attained = s.AttainablePercent
		}
	}
	return row
}

// layerMask is the mask whose step stands beside off,off where there is one row only: what the
// verdict names, what runs, or what was measured last.
func (t stageTable) layerMask(steps *profiler.StepStats) profiler.ESMask {
	if t.sample == nil {
		return profiler.ESBoth
	}
	if m, ok := verdictMask(t.sample.Verdict); ok && m != profiler.ESOff {
		return m
	}
	if !t.sample.AB && t.sample.ES != profiler.ESOff {
		return t.sample.ES
	}
	best := profiler.ESBoth
	for _, m := range []profiler.ESMask{profiler.ESUp, profiler.ESDown} {
		a, b := steps.Mask(m), steps.Mask(best)
		if a != nil && (b == nil || t.better(a, b)) {
			best = m
		}
	}
	if !t.sample.AB && steps.Mask(best) == nil {
		return profiler.ESOff
	}
	return best
}

// better prefers the faster step in A/B mode and the newer one elsewhere.
func (t stageTable) better(a, b *profiler.Summary) bool {
	if t.sample.AB {
		return a.MedianUS < b.MedianUS
	}
	return a.MeasuredAt.After(b.MeasuredAt)
}

func (t stageTable) layerRow(steps *profiler.StepStats, mask profiler.ESMask) tableRow {
	row := tableRow{kind: rowLayer, name: "layer", mask: mask, against: steps.OffOff}
	row.base = mask == profiler.ESOff
	if row.base || !t.tall {
		row.off = steps.OffOff
	}
	if !row.base {
		row.on = steps.Mask(mask)
	}
	row.ratio = ratioOf(steps, mask)
	row.attained = t.layerAttained(row)
	if t.sample == nil {
		return row
	}
	if m, ok := verdictMask(t.sample.Verdict); ok {
		row.deploy = m == mask
	}
	switch {
	case !t.tall && !t.sample.AB:
		row.now = last(steps.Mask(t.sample.ES))
	case t.sample.AB || mask == t.sample.ES:
		row.now = last(steps.Mask(mask))
	}
	return row
}

// ratioOf is how many times as fast the layer is with a mask; nil for off and outside A/B mode.
func ratioOf(steps *profiler.StepStats, mask profiler.ESMask) *profiler.Ratio {
	return [profiler.NumMasks]*profiler.Ratio{nil, steps.OnOffRatio, steps.OffOnRatio, steps.OnOnRatio}[mask]
}

// verdictMask returns the tuple that the verdict names; ok is false while there is none.
func verdictMask(v profiler.Verdict) (m profiler.ESMask, ok bool) {
	if v.EnableES == nil {
		return 0, false
	}
	return profiler.ESOff.With(profiler.Up, v.EnableES[0]).With(profiler.Down, v.EnableES[1]), true
}

// running is the summary of the side that runs now, or nil.
func (t stageTable) running(row tableRow) *profiler.Summary {
	switch {
	case t.sample == nil:
		return nil
	case row.kind == rowStage || row.kind == rowGap:
		return row.off
	case t.sample.AB:
		return nil
	case row.kind == rowLayer:
		return t.sample.Steps.Mask(t.sample.ES)
	case t.sample.ES.Has(row.stage):
		return row.on
	default:
		return row.off
	}
}

// shown is the side that rates are worked out from: what runs, in A/B mode what the verdict would
// deploy (ES off until there is one). A layer row that has a tuple of its own goes by that.
func (t stageTable) shown(row tableRow) *profiler.Summary {
	switch {
	case t.sample == nil:
		return nil
	case row.kind == rowLayer && (t.tall || t.sample.AB):
		return t.sample.Steps.Mask(row.mask)
	case row.kind == rowLayer:
		return t.sample.Steps.Mask(t.sample.ES)
	case t.sample.ShownMask().Has(row.stage):
		return row.on
	default:
		return row.off
	}
}

// layerAttained is the share of the attainable speed that the whole step reaches with a row's mask.
func (t stageTable) layerAttained(row tableRow) *float64 {
	side := t.shown(row)
	if side == nil || side.MedianUS <= 0 || t.workload == nil {
		return nil
	}
	us := profiler.LayerAttainableUS(t.workload.Work)
	if us == nil {
		return nil
	}
	percent := 100 * *us / side.MedianUS
	return &percent
}

// share is the part of the step that the row takes, with what runs now; in A/B mode with ES off.
// NaN if it is not known.
func (t stageTable) share(row tableRow) float64 {
	if t.sample == nil || row.kind == rowLayer || row.name == "launch" {
		return math.NaN()
	}
	part, whole := t.running(row), t.sample.Steps.Mask(t.sample.ES)
	if t.sample.AB {
		whole = t.sample.Steps.OffOff
		if part == nil {
			part = row.off
		}
	}
	if part == nil || whole == nil || whole.MedianUS <= 0 {
		return math.NaN()
	}
	return part.MedianUS / whole.MedianUS
}
