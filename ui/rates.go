package ui

import (
	"math"

	"github.com/moetop/moetop/ui/internal/grid"
)

// rates are what a row of the stage table achieves, by the work that the routing asks of it and the
// time of its shown side. NaN where it is not known or means nothing.
func (t stageTable) rates(row tableRow) (teraflops, gigabytes float64) {
	teraflops, gigabytes = math.NaN(), math.NaN()
	side := t.shown(row)
	if row.kind == rowGap || t.workload == nil || side == nil || side.MedianUS <= 0 {
		return teraflops, gigabytes
	}
	var bytes, flops float64
	for _, w := range t.workload.Work {
		if row.kind != rowLayer && w.Name != row.name {
			continue
		}
		bytes += w.Bytes
		if w.Flops != nil {
			flops += *w.Flops
		}
	}
	if flops > 0 {
		teraflops = flops / side.MedianUS / 1e6
	}
	if bytes > 0 {
		gigabytes = bytes / side.MedianUS / 1e3
	}
	return teraflops, gigabytes
}

func (t stageTable) flopsCell(row tableRow) (string, grid.Style) {
	teraflops, _ := t.rates(row)
	return rateText(teraflops), styleText
}

func (t stageTable) bytesCell(row tableRow) (string, grid.Style) {
	_, gigabytes := t.rates(row)
	return rateText(gigabytes), styleText
}

// attainedText is a share in at most four columns; beyond 100 it is shown as it is.
func attainedText(percent float64) string {
	switch {
	case percent >= 999.5:
		return ">999"
	case percent < 0.5:
		return "<1%"
	default:
		return formatFixed(percent, 0) + "%"
	}
}

func (t stageTable) attainedCell(row tableRow) (string, grid.Style) {
	if row.kind == rowGap {
		return "", styleMuted
	}
	if row.attained == nil {
		return none, styleMuted
	}
	return attainedText(*row.attained), styleText
}

// rateText formats a rate with about three digits.
func rateText(v float64) string {
	switch {
	case math.IsNaN(v):
		return none
	case v < 0.0995:
		return formatFixed(v, 3)
	case v < 9.95:
		return formatFixed(v, 2)
	case v < 99.5:
		return formatFixed(v, 1)
	default:
		return formatFixed(v, 0)
	}
}
