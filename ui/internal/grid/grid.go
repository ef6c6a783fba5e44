// Package grid is a screen of character cells. Panels draw into areas of it, and one pass turns it
// into the string that the terminal program takes. Every cell is exactly one column wide, so every
// line is exactly as wide as the grid, whatever text comes in.
package grid

import (
	"strings"
)

// Style is an index into the table of escape sequences that Render is given. Style 0 is plain text.
type Style uint8

// Rect is a rectangle of cells; X and Y count from the upper left corner of the screen.
type Rect struct{ X, Y, W, H int }

// Empty reports whether the rectangle holds no cell.
func (r Rect) Empty() bool { return r.W <= 0 || r.H <= 0 }

// Inset returns the rectangle without a border of one cell.
func (r Rect) Inset() Rect { return Rect{r.X + 1, r.Y + 1, max(r.W-2, 0), max(r.H-2, 0)} }

type cell struct {
	r rune
	s Style
}

// Grid holds W x H cells.
type Grid struct {
	w, h   int
	ascii  bool
	cells  []cell
	length int // of the newest string that was rendered
}

// New returns a grid of blanks. With ascii set, whatever is not ASCII is replaced on the way in.
func New(w, h int, ascii bool) *Grid {
	g := &Grid{}
	g.Reset(w, h, ascii)
	return g
}

// Reset makes the grid blank and gives it a size, keeping its memory.
func (g *Grid) Reset(w, h int, ascii bool) {
	g.w, g.h, g.ascii = max(w, 0), max(h, 0), ascii
	n := g.w * g.h
	if cap(g.cells) < n {
		g.cells = make([]cell, n)
	}
	g.cells = g.cells[:n]
	for i := range g.cells {
		g.cells[i] = cell{r: ' '}
	}
}

// Area returns the part of the grid under a rectangle, cut to the grid.
func (g *Grid) Area(r Rect) Area {
	x0, y0 := max(r.X, 0), max(r.Y, 0)
	x1, y1 := min(r.X+r.W, g.w), min(r.Y+r.H, g.h)
	return Area{g: g, rect: Rect{x0, y0, max(x1-x0, 0), max(y1-y0, 0)}}
}

// All returns the whole grid.
func (g *Grid) All() Area { return g.Area(Rect{0, 0, g.w, g.h}) }

const reset = "\x1b[m"

// Render returns the lines of the grid, joined by line feeds. sequences[s] is written before a run
// of cells of style s, and a reset after it; an empty sequence writes neither.
func (g *Grid) Render(sequences []string) string {
	var b strings.Builder
	b.Grow(max(g.length+g.length/16, len(g.cells)*2))
	for y := range g.h {
		if y > 0 {
			b.WriteByte('\n')
		}
		g.renderLine(&b, g.cells[y*g.w:(y+1)*g.w], sequences)
	}
	g.length = b.Len()
	return b.String()
}

// blankRun is how many blanks are worth leaving a style for.
const blankRun = 4

func (g *Grid) renderLine(b *strings.Builder, line []cell, sequences []string) {
	current, style := "", Style(0)
	change := func(want string) {
		if want != current {
			if current != "" {
				b.WriteString(reset)
			}
			b.WriteString(want)
			current = want
		}
	}
	for i := 0; i < len(line); i++ {
		// A colour that nothing is written in would make the terminal program compare it cell by cell.
		if n := blanks(line[i:]); n >= blankRun {
			change("")
			for range n {
				b.WriteByte(' ')
			}
			i += n - 1
			continue
		}
		if c := line[i]; current == "" || c.s != style {
			style = c.s
			if int(style) < len(sequences) {
				change(sequences[style])
			} else {
				change("")
			}
		}
		b.WriteRune(line[i].r)
	}
	change("")
}

// blanks counts the cells at the beginning of a line in which there is nothing, not even a background.
func blanks(line []cell) (n int) {
	for n < len(line) && line[n] == (cell{r: ' '}) {
		n++
	}
	return n
}
