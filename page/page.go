package page

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
)

//go:embed page.html.tmpl
var pageText string

//go:embed style.css
var styleText string

// document is what the template shows.
type document struct {
	Title string
	Style template.CSS
	Runs  []section
}

// section is one run.
type section struct {
	ID, Title, Verdict string
	Notices            []string
	Parts              []part
	Environment        Table
	Command            string
}

// part is a plot, a table, or both.
type part struct {
	Heading string
	Chart   *Chart
	Table   *Table
}

// Write makes the page of a file.
func Write(out io.Writer, f *saved.File) error {
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	// The style sheet is our own: nothing of the file gets into it.
	d := document{Style: template.CSS(styleText), Title: "moetop"}
	charts := 0
	for i := range f.Runs {
		s, err := runSection(&f.Runs[i], i+1)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		for _, p := range s.Parts {
			if p.Chart != nil {
				charts++
				p.Chart.ID = "chart" + strconv.Itoa(charts)
			}
		}
		d.Runs = append(d.Runs, s)
	}
	d.Title = "moetop: " + d.Runs[0].Title
	if err := page.Execute(out, d); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	return nil
}

func runSection(r *saved.Run, number int) (section, error) {
	s := section{ID: "run" + strconv.Itoa(number), Notices: notices(r), Environment: environment(r), Command: shellLine(r.Command)}
	if r.Kind == saved.Sweep {
		s.Title = fmt.Sprintf("sweep of %d points", len(r.Points))
		for _, g := range groups(r.Points) {
			table := g.heatMap()
			s.Parts = append(s.Parts, part{Heading: g.name, Chart: g.curve(), Table: &table})
		}
		if len(s.Parts) == 0 {
			return s, errors.New("the sweep has no point yet")
		}
		return s, nil
	}
	p := &r.Points[0]
	s.Title = fmt.Sprintf("%s, %d tokens, %v routing, %s kernels", p.Workload.Title(), p.Workload.Tokens, p.Workload.Routing, p.Kernels)
	s.Verdict = p.Verdict.Text
	charts := []*Chart{stageChart(p), gainChart(p), spreadChart(r.Report)}
	if r.Track != nil {
		charts = append(charts, timeline(r.Track))
	}
	for _, c := range charts {
		if c != nil {
			s.Parts = append(s.Parts, part{Heading: c.Title, Chart: c})
		}
	}
	if n := r.Report.NVML; n != nil {
		s.Parts = append(s.Parts, part{Heading: "GPU", Table: instruments(n)})
	}
	if len(s.Parts) == 0 {
		return s, errors.New("nothing was measured")
	}
	return s, nil
}

// notices are what a reader has to know before the figures.
func notices(r *saved.Run) []string {
	var all []string
	if r.Engine == "cpu" {
		text := "Measured on the CPU reference engine: the figures show how the tool works, not how a GPU performs."
		if r.EngineReason != "" {
			text += " " + r.EngineReason
		}
		all = append(all, text)
	}
	if r.Partial {
		all = append(all, "Partial: the run was interrupted, or its worker died.")
	}
	if r.TimerReason != "" {
		all = append(all, "Timer "+r.Timer+": "+r.TimerReason)
	}
	if r.Report != nil {
		if reasons := r.Points[0].ThrottleReasons; len(reasons) > 0 {
			all = append(all, "The GPU was throttled: "+strings.Join(reasons, ", "))
		}
		for _, w := range r.Report.Warnings {
			all = append(all, w.Code+": "+w.Text)
		}
	}
	return all
}

// instruments are the figures of NVML.
func instruments(n *profiler.NVMLStats) *Table {
	t := &Table{Caption: "What the GPU did meanwhile", Head: []string{"figure", "median", "min", "max", "readings"}}
	for _, row := range []struct {
		name  string
		value *profiler.Range
	}{
		{"SM utilization, %", n.SMUtilizationPercent},
		{"SM occupancy, %", n.SMOccupancyPercent},
		{"tensor, %", n.TensorPercent},
		{"DRAM bandwidth, %", n.DRAMPercent},
		{"kernel active, %", n.KernelActivePercent},
		{"SM clock, MHz", n.SMClockMHz},
		{"power, W", n.PowerWatts},
		{"temperature, °C", n.TemperatureCelsius},
	} {
		if v := row.value; v != nil {
			t.Rows = append(t.Rows, cells(row.name, exact(v.Median), exact(v.Min), exact(v.Max), strconv.Itoa(v.Count)))
			continue
		}
		t.Rows = append(t.Rows, cells(row.name, "n/a"))
	}
	return t
}

// environment is what one needs to repeat a run.
func environment(r *saved.Run) Table {
	t := Table{Caption: "Environment", Head: []string{"property", "value"}}
	add := func(name, value string) {
		if value != "" {
			t.Rows = append(t.Rows, cells(name, value))
		}
	}
	add("ended", r.Time.UTC().Format(time.RFC3339))
	add("moetop", r.Version)
	add("host", fmt.Sprintf("%s, %s/%s, %d CPUs", r.Host.Name, r.Host.OS, r.Host.Arch, r.Host.CPUs))
	add("engine", r.Engine)
	if g := r.GPU; g != nil {
		add("GPU", g.Name)
		add("UUID", g.UUID)
		add("compute capability", fmt.Sprintf("%d.%d, %d SMs", g.ComputeMajor, g.ComputeMinor, g.SMs))
		add("driver", g.Driver)
		add("CUDA", g.CUDA)
	}
	add("provider", r.Provider)
	add("timer", r.Timer)
	add("ES launch", r.ESLaunch)
	add("L2", r.L2)
	if r.Report != nil {
		w := r.Points[0].Workload
		add("layer", fmt.Sprintf("%d experts, top %d, hidden %d, intermediate %d, tp %d, ep %d", w.Experts, w.TopK, w.Hidden, w.Intermediate, w.TP, w.EP))
		add("seed", strconv.FormatUint(w.Seed, 10))
		add("steps", strconv.FormatUint(r.Report.Steps, 10))
		add("measured time", fmt.Sprintf("%.1f s", r.Report.DurationS))
	}
	return t
}

// shellLine writes a command as a shell takes it.
func shellLine(argv []string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"
	quoted := make([]string, len(argv))
	for i, word := range argv {
		quoted[i] = word
		if word == "" || strings.Trim(word, plain) != "" {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
