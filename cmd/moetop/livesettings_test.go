package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui"
)

// TestEverySettingIsLiveOrSaysWhyNot holds every flag of the session to one of the two.
func TestEverySettingIsLiveOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	o := parsed(t, "--model", "dsv3-tp8", "--timer", "events", "--duration", "1h")
	view := seen(t, "cuda", "--model", "dsv3-tp8")
	view.Workload.Workload.Tokens, view.Sample.AB = 512, true
	settings := o.liveSettings(view)
	for _, s := range settings {
		if s.Why == "" {
			t.Errorf("--%s is neither changed by keys nor says why not", s.Flag)
		}
	}
	for flag, want := range map[string]string{"tokens": "512", "ab": "true", "duration": "1h0m0s", "model": "dsv3-tp8", "fps": "10"} {
		if i := slices.IndexFunc(settings, func(s ui.Setting) bool { return s.Flag == flag }); i < 0 || settings[i].Value != want {
			t.Errorf("--%s: %+v, want %s", flag, settings, want)
		}
	}
	if got := o.liveSettings(&profiler.View{}); len(got) != len(settings) {
		t.Errorf("%d settings before anything runs, %d after", len(got), len(settings))
	}
}

// TestInteractiveSettings changes what runs by the pickers, and cancels a build, on the real screen.
func TestInteractiveSettings(t *testing.T) {
	t.Parallel()
	term, _ := inFolder(t, 120, 40)
	front := term.start(small()...)
	workerOf(t, front)
	term.await("CPU REFERENCE", "combine", "quit")
	eventually(t, patience, "the first steps", func() bool { return strings.Contains(rowOf(term.screen(), "up"), "off") })
	term.keys(",")
	term.await("Settings", "--tokens", "+ - n", "fixed while it runs")
	term.keys(slices.Repeat([]string{"j"}, 40)...)
	term.await("--es-launch", "an engine keeps it")
	term.keys(",")
	term.keys("n")
	term.await("rows an expert", "or type any number")
	term.keys("3", "0", "0", "Enter")
	term.await("300 tokens")
	term.keys("w")
	term.await("Routing", "popularity falls")
	term.keys("z", "i", "p", "f", ":", "0", ".", "9", "Enter")
	term.await("zipf:0.9")
	term.keys("w")
	term.await("Routing")
	term.keys("t", "r", "a", "c", "e", ":", "/", "n", "o", "n", "e", "Enter")
	term.await("/none", "zipf:0.9", "the one before goes on")
	term.keys("q")
	term.await("exit=0")
}
