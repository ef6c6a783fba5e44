package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestVerifyExhaustive(t *testing.T) {
	t.Parallel()
	got := runBinaryFor(t, 10*patience, nil, "verify", "--engine", "cpu", "--exhaustive", "--json")
	var r verifyReport
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != exitDone || !r.OK {
		t.Fatalf("code %d, %v, stderr %q", got.code, err, got.stderr)
	}
	ran, skipped := 0, 0
	names := map[string]bool{}
	for _, c := range r.Cases {
		if names[c.Name] || c.Name == "" {
			t.Errorf("a second case %q", c.Name)
		}
		names[c.Name] = true
		if c.Skipped != "" {
			skipped++
			continue
		}
		ran++
		if len(c.Results) < 24 || c.Kernels != "reference" {
			t.Errorf("%s: %d results of the kernels %q", c.Name, len(c.Results), c.Kernels)
		}
		for _, one := range c.Results {
			if one.Checked == 0 {
				t.Errorf("%s: es %v, %s checked nothing", c.Name, one.Mask, one.Stage)
			}
		}
	}
	if ran < 30 || skipped != 3 {
		t.Errorf("%d cases, %d skipped", ran, skipped)
	}
}

// The fake provider computes nothing.
func TestVerifyExhaustiveFails(t *testing.T) {
	t.Parallel()
	got := runBinary(t, nil, "verify", "--engine", "cuda", "--library", fakeLibrary(), "--kernels", "native", "--soak", "200")
	if got.code != exitDone || !strings.Contains(got.stdout, "ok    native    soak of 200 steps") {
		t.Errorf("soak: code %d, %q, stderr %q", got.code, got.stdout, got.stderr)
	}
	for name, c := range map[string]struct {
		env  []string
		args []string
		code int
		want string
	}{
		"wrong results": {nil, []string{"--model", "tiny", "--tokens", "4", "--kernels", "auto"}, exitWrong, "results are wrong"},
		"hang": {
			[]string{"MOETOP_FAKE_FAULT=run-hang", "MOETOP_FAKE_AFTER=50"},
			[]string{"--soak", "1000", "--watchdog", "1s"},
			exitWrong, "the GPU hangs: launching",
		},
		"broken kernels":      {[]string{"MOETOP_FAKE_FAULT=native-run"}, []string{"--soak", "10", "--kernels", "native"}, exitFailure, "unspecified launch failure"},
		"kernels not there":   {[]string{"MOETOP_FAKE_FAULT=no-native"}, []string{"--exhaustive", "--kernels", "native"}, exitUsage, `one of ["cutlass"]`},
		"a model of its own":  {nil, []string{"--exhaustive", "--model", "tiny"}, exitUsage, "--exhaustive and --model"},
		"a file of its own":   {nil, []string{"--exhaustive", "--config-json", modelFile(t, smallModel)}, exitUsage, "--exhaustive and --config-json"},
		"a shard of nothing":  {nil, []string{"--exhaustive", "--tp", "2"}, exitUsage, "only allowed with --config-json"},
		"routing with a soak": {nil, []string{"--soak", "5", "--routing", "hot"}, exitUsage, "--soak and --routing"},
		"no steps":            {nil, []string{"--soak", "0"}, exitUsage, "a whole number from 1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			got := runBinary(t, c.env, append([]string{"verify", "--engine", "cuda", "--library", fakeLibrary()}, c.args...)...)
			if got.code != c.code || !strings.Contains(got.stderr, c.want) {
				t.Errorf("after %v: code %d, stderr %q", time.Since(begun), got.code, got.stderr)
			}
		})
	}
}

func TestVerifySoak(t *testing.T) {
	t.Parallel()
	got := runBinary(t, nil, "verify", "--engine", "cpu", "--soak", "400", "--json")
	var r verifyReport
	if err := json.Unmarshal([]byte(got.stdout), &r); err != nil || got.code != exitDone || len(r.Cases) != 1 {
		t.Fatalf("code %d, %v, stderr %q", got.code, err, got.stderr)
	}
	if s := r.Cases[0].Soak; s == nil || s.Steps != 400 || s.Toggles < 3 || s.Routings < 1 || len(s.Problems) > 0 {
		t.Errorf("soak %+v", s)
	}
	// The model of a file is soaked as a preset is.
	described := runBinary(t, nil, "verify", "--engine", "cpu", "--soak", "1", "--config-json", modelFile(t, smallModel), "--tp", "2", "--json")
	if err := json.Unmarshal([]byte(described.stdout), &r); err != nil || len(r.Cases) != 4 || r.Cases[0].Workload.TP != 2 {
		t.Errorf("%v in %+v", err, described)
	}
}

// TestVerifyBesideARememberedSession has workloads in the config file where the check brings its own.
func TestVerifyBesideARememberedSession(t *testing.T) {
	t.Parallel()
	env := append(configHome(t, "model = 'tiny'\ntokens = 4\nrouting = 'hot'\n"), "MOETOP_FAKE_FAULT=no-native")
	cases := runBinary(t, env, "verify", "--engine", "cuda", "--library", fakeLibrary(), "--kernels", "native", "--exhaustive")
	if !strings.Contains(cases.stderr, `one of ["cutlass"]`) {
		t.Errorf("%+v", cases)
	}
	if soak := runBinary(t, env, "verify", "--engine", "cpu", "--soak", "5"); soak.code != exitDone {
		t.Errorf("%+v", soak)
	}
}
