package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// served is a run of moetop serve on a port of its own.
type served struct {
	*process
	url   string
	lines chan string // of its stderr, after the address
}

func startServe(t *testing.T, env []string, args ...string) *served {
	t.Helper()
	cmd := exec.Command(binary(), append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = environment(env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	watchdog := time.AfterFunc(2*patience, func() { _ = cmd.Process.Kill() })
	s := &served{process: &process{cmd: cmd}, lines: make(chan string, 100)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(s.lines)
		for scanner := bufio.NewScanner(stderr); scanner.Scan(); {
			s.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		watchdog.Stop()
		_ = cmd.Process.Kill()
		<-read
		if stdout.Len() != 0 {
			t.Errorf("stdout %q", stdout.String())
		}
	})
	first := <-s.lines
	_, s.url, _ = strings.Cut(first, "serving metrics on ")
	if s.url = strings.TrimSuffix(s.url, "/metrics"); !strings.HasPrefix(s.url, "http://127.0.0.1:") {
		t.Fatalf("stderr begins with %q", first)
	}
	return s
}

// get returns status and body of a page.
func (s *served) get(t *testing.T, path string) (int, string) {
	t.Helper()
	response, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// scrape reads the metrics as a server would.
func (s *served) scrape(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	status, body := s.get(t, "/metrics")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if status != http.StatusOK || err != nil {
		t.Fatalf("status %d, %v", status, err)
	}
	return families
}

// value is that of a metric's only series, or -1.
func value(families map[string]*dto.MetricFamily, name string) float64 {
	f := families[name]
	if f == nil || len(f.Metric) != 1 {
		return -1
	}
	return f.Metric[0].GetGauge().GetValue() + f.Metric[0].GetCounter().GetValue()
}

// measured waits until there are figures, in whole histograms too.
func (s *served) measured(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	var families map[string]*dto.MetricFamily
	eventually(t, patience, "figures", func() bool {
		families = s.scrape(t)
		return families["moetop_stage_latency_generation_seconds"] != nil && families["moetop_step_duration_seconds"] != nil
	})
	return families
}

func (s *served) end(t *testing.T, sig syscall.Signal, code int) {
	t.Helper()
	s.signal(t, sig)
	var rest []string
	for line := range s.lines {
		rest = append(rest, line)
	}
	if got := s.wait(t); got != code {
		t.Errorf("code %d, want %d; stderr %q", got, code, rest)
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := startServe(t, nil, small("--es", "down", "--interval", "50ms")...)
	families := s.measured(t)
	if value(families, "moetop_worker_up") != 1 || value(families, "moetop_steps_total") <= 0 || value(families, "moetop_workload_tokens") != 8 {
		t.Errorf("up %v, steps %v, tokens %v", value(families, "moetop_worker_up"), value(families, "moetop_steps_total"),
			value(families, "moetop_workload_tokens"))
	}
	sides := map[string]bool{}
	for _, m := range families["moetop_stage_latency_generation_seconds"].Metric {
		labels := map[string]string{}
		for _, pair := range m.Label {
			labels[pair.GetName()] = pair.GetValue()
		}
		sides[labels["stage"]+" "+labels["es"]] = m.GetSummary().GetSampleCount() > 0 && m.GetSummary().GetSampleSum() > 0
	}
	if !sides["down on"] || sides["down off"] || !sides["up off"] || !sides["route none"] {
		t.Errorf("sides %v", sides)
	}
	for name := range families {
		if strings.HasPrefix(name, "moetop_gpu_") {
			t.Errorf("%s on a CPU", name)
		}
	}
	status, body := s.get(t, "/healthz")
	if status != http.StatusOK || !strings.Contains(body, `"ok":true`) {
		t.Errorf("status %d, %s", status, body)
	}
	validate(t, healthSchema(t), body)
	worker := workerOf(t, s.cmd.Process.Pid)
	s.end(t, syscall.SIGTERM, 143)
	eventually(t, patience, "the worker's end", func() bool { return isGone(worker) })
}

func healthSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "schema", "healthz.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// TestServeRestarts kills the worker, on the stand-in for a GPU.
func TestServeRestarts(t *testing.T) {
	t.Parallel()
	s := startServe(t, nil, faked("--interval", "50ms")...)
	families := s.measured(t)
	if families["moetop_gpu_info"] == nil || value(families, "moetop_worker_restarts_total") != 0 {
		t.Errorf("GPU %v, restarts %v", families["moetop_gpu_info"], value(families, "moetop_worker_restarts_total"))
	}
	if families["moetop_gpu_power_watts"] != nil {
		t.Error("the power of a GPU whose instruments cannot be read")
	}
	steps := value(families, "moetop_steps_total")
	if err := syscall.Kill(workerOf(t, s.cmd.Process.Pid), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	var body string
	eventually(t, patience, "bad health", func() bool {
		var status int
		status, body = s.get(t, "/healthz")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "died")
	})
	validate(t, healthSchema(t), body)
	if line := <-s.lines; !strings.Contains(line, "killed (SIGKILL)") || !strings.Contains(line, "again in 1s") {
		t.Errorf("stderr %q", line)
	}
	eventually(t, patience, "good health", func() bool {
		status, _ := s.get(t, "/healthz")
		return status == http.StatusOK
	})
	families = s.measured(t)
	if value(families, "moetop_worker_restarts_total") != 1 || value(families, "moetop_steps_total") < steps {
		t.Errorf("restarts %v, steps %v after %v", value(families, "moetop_worker_restarts_total"),
			value(families, "moetop_steps_total"), steps)
	}
	s.end(t, syscall.SIGINT, 130)
}

func TestServeExitCodes(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	tests := map[string]struct {
		env  []string
		args []string
		code int
		want string
	}{
		"no host":       {nil, []string{"--listen", ":9709"}, exitUsage, `":9709" for "--listen" flag: HOST:PORT is allowed`},
		"no port":       {nil, []string{"--listen", "127.0.0.1"}, exitUsage, "HOST:PORT is allowed"},
		"port":          {nil, []string{"--listen", "127.0.0.1:99999"}, exitUsage, "0 to 65535"},
		"environment":   {[]string{"MOETOP_LISTEN=:1"}, nil, exitUsage, "MOETOP_LISTEN for --listen"},
		"taken":         {nil, []string{"--listen", taken.Addr().String()}, exitFailure, "address already in use"},
		"tokens":        {nil, []string{"--tokens", "0"}, exitUsage, "--tokens"},
		"no such flag":  {nil, []string{"--duration", "1s"}, exitUsage, "--duration"},
		"es and ab":     {nil, []string{"--es", "up", "--ab"}, exitUsage, "--ab and --es"},
		"argument":      {nil, []string{"now"}, exitUsage, `"now"`},
		"no GPU":        {[]string{"MOETOP_FAKE_FAULT=no-device"}, faked("--listen", "127.0.0.1:0"), exitNoGPU, "no usable GPU"},
		"not on an ABI": {[]string{"MOETOP_FAKE_FAULT=abi"}, faked("--listen", "127.0.0.1:0"), exitNoGPU, "ABI version"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, test.env, append([]string{"serve"}, test.args...)...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
				t.Errorf("code %d, want %d; stderr %q, want %q; stdout %q", got.code, test.code, got.stderr, test.want, got.stdout)
			}
		})
	}
}

// TestListenTakesNoMore wants no other family than the one that was asked for.
func TestListenTakesNoMore(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{"0.0.0.0:0": "0.0.0.0", "127.0.0.1:0": "127.0.0.1"} {
		listener, err := listen(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		if host, _, err := net.SplitHostPort(listener.Addr().String()); err != nil || host != want {
			t.Errorf("%s took %v", address, listener.Addr())
		}
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestPromtool lets Prometheus's own tool look at real metrics.
func TestPromtool(t *testing.T) {
	t.Parallel()
	promtool := needProgram(t, "promtool", "prometheus")
	s := startServe(t, nil, faked("--ab", "--interval", "50ms")...)
	s.measured(t)
	_, body := s.get(t, "/metrics")
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(body)
	if out, err := check.CombinedOutput(); err != nil || len(out) != 0 {
		t.Errorf("%v: %s", err, out)
	}
	s.end(t, syscall.SIGTERM, 143)
}
