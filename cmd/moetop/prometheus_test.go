package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeNVML builds the stand-in for NVML with the GPU of the stand-in for the CUDA library, where a loader
// finds it, and returns the folder.
func fakeNVML(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("cc", "-shared", "-fPIC", `-DFAKE_UUID="GPU-a0a0a0a0-a0a0-a0a0-a0a0-a0a0a0a0a0a0"`, "-o", filepath.Join(dir, "libnvidia-ml.so.1"), "../../nvml/testdata/fake_nvml.c")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return dir
}

// needProgram finds a program; without it a test fails in CI and is skipped elsewhere.
func needProgram(t *testing.T, name, debian string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: on Debian it is in the package %s", name, debian)
		}
		t.Skip("no " + name)
	}
	return path
}

// TestDashboardOnPrometheus lets a real Prometheus scrape moetop serve, with stand-ins for the GPU and
// for NVML, and asks it what every panel of the dashboard asks: each has to show something.
func TestDashboardOnPrometheus(t *testing.T) {
	t.Parallel()
	program := needProgram(t, "prometheus", "prometheus")
	s := startServe(t, []string{"LD_LIBRARY_PATH=" + fakeNVML(t), "FAKE_NVML_ALL=1"}, faked("--ab", "--interval", "50ms")...)
	s.measured(t)
	prometheus := startPrometheus(t, program, strings.TrimPrefix(s.url, "http://"))

	text, err := os.ReadFile(filepath.FromSlash("../../docs/grafana/moetop.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string `json:"title"`
			Targets []struct {
				Expr string `json:"expr"`
			} `json:"targets"`
		} `json:"panels"`
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("$instance", ".+", "$__rate_interval", "10s")
	asked := 0
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			asked++
			query, answer := filled.Replace(target.Expr), ""
			eventually(t, patience, fmt.Sprintf("panel %q shows something for %s", panel.Title, query), func() bool {
				var series int
				series, answer = queryPrometheus(t, prometheus, query)
				return series > 0
			})
			if strings.Contains(answer, `"NaN"`) {
				t.Errorf("panel %q shows no number for %s: %s", panel.Title, query, answer)
			}
		}
	}
	if asked < 30 {
		t.Errorf("%d queries: this is not the dashboard", asked)
	}
	s.end(t, syscall.SIGTERM, 143)
}

// startPrometheus scrapes a target every second, and returns where it is to be asked.
func startPrometheus(t *testing.T, program, target string) string {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `
global: {scrape_interval: 1s}
scrape_configs: [{job_name: moetop, static_configs: [{targets: [%q]}]}]
`, target), 0o600); err != nil {
		t.Fatal(err)
	}
	// Of two processes that ask for a free port at a time each gets one of its own, so it is free again.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	cmd := exec.CommandContext(t.Context(), program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--enable-feature=native-histograms", "--log.level=warn")
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &log, &log, time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return "http://" + address
}

// queryPrometheus returns how many series a query finds, and the whole answer. A Prometheus that does not listen
// yet finds none.
func queryPrometheus(t *testing.T, prometheus, query string) (series int, answer string) {
	t.Helper()
	response, err := http.Get(prometheus + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }()
	var result struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   struct {
			Result []json.RawMessage `json:"result"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&result); err != nil {
		return 0, ""
	}
	if result.Status == "error" {
		t.Fatalf("%s: %s", query, result.Error)
	}
	return len(result.Data.Result), fmt.Sprintf("%s", result.Data.Result)
}
