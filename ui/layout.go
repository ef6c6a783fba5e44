package ui

import "github.com/moetop/moetop/ui/internal/grid"

// Sizes that the layout knows. A terminal that claims to have no size counts as the standard one.
const (
	standardWidth  = 80
	standardHeight = 24
)

// MinWidth and MinHeight are the cells of the smallest terminal on which the screen shows figures.
const (
	MinWidth  = 60
	MinHeight = 16
)

// Lines that the panels need: the table's heading, six stages, two gaps, one or four layer rows.
const (
	tableLines     = 1 + 6 + 2 + 1
	tableLinesTall = tableLines + 3
	compactTable   = 1 + 6 + 1 + 1
)

// screenMode says what else than size a layout depends on.
type screenMode struct {
	Banner int  // lines that the banner needs, 0 without one
	Whole  bool // one panel takes the place of all
}

// regions are the rectangles of a screen; one that is not shown is empty.
type regions struct {
	TooSmall bool
	Compact  bool // no boxes, and the GPU in two lines
	Tall     bool // room for a row for each tuple
	Header   grid.Rect
	Banner   grid.Rect // below the panels, so that no row moves from under the mouse when it comes
	Stages   grid.Rect
	GPU      grid.Rect
	Chart    grid.Rect
	Body     grid.Rect // in place of the three before
	Verdict  grid.Rect
	Footer   grid.Rect
}

// screenSize returns the size to lay out for.
func screenSize(width, height int) (int, int) {
	if width <= 0 {
		width = standardWidth
	}
	if height <= 0 {
		height = standardHeight
	}
	return width, height
}

// layout divides a screen. The rectangles lie inside the screen and never overlap.
func layout(width, height int, mode screenMode) regions {
	width, height = screenSize(width, height)
	if width < MinWidth || height < MinHeight {
		return regions{TooSmall: true}
	}
	if width < standardWidth || height < standardHeight {
		return layoutCompact(width, height, mode)
	}
	return layoutFull(width, height, mode)
}

// column deals out lines from the top of a screen.
type column struct{ width, y, left int }

func (c *column) take(lines int) grid.Rect {
	lines = min(max(lines, 0), c.left)
	r := grid.Rect{X: 0, Y: c.y, W: c.width, H: lines}
	c.y += lines
	c.left -= lines
	if lines == 0 {
		return grid.Rect{}
	}
	return r
}

func layoutCompact(width, height int, mode screenMode) regions {
	c := column{width: width, left: height}
	r := regions{Compact: true}
	// The verdict and the footer are never given up, so they are counted before the rest.
	foot := min(mode.Banner, 1) + 2
	r.Header = c.take(2)
	if mode.Whole {
		r.Body = c.take(c.left - foot)
		r.Banner = c.take(foot - 2)
		r.Verdict = c.take(1)
		r.Footer = c.take(1)
		return r
	}
	r.Stages = c.take(compactTable)
	r.GPU = c.take(min(2, c.left-foot))
	r.Chart = c.take(c.left - foot)
	r.Banner = c.take(foot - 2)
	r.Verdict = c.take(1)
	r.Footer = c.take(1)
	return r
}

func layoutFull(width, height int, mode screenMode) regions {
	c := column{width: width, left: height}
	var r regions
	r.Header = c.take(2)
	banner, verdict, footer := min(mode.Banner, 2), 2, 1
	if height >= 30 {
		footer = 2
	}
	middle := c.left - verdict - footer
	if mode.Whole {
		r.Body = c.take(middle - banner)
		r.Banner = c.take(banner)
		r.Verdict = c.take(verdict)
		r.Footer = c.take(footer)
		return r
	}
	table := tableLines + 2
	r.Tall = middle >= tableLinesTall+2+8
	if r.Tall {
		// A third of what is left over goes to the panels, where histories grow with it.
		table = tableLinesTall + 2
		table += min((middle-table-8)/3, 10)
	}
	panels := c.take(table)
	gpu := gpuWidth(width)
	r.Stages = grid.Rect{X: 0, Y: panels.Y, W: width - gpu, H: panels.H}
	r.GPU = grid.Rect{X: width - gpu, Y: panels.Y, W: gpu, H: panels.H}
	r.Chart = c.take(middle - table - banner)
	r.Banner = c.take(banner)
	r.Verdict = c.take(verdict)
	r.Footer = c.take(footer)
	return r
}

// gpuWidth gives the GPU panel its columns: the stage table is what people came for, so the panel
// grows only with what the table leaves.
func gpuWidth(width int) int {
	switch {
	case width < 100:
		return 28
	case width < 140:
		return 28 + (width-100)/2
	default:
		return min(48+(width-140)/3, 66)
	}
}
