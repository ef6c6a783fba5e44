package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/moetop/moetop/profiler"
)

const schemaBase = "https://github.com/moetop/moetop/docs/schema/"

// schemas compiles the published schemas. The strict ones are copies that allow no field that they do
// not name, since a field that nobody has described must not be published.
func schemas(t *testing.T, strict bool) (report, stream *jsonschema.Schema) {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, name := range []string{"report.schema.json", "stream.schema.json"} {
		data, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", name))
		if err != nil {
			t.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if strict {
			closeObjects(document)
		}
		if err := compiler.AddResource(schemaBase+name, document); err != nil {
			t.Fatal(err)
		}
	}
	return compiler.MustCompile(schemaBase + "report.schema.json"), compiler.MustCompile(schemaBase + "stream.schema.json")
}

// closeObjects forbids further fields wherever a schema describes an object whole.
func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		if _, has := node["properties"]; has && node["type"] == "object" {
			node["additionalProperties"] = false
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

func validate(t *testing.T, schema *jsonschema.Schema, text string) any {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("%v\nin %.400s", err, text)
	}
	checkValues(t, "", document)
	return document
}

// words are the fields whose text may look like a number or carry a unit.
var words = []string{"version", "schema_version", "text", "error", "command", "cuda", "driver", "provider", "name", "id", "engine_reason", "timer_reason", "progress"}

var numberLike = regexp.MustCompile(`^\s*[-+]?[0-9.]+([eE][-+]?[0-9]+)?\s*(us|µs|ms|%|bytes|[KMG]i?B|W|MHz|C)?\s*$`)

// checkValues looks for what a schema cannot forbid by itself: numbers in texts, and texts for what
// is not a number.
func checkValues(t *testing.T, field string, node any) {
	t.Helper()
	switch node := node.(type) {
	case map[string]any:
		for name, child := range node {
			checkValues(t, name, child)
		}
	case []any:
		for _, child := range node {
			checkValues(t, field, child)
		}
	case string:
		lower := strings.ToLower(node)
		if lower == "nan" || lower == "inf" || lower == "infinity" || lower == "n/a" {
			t.Errorf("%s: %q stands for a missing number, which is null", field, node)
		}
		if !slices.Contains(words, field) && numberLike.MatchString(node) {
			t.Errorf("%s: %q is a number in a text", field, node)
		}
	case json.Number:
		if f, err := node.Float64(); err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			t.Errorf("%s: %v", field, node)
		}
	}
}

func TestReportsFitTheSchema(t *testing.T) {
	t.Parallel()
	strict, _ := schemas(t, true)
	open, _ := schemas(t, false)
	tests := map[string]struct {
		env  []string
		args []string
	}{
		"CPU":            {nil, small("--json", "--steps", "30")},
		"CPU, A/B":       {nil, small("--json", "--ab", "--duration", "1500ms")},
		"CPU, by itself": {nil, []string{"--json", "--steps", "3", "--warmup", "0"}},
		"no step":        {nil, small("--json", "--duration", "1ms")},
		"GPU":            {nil, faked("--json", "--steps", "200")},
		"GPU, events":    {[]string{"MOETOP_FAKE_FAULT=no-cupti"}, faked("--json", "--steps", "200")},
		"GPU, auto":      {nil, faked("--json", "--steps", "200", "--kernels", "auto", "--ab")},
		"GPU, untimed":   {nil, faked("--json", "--steps", "200", "--timer", "none")},
		"worker dies":    {[]string{"MOETOP_FAKE_FAULT=run-abort", "MOETOP_FAKE_AFTER=1000"}, faked("--json", "--duration", "1m")},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, test.env, test.args...)
			if got.stdout == "" {
				t.Fatalf("no report: code %d, %q", got.code, got.stderr)
			}
			validate(t, strict, got.stdout)
			validate(t, open, got.stdout)
			if !strings.HasPrefix(got.stdout, "{\n  \"schema_version\"") {
				t.Errorf("schema_version is not first: %.60q", got.stdout)
			}
		})
	}
}

func TestStreamsFitTheSchema(t *testing.T) {
	t.Parallel()
	_, strict := schemas(t, true)
	for name, test := range map[string]struct {
		env   []string
		args  []string
		kinds []profiler.RecordKind
	}{
		"CPU": {nil, small("--ndjson", "--control", "-", "--es-schedule", "300ms=down", "--duration", "900ms"), []profiler.RecordKind{
			profiler.KindHeader, profiler.KindWorkload, profiler.KindLaunches, profiler.KindSample, profiler.KindToggle, profiler.KindAck, profiler.KindSummary,
		}},
		"GPU, A/B": {nil, faked("--ndjson", "--control", "-", "--ab", "--duration", "1s"), []profiler.RecordKind{
			profiler.KindHeader, profiler.KindWorkload, profiler.KindSample, profiler.KindWarning, profiler.KindAck, profiler.KindSummary,
		}},
		"GPU, auto": {nil, faked("--ndjson", "--control", "-", "--kernels", "auto", "--duration", "1s"), []profiler.RecordKind{
			profiler.KindHeader, profiler.KindWorkload, profiler.KindSample, profiler.KindAck, profiler.KindSummary,
		}},
		"failure": {[]string{"MOETOP_FAKE_FAULT=no-device"}, faked("--ndjson", "--control", "-"), []profiler.RecordKind{
			profiler.KindHeader, profiler.KindFailure,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startBinary(t, test.env, test.args...)
			// A refusal and a change are both answers; a failed start has nobody left to answer.
			_, _ = fmt.Fprintln(p.stdin, `{"tokens":0}`)
			_, _ = fmt.Fprintln(p.stdin, `{"id":"a","reset":true}`)
			seen := map[profiler.RecordKind]bool{}
			for {
				line, err := p.stdout.ReadString('\n')
				if err != nil {
					break
				}
				document, ok := validate(t, strict, line).(map[string]any)
				if kind, isText := document["record"].(string); ok && isText {
					seen[profiler.RecordKind(kind)] = true
				}
			}
			for _, kind := range test.kinds {
				if !seen[kind] {
					t.Errorf("no %s record in the stream", kind)
				}
			}
		})
	}
}

// TestSchemasRefuse makes sure that the schemas can fail.
func TestSchemasRefuse(t *testing.T) {
	t.Parallel()
	report, stream := schemas(t, false)
	good := runBinary(t, nil, small("--json", "--steps", "5")...).stdout
	for name, change := range map[string][2]string{
		"field gone":     {`"partial"`, `"partially"`},
		"number in text": {`"seed": 1`, `"seed": "1"`},
		"other engine":   {`"engine": "cpu"`, `"engine": "abacus"`},
		"other version":  {`"schema_version": "1.`, `"schema_version": "2.`},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil || text == good {
			t.Fatalf("%s: %v, changed %v", name, err, text != good)
		}
		if report.Validate(document) == nil {
			t.Errorf("%s: the report's schema lets it pass", name)
		}
	}
	for name, text := range map[string]string{
		"no part":    `{"record":"ack","time":"2026-01-01T00:00:00Z","step":0,"generation":0}`,
		"no such":    `{"record":"other","time":"2026-01-01T00:00:00Z","step":0,"generation":0}`,
		"wrong time": `{"record":"ack","time":"noon","step":0,"generation":0,"ack":{"ok":true}}`,
	} {
		document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if stream.Validate(document) == nil {
			t.Errorf("%s: the stream's schema lets it pass", name)
		}
	}
}
