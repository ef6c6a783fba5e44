package page

import (
	"math"
	"strconv"
)

// Table holds figures; the first cell of a row names it.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]Cell
}

// Cell is a cell of a table; the class colours it.
type Cell struct {
	Text  string
	Class string
}

func cells(texts ...string) []Cell {
	row := make([]Cell, len(texts))
	for i, text := range texts {
		row[i].Text = text
	}
	return row
}

// number writes a figure with three digits or more.
func number(v float64) string {
	switch size := math.Abs(v); {
	case size >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case size >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
}

// exact writes a figure as the input has it, to a tenth of a nanosecond: what follows is noise of the
// arithmetic.
func exact(v float64) string {
	return strconv.FormatFloat(tidy(v), 'f', -1, 64)
}

// tidy is what exact writes, as a number for a plot.
func tidy(v float64) float64 { return math.Round(v*1e4) / 1e4 }

// probability writes a p-value.
func probability(p float64) string {
	switch {
	case p < 1e-4:
		return "< 0.0001"
	default:
		return strconv.FormatFloat(p, 'g', 2, 64)
	}
}
