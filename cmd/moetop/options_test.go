package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
)

// parse is what the root command does with its flags.
func parse(environ []string, args ...string) (*options, error) {
	o := defaultOptions()
	flags := pflag.NewFlagSet("moetop", pflag.ContinueOnError)
	o.register(flags)
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	return o, o.complete(flags, environ)
}

func TestDefaultWorkloads(t *testing.T) {
	t.Parallel()
	o, err := parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	for engine, want := range map[string]string{"cuda": "dsv3-tp8", "cpu": "tiny"} {
		w, err := o.workload(engine)
		if err != nil || w.Name() != want || w.Tokens != 128 || w.Routing.String() != "uniform" {
			t.Errorf("%s: %+v, %v", engine, w, err)
		}
	}
}

func TestWorkerGetsTheFlags(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"MOETOP_TOKENS=64", "MOETOP_THEME=dark", "MOETOP_JSON=true"},
		"--json", "--ab", "--warmup", "0", "--fps=20", "--model", "dsv3", "--tp", "4")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"--ndjson", "--control=-", "--front-mode=json", "--ab=true", "--warmup=0", "--model=dsv3", "--tp=4", "--tokens=64", "--duration=10s",
	}
	args := o.workerArgs("json")
	if !slices.Equal(args, want) {
		t.Errorf("got %q, want %q", args, want)
	}
	worker, err := parse(nil, args...)
	if err != nil {
		t.Fatal(err)
	}
	w, err := worker.workload("cuda")
	if err != nil || w.Name() != "dsv3-tp4" || w.Tokens != 64 || !worker.measuring.ab || worker.warmup != 0 || !worker.ndjson {
		t.Errorf("the worker understood %+v, %v", worker, err)
	}
	command := worker.command("moetop", w, "cuda")
	if command[1] != "--json" || !slices.Contains(command, "--seed=1") || slices.Contains(command, "--ndjson") {
		t.Errorf("command %q", command)
	}
	again, err := parse(nil, command[1:]...)
	if err != nil || !again.json || again.duration != 10*time.Second {
		t.Errorf("the command does not repeat the run: %+v, %v", again, err)
	}
}

func TestModesAreNotTakenFromTheEnvironment(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"MOETOP_NDJSON=true", "MOETOP_CONTROL=-", "MOETOP_FRONT_MODE=json", "MOETOP_STEPS="})
	if err != nil || o.ndjson || o.control != "" || o.frontMode != "" || o.steps != 0 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestParseSchedule(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text string
		want []profiler.ScheduleEntry
	}{
		"none":       {"", nil},
		"one":        {"0s=up", []profiler.ScheduleEntry{{Mask: profiler.ESUp}}},
		"several":    {"0s=off, 5s=both,1m=down", []profiler.ScheduleEntry{{}, {At: 5 * time.Second, Mask: profiler.ESBoth}, {At: time.Minute, Mask: profiler.ESDown}}},
		"descending": {"5s=off,1s=up", nil},
		"twice":      {"1s=off,1s=up", nil},
		"negative":   {"-1s=off", nil},
		"no mask":    {"1s", nil},
		"no unit":    {"1=off", nil},
		"other mask": {"1s=left", nil},
		"empty part": {"1s=off,", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseSchedule(test.text)
			if !slices.Equal(got, test.want) || (err != nil) != (test.want == nil && test.text != "") {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, seed := range []string{"0s=off,5s=both", "1ms=up", "1h=down,2h=off", "=,=", "9999999h=up"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseSchedule(text)
		if err != nil {
			if !strings.Contains(err.Error(), "allowed") {
				t.Errorf("%q: the error does not say what is allowed: %v", text, err)
			}
			return
		}
		var parts []string
		for i, e := range entries {
			if e.At < 0 || e.Mask >= profiler.NumMasks || i > 0 && e.At <= entries[i-1].At {
				t.Fatalf("%q gave %v", text, entries)
			}
			parts = append(parts, fmt.Sprintf("%v=%v", e.At, e.Mask))
		}
		again, err := parseSchedule(strings.Join(parts, ","))
		if err != nil || !slices.Equal(again, entries) {
			t.Errorf("%v came back as %v, %v", entries, again, err)
		}
	})
}

func FuzzFlags(f *testing.F) {
	f.Add("tokens", "12")
	f.Add("duration", "5s")
	f.Add("routing", "zipf:1.2")
	f.Add("model", "dsv3-tp8")
	f.Add("seed", "18446744073709551616")
	f.Fuzz(func(t *testing.T, name, value string) {
		o, err := parse([]string{environmentName(name) + "=" + value})
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		// What was accepted is understood by a worker, too.
		if _, err := parse(nil, o.workerArgs("json")...); err != nil {
			t.Errorf("%s=%q: the worker refuses %q: %v", name, value, o.workerArgs("json"), err)
		}
	})
}

func TestModelChoices(t *testing.T) {
	t.Parallel()
	choices := modelChoices()
	names := map[string]bool{}
	for _, c := range choices {
		if _, err := profiler.ParseModel(c.Name); err != nil || c.Title == "" || names[c.Name] {
			t.Errorf("%+v: %v", c, err)
		}
		names[c.Name] = true
	}
	if !names["dsv3-tp8"] || !names["tiny"] || !names["kimi-k2-ep8"] {
		t.Errorf("choices %v", choices)
	}
}
