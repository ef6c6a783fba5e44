package page

import (
	"math"
	"strconv"
)

// px is a length of a drawing. A tenth of a unit is finer than any screen.
type px float64

func (p px) String() string { return strconv.FormatFloat(math.Round(float64(p)*10)/10, 'f', -1, 64) }

// Chart is a drawing with all that a reader who does not see it needs.
type Chart struct {
	ID            string
	Title         string
	Description   string
	Width, Height px
	Rects         []rect
	Lines         []line
	Paths         []path
	Labels        []label
	Legend        []legend
	Table         Table
	Events        Table // of a timeline
}

// The shapes; Class says what it is, and the style sheet how that looks. Tip is shown under a mouse.
type (
	rect struct {
		Class               string
		X, Y, Width, Height px
		Tip                 string
	}
	line struct {
		Class          string
		X1, Y1, X2, Y2 px
		Tip            string
	}
	path struct {
		Class, D string
	}
	label struct {
		Class string // start, middle or end is where the text is anchored
		X, Y  px
		Text  string
	}
	legend struct{ Class, Text string }
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

// scale maps values to places.
type scale struct {
	low, high float64
	from, to  px
	log       bool
}

func (s scale) at(v float64) px {
	low, high := s.low, s.high
	if s.log {
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	if high <= low {
		return s.from
	}
	share := min(max((v-low)/(high-low), 0), 1)
	return s.from + px(share)*(s.to-s.from)
}

// ticks returns about n round values within the scale.
func (s scale) ticks(n int) []float64 {
	var ticks []float64
	if s.log {
		for _, factor := range []float64{1, 2, 5} {
			for e := math.Floor(math.Log10(s.low)); e <= math.Ceil(math.Log10(s.high)); e++ {
				v := factor * math.Pow(10, e)
				// Over many decades only their beginnings have room.
				if v >= s.low && v <= s.high && (factor == 1 || math.Log10(s.high/s.low) < 3) {
					ticks = append(ticks, v)
				}
			}
		}
		return ticks
	}
	span := s.high - s.low
	if span <= 0 {
		return []float64{s.low}
	}
	step := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if span/(step*factor) <= float64(n) {
			step *= factor
			break
		}
	}
	for i := math.Ceil(s.low / step); i*step <= s.high*(1+1e-12); i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
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

// axisX draws a horizontal axis below a plot, with a grid.
func (c *Chart) axisX(s scale, top, bottom px, n int) {
	for _, v := range s.ticks(n) {
		x := s.at(v)
		c.Lines = append(c.Lines, line{Class: "grid", X1: x, Y1: top, X2: x, Y2: bottom})
		c.Labels = append(c.Labels, label{"tick middle", x, bottom + 14, number(v)})
	}
}

// axisY draws a vertical axis left of a plot, with a grid.
func (c *Chart) axisY(s scale, left, right px, n int) {
	for _, v := range s.ticks(n) {
		y := s.at(v)
		c.Lines = append(c.Lines, line{Class: "grid", X1: left, Y1: y, X2: right, Y2: y})
		c.Labels = append(c.Labels, label{"tick end", left - 6, y + 4, number(v)})
	}
}

// trace writes a path through points.
func trace(xs, ys []px) string {
	var d []byte
	for i := range xs {
		letter := byte('L')
		if i == 0 {
			letter = 'M'
		}
		d = append(d, letter)
		d = append(d, xs[i].String()...)
		d = append(d, ' ')
		d = append(d, ys[i].String()...)
	}
	return string(d)
}
