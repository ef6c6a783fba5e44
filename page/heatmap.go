package page

import (
	"math"
	"slices"

	"github.com/moetop/moetop/profiler"
)

// heatMap is the ratios of a whole sweep.
type heatMap struct {
	Figures []string  `json:"figures"`
	Tokens  []int     `json:"tokens"`
	Steps   []float64 `json:"steps"` // where colours deepen
	Groups  []heatRow `json:"groups"`
}

type heatRow struct {
	Name   string        `json:"name"`
	Cells  [][]int       `json:"cells"`  // place in Tokens, then ratioCell of each figure
	Failed []failedPoint `json:"failed"` // nothing was measured
}

type failedPoint struct {
	Place int    `json:"place"`
	Text  string `json:"text"`
}

// heatPlot draws the gain of expert specialization over the tokens of all groups.
func heatPlot(all []group) *Plot {
	data := heatMap{Figures: figureNames(), Steps: heatSteps}
	for _, g := range all {
		for _, p := range g.points {
			data.Tokens = append(data.Tokens, p.Workload.Tokens)
		}
	}
	slices.Sort(data.Tokens)
	data.Tokens = slices.Compact(data.Tokens)
	drawn := false
	for _, g := range all {
		row := heatRow{Name: g.label, Failed: []failedPoint{}, Cells: [][]int{}}
		for _, p := range g.points {
			place, _ := slices.BinarySearch(data.Tokens, p.Workload.Tokens)
			if p.Failure != "" {
				row.Failed = append(row.Failed, failedPoint{place, p.Failure})
				continue
			}
			cell := []int{place}
			for _, r := range figures(p) {
				short := ratioCell(r)
				cell = append(cell, short[:]...)
				drawn = drawn || r != nil
			}
			row.Cells = append(row.Cells, cell)
		}
		data.Groups = append(data.Groups, row)
	}
	if !drawn {
		return nil
	}
	return &Plot{
		Kind: "heat", Title: "Where expert specialization pays",
		Description: "Off divided by on over the tokens of a batch: ▲ and green where expert specialization is faster, ▼ and pink where it is slower, grey without a sign where the 95% interval contains 1, × where nothing could be measured. The figures are in the tables below.",
		Data:        data,
	}
}

// heatUnit is the unit of ratioCell.
const heatUnit = 10_000

// ratioCell is a ratio, and how far its interval reaches below and above it, in units of 1/heatUnit: a
// large sweep has tens of thousands of them. An interval keeps its side of 1, on which the colour
// hangs. Zeros stand for a ratio that was not measured.
func ratioCell(r *profiler.Ratio) [3]int {
	if r == nil {
		return [3]int{}
	}
	whole := func(v float64) int { return int(math.Round(v * heatUnit)) }
	value, low, high := whole(r.Value), whole(r.Low), whole(r.High)
	switch {
	case r.Low > 1:
		low = max(low, heatUnit+1)
	case r.High < 1:
		high = min(high, heatUnit-1)
	default:
		low, high = min(low, heatUnit), max(high, heatUnit)
	}
	return [3]int{value, value - low, high - value}
}
