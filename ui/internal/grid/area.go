package grid

// Area is a part of a grid with coordinates of its own. What is drawn outside it is cut off.
type Area struct {
	g    *Grid
	rect Rect
}

// Width returns the columns of the area.
func (a Area) Width() int { return a.rect.W }

// Height returns the lines of the area.
func (a Area) Height() int { return a.rect.H }

// Sub returns a part of the area, cut to it.
func (a Area) Sub(r Rect) Area {
	x0, y0 := max(r.X, 0), max(r.Y, 0)
	x1, y1 := min(r.X+r.W, a.rect.W), min(r.Y+r.H, a.rect.H)
	return Area{g: a.g, rect: Rect{a.rect.X + x0, a.rect.Y + y0, max(x1-x0, 0), max(y1-y0, 0)}}
}

// Inner returns the area without a border of one cell.
func (a Area) Inner() Area { return a.Sub(Rect{1, 1, a.rect.W - 2, a.rect.H - 2}) }

// Line returns one line of the area.
func (a Area) Line(y int) Area { return a.Sub(Rect{0, y, a.rect.W, 1}) }

// Set draws one cell.
func (a Area) Set(x, y int, r rune, s Style) {
	if x < 0 || y < 0 || x >= a.rect.W || y >= a.rect.H {
		return
	}
	a.g.cells[(a.rect.Y+y)*a.g.w+a.rect.X+x] = cell{a.g.safe(r), s}
}

// Print writes text from x on and returns the column after it. Text that does not fit is cut at the
// right edge of the area, with an ellipsis in its last column.
func (a Area) Print(x, y int, text string, s Style) int {
	if y < 0 || y >= a.rect.H {
		return x
	}
	for _, r := range text {
		if x >= a.rect.W {
			a.Set(a.rect.W-1, y, '…', s)
			return a.rect.W
		}
		a.Set(x, y, r, s)
		x++
	}
	return x
}

// PrintRight writes text so that its last column is the one before x.
func (a Area) PrintRight(x, y int, text string, s Style) int {
	start := x - Width(text)
	a.Print(start, y, text, s)
	return start
}

// Fill draws one rune into every cell.
func (a Area) Fill(r rune, s Style) {
	for y := range a.rect.H {
		for x := range a.rect.W {
			a.Set(x, y, r, s)
		}
	}
}

// Restyle gives every cell another style and leaves the text.
func (a Area) Restyle(s Style) {
	for y := range a.rect.H {
		start := (a.rect.Y+y)*a.g.w + a.rect.X
		line := a.g.cells[start : start+a.rect.W]
		for i := range line {
			line[i].s = s
		}
	}
}

// Border is the set of runes that a box is drawn with.
type Border struct{ TopLeft, Top, TopRight, Side, BottomLeft, BottomRight rune }

// Box draws a border around the area.
func (a Area) Box(b Border, s Style) {
	w, h := a.rect.W, a.rect.H
	for x := 1; x < w-1; x++ {
		a.Set(x, 0, b.Top, s)
		a.Set(x, h-1, b.Top, s)
	}
	for y := 1; y < h-1; y++ {
		a.Set(0, y, b.Side, s)
		a.Set(w-1, y, b.Side, s)
	}
	a.Set(0, 0, b.TopLeft, s)
	a.Set(w-1, 0, b.TopRight, s)
	a.Set(0, h-1, b.BottomLeft, s)
	a.Set(w-1, h-1, b.BottomRight, s)
}

// Width returns the columns that Print takes for a text.
func Width(text string) int {
	n := 0
	for range text {
		n++
	}
	return n
}
