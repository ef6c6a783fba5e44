package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

func TestReportPages(t *testing.T) {
	t.Parallel()
	measured := runBinary(t, nil, small("--json", "--ab", "--steps", "400")...).stdout
	var report profiler.Report
	if err := json.Unmarshal([]byte(measured), &report); err != nil {
		t.Fatal(err)
	}
	streamed := runBinary(t, nil, small("--ndjson", "--es-schedule", "0s=off,300ms=down", "--duration", "700ms")...).stdout
	median := strconv.FormatFloat(report.Stages[profiler.Down].On.MedianUS, 'f', -1, 64)
	for name, test := range map[string]struct {
		input string
		want  []string
	}{
		"report": {measured, []string{"<td>" + median + "<t", "CPU reference", "--ab=true", "Latency distribution"}},
		"stream": {streamed, []string{"Timeline", "d on", "--es-schedule"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			input := save(t, "input", test.input)
			output := filepath.Join(t.TempDir(), "page.html")
			if got := runBinary(t, nil, "report", input, "-o", output); got.code != exitDone || got.stdout != "" || got.stderr != "" {
				t.Fatalf("%+v", got)
			}
			page, err := os.ReadFile(output)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.want {
				if !strings.Contains(string(page), want) {
					t.Errorf("no %q in the page", want)
				}
			}
			if printed := runBinary(t, nil, "report", input); printed.stdout != string(page) {
				t.Error("stdout and --output differ")
			}
		})
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"none":    {nil, exitUsage, "takes one file"},
		"two":     {[]string{"a", "b"}, exitUsage, "takes one file"},
		"missing": {[]string{filepath.Join(t.TempDir(), "none.json")}, exitFailure, "no such file"},
		"foreign": {[]string{save(t, "foreign", "<html>")}, exitFailure, "foreign: document 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, nil, append([]string{"report"}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
				t.Errorf("%+v", got)
			}
		})
	}
}
