package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// seen is a view of a run that was started with the flags, as its worker describes it.
func seen(t *testing.T, engine string, args ...string) *profiler.View {
	t.Helper()
	o := parsed(t, args...)
	o.frontMode = "interactive"
	w, err := o.workload(engine)
	if err != nil {
		t.Fatal(err)
	}
	kernels := o.engine.kernels
	if engine == "cpu" {
		kernels = "reference"
	}
	return &profiler.View{
		Header:   &profiler.Header{Command: o.command("moetop", w, engine), Seed: w.Seed},
		Workload: &profiler.WorkloadRecord{Workload: w, Engine: engine, Kernels: kernels},
		Sample:   &profiler.Sample{ES: o.mask, AB: o.measuring.ab || o.measuring.aa, AA: o.measuring.aa},
	}
}

func parsed(t *testing.T, args ...string) *options {
	t.Helper()
	o, err := parse(nil, args...)
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return o
}

// TestRepeatedCommandMeasuresTheSame reads the command back and compares what it would run.
func TestRepeatedCommandMeasuresTheSame(t *testing.T) {
	t.Parallel()
	file := modelFile(t, smallModel)
	for name, c := range map[string]struct {
		engine string
		args   []string
		change func(v *profiler.View)
		keeps  []string
		drops  []string
	}{
		"as started": {"cpu", nil, nil, []string{"--engine=cpu", "--model=tiny", "--es=off"}, []string{"--kernels"}},
		"a flag that no key changes": {
			"cuda",
			[]string{"--duration", "3s", "--timer", "events", "--theme", "light", "--fps", "5"},
			nil,
			[]string{"--duration=3s", "--timer=events"},
			[]string{"--theme", "--fps", "--ndjson"},
		},
		"all changed by keys": {"cuda", []string{"--model", "dsv3-tp8", "--es", "up", "--tokens", "64"}, func(v *profiler.View) {
			w, err := profiler.ParseModel("kimi-k2-ep8")
			if err != nil {
				t.Fatal(err)
			}
			w.Tokens, w.Seed, w.Routing = 512, 1, profiler.Routing{Kind: profiler.Zipf, Exponent: 0.8}
			v.Workload.Workload, v.Workload.Kernels = w, "cutlass"
			v.Sample.ES, v.Sample.AB = profiler.ESOff, true
		}, []string{"--model=kimi-k2-ep8", "--ab", "--kernels=cutlass"}, []string{"--es", "--tokens=64"}},
		"toggled after a schedule": {
			"cpu",
			[]string{"--es-schedule", "0s=off,5s=both", "--seed", "9"},
			func(v *profiler.View) { v.Sample.ES, v.Sample.PendingES = profiler.ESUp, new(profiler.ESDown) },
			[]string{"--es=down", "--seed=9"},
			[]string{"--es-schedule"},
		},
		"a test of A/B mode": {
			"cpu",
			[]string{"--aa", "--es", "up", "--until-significant"},
			nil,
			[]string{"--aa", "--es=up", "--until-significant=true"},
			[]string{"--ab"},
		},
		"until its verdict": {
			"cpu",
			[]string{"--until-significant", "--max-duration", "5s"},
			nil,
			[]string{"--ab", "--until-significant=true", "--max-duration=5s"},
			[]string{"--es"},
		},
		"no verdict any more": {
			"cpu",
			[]string{"--until-significant", "--max-duration", "5s", "--until-width", "2"},
			func(v *profiler.View) { v.Sample.AB, v.Sample.ES = false, profiler.ESUp },
			[]string{"--es=up"},
			[]string{"--until-significant", "--max-duration", "--until-width"},
		},
		"a custom shape in shards": {
			"cpu",
			[]string{"--experts", "16", "--top-k", "2", "--hidden", "256", "--intermediate", "512", "--tp", "2", "--ep", "4"},
			nil,
			[]string{"--experts=16", "--intermediate=512", "--tp=2", "--ep=4"},
			[]string{"--model"},
		},
		"the model of a file": {
			"cpu",
			[]string{"--config-json", file, "--tp", "2"},
			func(v *profiler.View) { v.Workload.Workload.Tokens = 4 },
			[]string{"--config-json=" + file, "--tp=2", "--tokens=4"},
			[]string{"--model", "--experts"},
		},
		"a model that has taken the place of a file's": {
			"cpu",
			[]string{"--config-json", file, "--tp", "2"},
			func(v *profiler.View) {
				w, err := profiler.ParseModel("tiny")
				if err != nil {
					t.Fatal(err)
				}
				v.Workload.Workload = w
			},
			[]string{"--model=tiny"},
			[]string{"--config-json", "--tp"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			view := seen(t, c.engine, c.args...)
			if c.change != nil {
				c.change(view)
			}
			argv := repeatCommand(view)
			again := parsed(t, argv[1:]...)
			got, err := again.workload(c.engine)
			if err != nil || got != view.Workload.Workload {
				t.Errorf("%q runs %+v (%v), want %+v", argv, got, err, view.Workload.Workload)
			}
			if m := again.measuring; (m.ab || m.aa) != view.Sample.AB || m.aa != view.Sample.AA || !again.json || again.engine.engine != c.engine {
				t.Errorf("%q: A/B %v, JSON %v, engine %s", argv, again.measuring.ab, again.json, again.engine.engine)
			}
			// So does the worker that comes back after a sweep.
			back, err := parsed(t, c.args...).resumeArgs(view)
			if err != nil {
				t.Fatal(err)
			}
			if m := parsed(t, back...).measuring; (m.ab || m.aa) != view.Sample.AB || m.until && !m.ab && !m.aa {
				t.Errorf("%q comes back as %+v", back, m)
			}
			for _, flag := range c.keeps {
				if !slices.Contains(argv, flag) {
					t.Errorf("%q lacks %s", argv, flag)
				}
			}
			for _, flag := range c.drops {
				if slices.ContainsFunc(argv, func(word string) bool { return word == flag || strings.HasPrefix(word, flag+"=") }) {
					t.Errorf("%q has %s", argv, flag)
				}
			}
		})
	}
	if got := repeatCommand(&profiler.View{}); got != nil {
		t.Errorf("nothing is repeated by %q", got)
	}
}

func TestShellWords(t *testing.T) {
	t.Parallel()
	view := seen(t, "cuda", "--library", "/opt/it's mine/lib.so")
	if got := shownCommand(view); !slices.Contains(got, `'--library=/opt/it'\''s mine/lib.so'`) || got[0] != "moetop" {
		t.Errorf("%q", got)
	}
}

// TestRepeatedCommandRuns runs what a report of the real program names, through a shell.
func TestRepeatedCommandRuns(t *testing.T) {
	t.Parallel()
	first := runBinary(t, nil, small("--json", "--steps", "20", "--routing", "zipf:1.2", "--es", "down")...)
	var report profiler.Report
	if err := json.Unmarshal([]byte(first.stdout), &report); err != nil {
		t.Fatal(err)
	}
	view := &profiler.View{
		Header:   &profiler.Header{Command: report.Command},
		Workload: &profiler.WorkloadRecord{Workload: report.Workload, Engine: report.Engine, Kernels: report.Kernels},
		Sample:   &profiler.Sample{ES: report.ES, AB: report.AB},
	}
	second := runBinary(t, nil, repeatCommand(view)[1:]...)
	var again profiler.Report
	if err := json.Unmarshal([]byte(second.stdout), &again); err != nil {
		t.Fatalf("%v: %s", err, second.stderr)
	}
	if again.Workload != report.Workload || again.ES != report.ES || again.Steps != report.Steps {
		t.Errorf("again %+v es %v steps %d", again.Workload, again.ES, again.Steps)
	}
}
