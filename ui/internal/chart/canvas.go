// Package chart draws line charts, sparklines and gauges on cells: braille dots and eighth blocks, or
// plain ASCII.
package chart

import (
	"math"

	"github.com/moetop/moetop/ui/internal/grid"
)

// Dots of a braille cell.
const (
	dotColumns = 2
	dotRows    = 4
)

// brailleBase is the empty braille cell; brailleBits are the bits of its dots by column and row.
const brailleBase = 0x2800

func brailleBit(x, y int) byte {
	bits := [dotColumns][dotRows]byte{{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}
	return bits[x][y]
}

// Canvas is a field of dots, 2 x 4 to a cell.
type Canvas struct {
	w, h  int // cells
	cells []byte
}

// NewCanvas returns an empty canvas of w x h cells.
func NewCanvas(w, h int) *Canvas {
	w, h = max(w, 0), max(h, 0)
	return &Canvas{w: w, h: h, cells: make([]byte, w*h)}
}

// DotWidth returns the number of dots across.
func (c *Canvas) DotWidth() int { return c.w * dotColumns }

// DotHeight returns the number of dots down.
func (c *Canvas) DotHeight() int { return c.h * dotRows }

// Dot sets one dot; (0, 0) is the upper left one. Dots outside are ignored.
func (c *Canvas) Dot(x, y int) {
	if x < 0 || y < 0 || x >= c.DotWidth() || y >= c.DotHeight() {
		return
	}
	c.cells[y/dotRows*c.w+x/dotColumns] |= brailleBit(x%dotColumns, y%dotRows)
}

// Line sets the dots from one point to another.
func (c *Canvas) Line(x0, y0, x1, y1 int) {
	dx, dy := x1-x0, y1-y0
	steps := max(absolute(dx), absolute(dy))
	if steps == 0 {
		c.Dot(x0, y0)
		return
	}
	for i := range steps + 1 {
		t := float64(i) / float64(steps)
		c.Dot(x0+int(math.Round(t*float64(dx))), y0+int(math.Round(t*float64(dy))))
	}
}

// Column sets the dots of a column from y down to the bottom: cell by cell, since areas have many dots.
func (c *Canvas) Column(x, y int) {
	if x < 0 || x >= c.DotWidth() {
		return
	}
	y = max(y, 0)
	for ; y%dotRows != 0 && y < c.DotHeight(); y++ {
		c.Dot(x, y)
	}
	whole := byte(0)
	for dot := range dotRows {
		whole |= brailleBit(x%dotColumns, dot)
	}
	for row := y / dotRows; row < c.h; row++ {
		c.cells[row*c.w+x/dotColumns] |= whole
	}
}

// Draw puts every cell that holds a dot into the area, from its upper left corner.
func (c *Canvas) Draw(area grid.Area, s grid.Style, ascii bool) {
	for y := range c.h {
		for x := range c.w {
			bits := c.cells[y*c.w+x]
			if bits == 0 {
				continue
			}
			r := rune(brailleBase) + rune(bits)
			if ascii {
				r = asciiCell(bits)
			}
			area.Set(x, y, r, s)
		}
	}
}

// asciiCell picks the character that shows best where in the cell the dots are.
func asciiCell(bits byte) rune {
	var rows [dotRows]bool
	n := 0
	for y := range dotRows {
		rows[y] = bits&(brailleBit(0, y)|brailleBit(1, y)) != 0
		if rows[y] {
			n++
		}
	}
	switch {
	case n == dotRows:
		return '|'
	case n > 1 && rows[0] && rows[dotRows-1]:
		return ':'
	case rows[0]:
		return '\''
	case rows[1] || rows[2]:
		return '-'
	default:
		return '_'
	}
}

func absolute(v int) int {
	if v < 0 {
		return -v
	}
	return v
}
