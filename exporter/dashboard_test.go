package exporter

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// dashboard is what a test has to know of a Grafana dashboard.
type dashboard struct {
	Panels []struct {
		Title   string `json:"title"`
		Type    string `json:"type"`
		Targets []struct {
			Expr         string `json:"expr"`
			LegendFormat string `json:"legendFormat"`
		} `json:"targets"`
	} `json:"panels"`
	Templating struct {
		List []struct {
			Definition string `json:"definition"`
		} `json:"list"`
	} `json:"templating"`
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", "grafana", "moetop.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(data, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// selector is a metric of ours in an expression, with what stands in its braces.
var selector = regexp.MustCompile(`(moetop_[a-z0-9_]+)(?:\{([^}]*)\})?`)

// exported are the series that metrics make, with their labels.
func exported(families map[string]*dto.MetricFamily) map[string][]string {
	series := map[string][]string{}
	for name, f := range families {
		labels := []string{"instance", "job"} // which every scrape adds
		for _, pair := range f.Metric[0].Label {
			labels = append(labels, pair.GetName())
		}
		histogram, summary := f.GetType() == dto.MetricType_HISTOGRAM, f.GetType() == dto.MetricType_SUMMARY
		switch {
		case histogram:
			// The name itself is the native histogram.
			series[name], series[name+"_bucket"] = labels, append(slices.Clone(labels), "le")
		case summary:
			series[name] = append(slices.Clone(labels), "quantile")
		default:
			series[name] = labels
		}
		if histogram || summary {
			series[name+"_sum"], series[name+"_count"] = labels, labels
		}
	}
	return series
}

// TestDashboard wants each metric and label that the dashboard names to exist.
func TestDashboard(t *testing.T) {
	t.Parallel()
	e := newExporter(t)
	now := time.Now()
	e.take(fullView(now))
	e.take(next(fullView(now), now.Add(time.Second)))
	e.take(next(e.state.view, now.Add(2*time.Second)))
	series := exported(gather(t, e))
	d := readDashboard(t)
	panels := 0
	for _, panel := range d.Panels {
		if panel.Type == "row" {
			continue
		}
		panels++
		if len(panel.Targets) == 0 {
			t.Errorf("panel %q shows nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			found := selector.FindAllStringSubmatch(target.Expr, -1)
			if len(found) == 0 {
				t.Errorf("panel %q: no metric in %q", panel.Title, target.Expr)
			}
			for _, m := range found {
				checkSelector(t, series, panel.Title, m[1], m[2], target.LegendFormat)
			}
		}
	}
	if panels < 10 || len(d.Templating.List) < 2 {
		t.Errorf("%d panels, %d variables: this is not the dashboard", panels, len(d.Templating.List))
	}
	for _, variable := range d.Templating.List {
		for _, m := range selector.FindAllStringSubmatch(variable.Definition, -1) {
			checkSelector(t, series, "variables", m[1], "", "")
		}
	}
}

func checkSelector(t *testing.T, series map[string][]string, panel, name, matchers, legend string) {
	t.Helper()
	labels, ok := series[name]
	if !ok {
		t.Errorf("panel %q: %s does not exist", panel, name)
		return
	}
	var used []string
	for _, m := range regexp.MustCompile(`([a-z_]+)\s*[=!]~?`).FindAllStringSubmatch(matchers, -1) {
		used = append(used, m[1])
	}
	for _, m := range regexp.MustCompile(`\{\{\s*([a-z_]+)\s*\}\}`).FindAllStringSubmatch(legend, -1) {
		used = append(used, m[1])
	}
	for _, label := range used {
		if !slices.Contains(labels, label) {
			t.Errorf("panel %q: %s has no label %s", panel, name, label)
		}
	}
}

// TestMetricsAreDocumented wants every metric on the manual's page, and no other there.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(filepath.Join("..", "docs", "serve.md"))
	if err != nil {
		t.Fatal(err)
	}
	e := newExporter(t)
	now := time.Now()
	e.take(fullView(now))
	e.take(next(e.state.view, now.Add(time.Second)))
	families := gather(t, e)
	series := exported(families)
	page := string(data)
	for name := range families {
		if !strings.Contains(page, "`"+name+"`") && !strings.Contains(page, "`"+name+"{") {
			t.Errorf("docs/serve.md does not tell of %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`\bmoetop_[a-z0-9_]+`).FindAllString(page, -1) {
		if families[m] == nil && series[m] == nil {
			t.Errorf("docs/serve.md tells of %s, which does not exist", m)
		}
	}
}
