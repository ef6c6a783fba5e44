package page

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strconv"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/profiler/saved"
	"github.com/moetop/moetop/profiler/sweep"
)

// document is what the template shows.
type document struct {
	Title   string
	Policy  string // which scripts may run: these
	Style   template.CSS
	Library template.JS
	Script  template.JS
	Runs    []section
}

// section is one run.
type section struct {
	ID, Title, Verdict string
	Facts              []fact
	Notices            []string
	Parts              []part
	Environment        Table
	Command            string
}

// fact is a short figure under the title.
type fact struct{ Name, Value string }

// part is a plot, a table, or both.
type part struct {
	ID      string
	Heading string
	Folded  bool // opened on demand
	Plot    *Plot
	Table   *Table
}

// Write makes the page of a file.
func Write(out io.Writer, f *saved.File) error {
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	script, err := ownScript()
	if err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	// Style sheet and scripts are what was embedded: nothing of the file gets into them.
	d := document{
		Style: template.CSS(styleText), Library: template.JS(libraryText), Script: template.JS(script),
		Policy: "default-src 'none'; style-src 'unsafe-inline'; script-src " + source(libraryText) + " " + source(script),
	}
	parts := 0
	for i := range f.Runs {
		s, err := runSection(&f.Runs[i], i+1)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
		for j := range s.Parts {
			parts++
			s.Parts[j].ID = "part" + strconv.Itoa(parts)
			if p := s.Parts[j].Plot; p != nil {
				p.ID = "plot" + strconv.Itoa(parts)
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

// source names a script to the page's policy by its hash, so that no other can run.
func source(script string) string {
	sum := sha256.Sum256([]byte(script))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

func runSection(r *saved.Run, number int) (section, error) {
	s := section{ID: "run" + strconv.Itoa(number), Notices: notices(r), Facts: facts(r), Environment: environment(r), Command: shellLine(r.Command)}
	if r.Kind == saved.Sweep {
		s.Title = fmt.Sprintf("sweep of %d points", len(r.Points))
		s.Parts = sweepParts(r)
		if len(s.Parts) == 0 {
			return s, errors.New("the sweep has no point yet")
		}
		return s, nil
	}
	p := &r.Points[0]
	s.Title = fmt.Sprintf("%s, %d tokens, %v routing, %s kernels", p.Workload.Title(), p.Workload.Tokens, p.Workload.Routing, p.Kernels)
	s.Verdict = p.Verdict.Text
	plots := []*Plot{stagePlot(p), gainPlot(p), distributionPlot(r.Report), rooflinePlot(p, r.Report.Work, limits(r.Report))}
	if r.Track != nil {
		plots = append(plots, timelinePlot(r.Track))
	}
	for _, c := range plots {
		if c != nil {
			s.Parts = append(s.Parts, part{Heading: c.Title, Plot: c})
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

// maxOpenGroups is how many groups of a sweep stand open; of more one looks for one.
const maxOpenGroups = 12

// sweepParts are the overview of a sweep, what to deploy, and then its groups.
func sweepParts(r *saved.Run) []part {
	var parts []part
	all := groups(r.Points)
	if p := heatPlot(all); p != nil {
		parts = append(parts, part{Heading: p.Title, Plot: p})
	}
	if len(r.Deployment) > 0 {
		parts = append(parts, part{Heading: "What to deploy", Table: deployment(r.Deployment)})
	}
	for i := range all {
		one := part{Heading: all[i].name, Folded: len(all) > maxOpenGroups, Plot: all[i].curves()}
		if one.Plot == nil {
			table := all[i].table()
			one.Table = &table
		}
		parts = append(parts, one)
	}
	return parts
}

// deployment is the table that a sweep ends with.
func deployment(all []sweep.Advice) *Table {
	t := &Table{Caption: "sglang's enable_es by model and tokens", Head: []string{"model", "routing", "kernels", "tokens", "enable_es", "gain of the layer", "why"}}
	for _, a := range all {
		tokens := strconv.Itoa(a.TokensFrom)
		if a.TokensTo != a.TokensFrom {
			tokens += " to " + strconv.Itoa(a.TokensTo)
		}
		gain := Cell{}
		if g := a.Gain; g != nil {
			gain = heatCell(&profiler.Ratio{Value: g.Value, Low: g.Low, High: g.High})
			gain.Text = fmt.Sprintf("%s [%.3f, %.3f]", gain.Text, g.Low, g.High)
		}
		es := tuple(a.EnableES)
		if a.Matters != nil && !*a.Matters {
			es += ", does not matter"
		}
		t.Rows = append(t.Rows, append(cells(a.Model, a.Routing.String(), a.Kernels, tokens, es), gain, Cell{Text: a.Text, Class: "words"}))
	}
	return t
}
