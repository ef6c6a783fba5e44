package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/moetop/moetop/profiler/comparison"
)

// strictSchema compiles a published schema, closed to fields that it does not name, with the report's,
// whose definitions it uses.
func strictSchema(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, file := range slices.Compact([]string{"report.schema.json", name}) {
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", file))
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		closeObjects(document)
		if err := compiler.AddResource(schemaBase+file, document); err != nil {
			t.Fatal(err)
		}
	}
	return compiler.MustCompile(schemaBase + name)
}

// save writes a file for a test and returns its path.
func save(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// scaled multiplies every time of a report, the blocks as well.
func scaled(t *testing.T, report string, factor float64) string {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(report), &document); err != nil {
		t.Fatal(err)
	}
	var scale func(name string, node any) any
	scale = func(name string, node any) any {
		switch node := node.(type) {
		case map[string]any:
			for name, child := range node {
				node[name] = scale(name, child)
			}
		case []any:
			for i, child := range node {
				node[i] = scale(name, child)
			}
		case float64:
			if strings.HasSuffix(name, "_us") {
				return node * factor
			}
		}
		return node
	}
	data, err := json.Marshal(scale("", document))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCompareReports(t *testing.T) {
	t.Parallel()
	measured := runBinary(t, nil, small("--json", "--samples", "--ab", "--steps", "600")...).stdout
	validate(t, strictSchema(t, "report.schema.json"), measured)
	if !strings.Contains(measured, `"block_us"`) {
		t.Fatal("--samples kept no blocks")
	}
	old, slow := save(t, "old.json", measured), save(t, "slow.json", scaled(t, measured, 10))
	schema := strictSchema(t, "comparison.schema.json")
	for name, test := range map[string]struct {
		args           []string
		code           int
		slower, faster bool
	}{
		"with itself":       {[]string{old, old}, exitDone, false, false},
		"slower":            {[]string{old, slow}, exitRegression, true, false},
		"faster":            {[]string{slow, old}, exitDone, false, true},
		"below a threshold": {[]string{old, slow, "--threshold", "901%"}, exitDone, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"compare"}, test.args...)
			got := runBinary(t, nil, append(args, "--json")...)
			if got.code != test.code || strings.Contains(got.stderr, "regression") != (test.code == exitRegression) {
				t.Fatalf("code %d, want %d: %s", got.code, test.code, got.stderr)
			}
			validate(t, schema, got.stdout)
			var result comparison.Result
			if err := json.Unmarshal([]byte(got.stdout), &result); err != nil {
				t.Fatal(err)
			}
			c := result.Counts
			if c.Compared < 10 || c.Tested == 0 || (c.Slower > 0) != test.slower || (c.Faster > 0) != test.faster {
				t.Errorf("%+v", c)
			}
			text := runBinary(t, nil, args...)
			markdown := runBinary(t, nil, append(args, "--markdown")...)
			if !strings.Contains(text.stdout, "layer off") || !strings.Contains(markdown.stdout, "| layer off |") {
				t.Errorf("table:\n%s\nMarkdown:\n%s", text.stdout, markdown.stdout)
			}
		})
	}
}

func TestCompareRefuses(t *testing.T) {
	t.Parallel()
	cpu := runBinary(t, nil, small("--json", "--steps", "30")...).stdout
	if strings.Contains(cpu, "block_us") {
		t.Error("blocks without --samples")
	}
	gpu := runBinary(t, nil, faked("--json", "--steps", "200")...).stdout
	good, other := save(t, "good.json", cpu), save(t, "other.json", gpu)
	foreign := save(t, "foreign.json", `{"some":"thing"}`)
	cut := save(t, "cut.json", cpu[:len(cpu)/2])
	for name, test := range map[string]struct {
		args []string
		code int
		want []string
	}{
		"one file":      {[]string{good}, exitUsage, []string{"OLD and NEW"}},
		"GPU":           {[]string{good, other}, exitUsage, []string{"engine: cpu, and cuda", "GPU: none, and", "timer", "--force"}},
		"no such file":  {[]string{good, good + "x"}, exitFailure, []string{"good.jsonx", "no such file"}},
		"foreign":       {[]string{foreign, good}, exitFailure, []string{"foreign.json", "neither a report"}},
		"cut off":       {[]string{good, cut}, exitFailure, []string{"cut.json", "cut off"}},
		"bad threshold": {[]string{good, good, "--threshold", "-1"}, exitUsage, []string{"--threshold", "-1", "0 to 10000"}},
		"two forms":     {[]string{good, good, "--json", "--markdown"}, exitUsage, []string{"--json and --markdown"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, nil, append([]string{"compare"}, test.args...)...)
			if got.code != test.code || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("code %d, want %d; stdout %q, stderr %q", got.code, test.code, got.stdout, got.stderr)
			}
			if missing := slices.DeleteFunc(test.want, func(w string) bool { return strings.Contains(got.stderr, w) }); len(missing) > 0 {
				t.Errorf("%q does not say %q", got.stderr, missing)
			}
		})
	}
	forced := runBinary(t, nil, "compare", good, other, "--force", "--threshold", "10000", "--json")
	validate(t, strictSchema(t, "comparison.schema.json"), forced.stdout)
	if !strings.Contains(forced.stdout, `"field": "experts"`) {
		t.Errorf("by force: %s", forced.stdout)
	}
}

func TestCompareSweeps(t *testing.T) {
	t.Parallel()
	sweep := func(factor float64) string {
		point := func(tokens int) string {
			return scaled(t, fmt.Sprintf(`{"model":"tiny","tokens":%d,"routing":"uniform","kernels":"cutlass","ran_kernels":"reference",
				"status":"ok","seed":1,"layer":{"off_off":{"count":9,"median_us":100,"p90_us":110,"p99_us":120}}}`, tokens), factor)
		}
		return `{"schema_version":"1.0","kind":"sweep","engine":"cpu","timer":"cpu","l2":"hot","time":"2026-05-01T12:00:00Z",
			"version":"v","host":{"name":"h"},"command":["moetop","sweep"],"points":[` + point(1) + "," + point(2) + "]}"
	}
	old, slow := save(t, "old.json", sweep(1)), save(t, "new.json", sweep(1.5))
	got := runBinary(t, nil, "compare", old, slow, "--json")
	validate(t, strictSchema(t, "comparison.schema.json"), got.stdout)
	var result comparison.Result
	if err := json.Unmarshal([]byte(got.stdout), &result); err != nil {
		t.Fatal(err)
	}
	if got.code != exitRegression || result.Counts.Slower != 2 || len(result.Overall) != 1 || result.Overall[0].Points != 2 {
		t.Errorf("code %d, %+v, %+v", got.code, result.Counts, result.Overall)
	}
}
