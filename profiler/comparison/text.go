package comparison

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/moetop/moetop/profiler"
)

// TextOptions steer what people read.
type TextOptions struct {
	Markdown bool
	// All shows every figure of every point. Without it, of several points only those that changed are
	// shown.
	All bool
}

// WriteText writes the comparison for people, as a table of a terminal or in Markdown.
func (r *Result) WriteText(out io.Writer, o TextOptions) error {
	w := &writer{out: bufio.NewWriter(out), markdown: o.Markdown}
	w.heading(r)
	rows, kept := r.rows(o.All)
	if len(rows) > 0 {
		w.table(columns, rows)
	}
	if kept.more > 0 {
		w.line(fmt.Sprintf("%d more figures changed by less than those; --all shows them.", kept.more))
	}
	if kept.same > 0 {
		w.line(fmt.Sprintf("%d figures without a sure change are not shown; --all shows them.", kept.same))
	}
	if len(r.Overall) > 0 {
		w.line(fmt.Sprintf("Over %d points (geometric mean of new/old):", len(r.Points)))
		w.table([]string{"figure", "points", "change", "95% interval", "smallest", "largest"}, r.overallRows())
	}
	w.missing("Only old has measured", r.OldOnly)
	w.missing("Only new has measured", r.NewOnly)
	w.notes(r)
	return w.out.Flush()
}

var columns = []string{"point", "figure", "old", "new", "change", "95% interval", "p", "stands on", ""}

// writer writes one of the two forms. The first error of the output stays in the buffer.
type writer struct {
	out      *bufio.Writer
	markdown bool
}

func (w *writer) line(text string) {
	_, _ = fmt.Fprintln(w.out, text)
	if w.markdown {
		_, _ = fmt.Fprintln(w.out)
	}
}

func (w *writer) heading(r *Result) {
	verdict := fmt.Sprintf("%d of %d latencies slower by %s or more, %d faster, %d unsure", r.Counts.Slower, r.Counts.Compared,
		percent(r.ThresholdPercent), r.Counts.Faster, r.Counts.Unsure)
	if r.Counts.Failed > 0 {
		verdict += fmt.Sprintf(", %d points failed that old had measured", r.Counts.Failed)
	}
	if w.markdown {
		verdict = "**" + verdict + "**"
	}
	w.line(verdict)
	for _, side := range []struct {
		name string
		*Side
	}{{"old", &r.Old}, {"new", &r.New}} {
		device := side.Engine
		if side.GPU != nil {
			device = side.GPU.Name
		}
		runs := ""
		if side.Runs > 1 {
			runs = fmt.Sprintf(", %d runs", side.Runs)
		}
		w.line(w.text(fmt.Sprintf("%s: %s%s, moetop %s, %s, timer %s, %s", side.name, side.File, runs, side.Version, device,
			side.Timer, side.Time.UTC().Format("2006-01-02 15:04"))))
	}
}

// text keeps what files and hosts are called from being read as Markdown.
func (w *writer) text(s string) string {
	if !w.markdown {
		return s
	}
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "*", `\*`, "_", `\_`, "`", "\\`", "\n", " ").Replace(s)
}

func (w *writer) table(header []string, rows [][]string) {
	if w.markdown {
		_, _ = fmt.Fprintf(w.out, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat("---|", len(header)))
		for _, row := range rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = w.text(cell)
			}
			_, _ = fmt.Fprintf(w.out, "| %s |\n", strings.Join(cells, " | "))
		}
		_, _ = fmt.Fprintln(w.out)
		return
	}
	aligned := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		_, _ = fmt.Fprintln(aligned, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	_ = aligned.Flush()
}

func (w *writer) missing(title string, points []Missing) {
	const most = 10
	for i, m := range points {
		if i == most {
			w.line(fmt.Sprintf("%s: %d more", title, len(points)-most))
			return
		}
		text := title + ": " + m.Point
		if m.Why != "" {
			text += "; the other side: " + m.Why
		}
		w.line(w.text(text))
	}
}

func (w *writer) notes(r *Result) {
	for _, d := range r.Differences {
		w.line(w.text(fmt.Sprintf("Compared by force: %s: %v, and %v", d.Field, d.Old, d.New)))
	}
	for _, n := range r.Notes {
		w.line(w.text("Note: " + n))
	}
	untested := r.Counts.Compared - r.Counts.Tested
	if untested > 0 {
		w.line(fmt.Sprintf("%d latencies stand on medians alone: the threshold decided. Measure with --samples, or several runs a side, for intervals.", untested))
	}
	if r.Counts.Tested > 0 {
		w.line("p is corrected for the number of latencies by Holm's method. On blocks, it speaks of these two runs; what differs from run to run is seen with several runs a side alone.")
	}
}

// mostRows is how many changed figures are shown: what people read, and a pull request takes.
const mostRows = 200

// unshown counts the figures that are not shown: those without a sure change, and those of more changes
// than there is room for.
type unshown struct{ same, more int }

// rows are the figures to show.
func (r *Result) rows(all bool) (rows [][]string, kept unshown) {
	all = all || len(r.Points) == 1
	least := 0.0
	if !all {
		least, kept = r.leastShown()
	}
	for i := range r.Points {
		p := &r.Points[i]
		name, shown := pointName(p), len(rows)
		for j := range p.Latencies {
			if f := &p.Latencies[j]; all || f.changed() && f.size() >= least {
				rows = append(rows, f.row(name, false))
			}
		}
		for j := range p.Gains {
			if all {
				rows = append(rows, p.Gains[j].row(name, true))
			}
		}
		if len(rows) == shown {
			continue
		}
		if was, is := tuple(p.OldEnableES), tuple(p.NewEnableES); was != is {
			rows = append(rows, []string{name, "enable_es", was, is, "", "", "", "", "changed"})
		}
		for _, note := range p.Notes {
			rows = append(rows, []string{name, "note", "", "", "", "", "", "", note})
		}
	}
	return rows, kept
}

// leastShown is how large a change has to be to be shown, and what is left out then.
func (r *Result) leastShown() (least float64, kept unshown) {
	var sizes []float64
	for i := range r.Points {
		p := &r.Points[i]
		kept.same += len(p.Latencies) + len(p.Gains)
		for j := range p.Latencies {
			if f := &p.Latencies[j]; f.changed() {
				sizes = append(sizes, f.size())
			}
		}
	}
	kept.same -= len(sizes)
	if len(sizes) <= mostRows {
		return 0, kept
	}
	slices.SortFunc(sizes, func(a, b float64) int { return cmp.Compare(b, a) })
	least = sizes[mostRows-1]
	for _, size := range sizes {
		if size < least {
			kept.more++
		}
	}
	return least, kept
}

// changed reports whether the figure got slower or faster.
func (f *Figure) changed() bool { return f.Outcome == Slower || f.Outcome == Faster }

// size is by how much the figure changed, whatever way.
func (f *Figure) size() float64 { return math.Abs(math.Log(f.Ratio.Value)) }

func tuple(es *[2]bool) string {
	if es == nil {
		return "unknown"
	}
	return profiler.ESOff.With(profiler.Up, es[0]).With(profiler.Down, es[1]).Tuple()
}

func pointName(p *Point) string {
	return fmt.Sprintf("%s %d %v", p.Workload.Name(), p.Workload.Tokens, p.Workload.Routing)
}

func (f *Figure) row(point string, gain bool) []string {
	name, format := f.Name(), "%.1f µs"
	if f.Old < 10 {
		format = "%.3f µs"
	}
	if gain {
		name, format = "ES gain of "+name, "%.3fx"
	}
	row := []string{
		point, name, fmt.Sprintf(format, f.Old), fmt.Sprintf(format, f.New), "", "", "", string(f.Basis), string(f.Outcome),
	}
	row[4], row[5] = change(f.Ratio.Value, f.Ratio.Low, f.Ratio.High)
	if p := f.Ratio.PAdjusted; p != nil {
		row[6] = fmt.Sprintf("%.3f", *p)
		if *p < 0.001 {
			row[6] = "<0.001"
		}
	}
	if f.Basis == Runs || f.Basis == Blocks {
		row[7] = fmt.Sprintf("%d+%d %s", f.OldCount, f.NewCount, f.Basis)
	}
	return row
}

func (r *Result) overallRows() [][]string {
	rows := make([][]string, 0, len(r.Overall))
	for _, o := range r.Overall {
		figure := Figure{Part: o.Part, ES: o.ES}
		ratio, between := change(o.Ratio, o.Low, o.High)
		smallest, largest := profiler.ChangeText(o.Smallest, 1), profiler.ChangeText(o.Largest, 1)
		rows = append(rows, []string{figure.Name(), fmt.Sprint(o.Points), ratio, between, smallest, largest})
	}
	return rows
}

// change writes a ratio and its interval, if there is one, as changes in percent.
func change(value float64, low, high *float64) (ratio, interval string) {
	if low == nil || high == nil {
		return profiler.ChangeText(value, 1), ""
	}
	digits := profiler.ChangeDigits(*low, *high)
	return profiler.ChangeText(value, digits),
		fmt.Sprintf("[%s, %s]", profiler.ChangeText(*low, digits), profiler.ChangeText(*high, digits))
}

func percent(v float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") + "%"
}
