package page

import "github.com/moetop/moetop/profiler"

// Plot is a drawing with all that a reader who does not see it needs. Kind names the function of the
// page's script that draws it, and Data is what that function takes.
type Plot struct {
	ID          string
	Kind        string
	Title       string
	Description string
	Data        any
	Tables      []Table // the plot's figures
}

// The looks of curves: which of the page's colours one takes.
const (
	classOff  = "off"
	classUp   = "up"
	classDown = "down"
	classBoth = "both"
	classOn   = "on"
	classOnly = "only" // of a stage without a switch
)

// maskClass is the look of a mask.
func maskClass(m profiler.ESMask) string {
	return [profiler.NumMasks]string{classOff, classUp, classDown, classBoth}[m]
}
