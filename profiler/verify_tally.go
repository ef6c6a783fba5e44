package profiler

import (
	"fmt"
	"math"
)

// wrongError stands in VerifyResult for an error that has no finite size: NaN, or any difference
// where none is allowed.
const wrongError = 1e30

// tally collects what a check finds. The first violation is the one with the lowest row, then column,
// whatever the order in which rows are checked.
type tally struct {
	checked    int64
	violations int64
	worst      float64 // largest error in units of its bound
	worstRow   float64 // largest relative error of a row
	worstRowAt int
	first      string
	row        int
	column     int
}

func newTally() *tally { return &tally{worstRowAt: -1, row: -1, column: -1} }

// wrong records a violation. Column -1 means the whole row.
func (t *tally) wrong(row, column int, format string, args ...any) {
	t.violations++
	if t.first != "" && (t.row < row || (t.row == row && t.column <= column)) {
		return
	}
	t.row, t.column, t.first = row, column, fmt.Sprintf(format, args...)
}

// element compares a value with its reference. A NaN is a violation whatever the bound.
func (t *tally) element(row, column int, got, want, bound float64) {
	t.checked++
	difference := math.Abs(got - want)
	relative := difference / bound
	if difference <= bound {
		if bound > 0 {
			t.worst = max(t.worst, relative)
		}
		return
	}
	if !(relative < wrongError) {
		relative = wrongError
	}
	t.worst = max(t.worst, relative)
	t.wrong(row, column, "got %g, want %g within %.3g", got, want, bound)
}

// rowError sums up one row's squares.
type rowError struct{ difference, reference float64 }

func (r *rowError) add(got, want float64) {
	r.difference += (got - want) * (got - want)
	r.reference += want * want
}

// endRow checks a row's relative error, the norm of the differences over the norm of the reference,
// which a single element's bound cannot see: many small errors of one sign.
func (t *tally) endRow(row int, r rowError, bound float64) {
	relative := math.Sqrt(r.difference / r.reference)
	if r.difference == 0 {
		relative = 0
	}
	if !(relative < wrongError) {
		relative = wrongError
	}
	if relative > t.worstRow {
		t.worstRow, t.worstRowAt = relative, row
	}
	if relative > bound {
		t.wrong(row, -1, "the row's relative error is %.3g, at most %.3g is allowed", relative, bound)
	}
}

// merge adds another tally to t.
func (t *tally) merge(o *tally) {
	t.checked += o.checked
	t.violations += o.violations
	t.worst = max(t.worst, o.worst)
	if o.worstRow > t.worstRow || (o.worstRow == t.worstRow && o.worstRowAt >= 0 && o.worstRowAt < t.worstRowAt) {
		t.worstRow, t.worstRowAt = o.worstRow, o.worstRowAt
	}
	if o.first != "" && (t.first == "" || o.row < t.row || (o.row == t.row && o.column < t.column)) {
		t.row, t.column, t.first = o.row, o.column, o.first
	}
}

// checkRows runs a check for every row on all processors.
func checkRows(rows int, check func(t *tally, row int)) *tally {
	const rowsPerTask = 16
	total := newTally()
	tasks := (rows + rowsPerTask - 1) / rowsPerTask
	for _, t := range parallel(tasks, newTally, func(t *tally, task int) {
		for row := task * rowsPerTask; row < min(rows, (task+1)*rowsPerTask); row++ {
			check(t, row)
		}
	}) {
		total.merge(t)
	}
	return total
}
