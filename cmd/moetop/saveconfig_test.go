package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSettingsIntoAFile(t *testing.T) {
	t.Parallel()
	settings := map[string]any{"theme": "light", "view": "experts", "model": "dsv3-tp8", "tokens": 512, "ab": true}
	for name, c := range map[string]struct{ old, want string }{
		"none": {"", "ab = true\nmodel = 'dsv3-tp8'\ntheme = 'light'\ntokens = 512\nview = 'experts'\n"},
		"comments, other keys and tables stay": {
			"# mine\ninterval = \"250ms\"\ntheme = 'dark' # for the laptop\nes = \"up\"\n\n[verify]\ntokens = [1, 128]\ntheme = 'x'\n",
			"# mine\ninterval = \"250ms\"\ntheme = 'light' # for the laptop\nab = true\nmodel = 'dsv3-tp8'\ntokens = 512\nview = 'experts'\n\n[verify]\ntokens = [1, 128]\ntheme = 'x'\n",
		},
		"a quoted key, and no newline at the end": {
			"\"tokens\" = 1", "tokens = 512\nab = true\nmodel = 'dsv3-tp8'\ntheme = 'light'\nview = 'experts'\n",
		},
		"another shape goes": {"experts = 4\ntop-k = 2\nhidden = 128\nintermediate = 128\nseed = 9\n", "seed = 9\nab = true\nmodel = 'dsv3-tp8'\ntheme = 'light'\ntokens = 512\nview = 'experts'\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := withSettings([]byte(c.old), settings)
			if err != nil || string(got) != c.want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, c.want)
			}
			again, err := withSettings(got, settings)
			if err != nil || string(again) != string(got) {
				t.Errorf("the second time %v\n%s", err, again)
			}
		})
	}
	for name, old := range map[string]string{
		"a list over lines":     "tokens = [\n1,\n2]\n",
		"a text over lines":     "debug-log = \"\"\"\ntheme = 'x'\n\"\"\"\n",
		"an inline table":       "record = { output = 'x' }\ntheme = \"\"\"a\nb\"\"\"\n",
		"a file that is broken": "theme = \n",
	} {
		if got, err := withSettings([]byte(old), settings); err == nil {
			t.Errorf("%s: spoilt:\n%s", name, got)
		}
	}
}

// TestSaveConfig leaves a session that keys have changed, and starts another one without flags: it
// begins where the first one ended. Without --save-config nothing is remembered.
func TestSaveConfig(t *testing.T) {
	t.Parallel()
	term, dir := inFolder(t, 120, 40)
	file := filepath.Join(dir, "config", "moetop", "config.toml")
	front := term.start(small()...)
	workerOf(t, front)
	term.await("CPU REFERENCE", "combine")
	term.keys("2", "t", "q")
	term.await("exit=0")
	if _, err := os.Stat(file); err == nil {
		t.Fatal("a session was remembered that nobody asked to remember")
	}

	term.keys("clear", "Enter")
	front = term.start("--engine", "cpu", "--tokens", "4", "--save-config")
	workerOf(t, front)
	term.await("CPU REFERENCE", "combine", "4 tokens")
	eventually(t, patience, "the first steps", func() bool { return strings.Contains(rowOf(term.screen(), "up"), "off") })
	term.keys("+")
	term.await("· 8 tokens")
	eventually(t, patience, "steps again", func() bool { return strings.Contains(rowOf(term.screen(), "up"), "off") })
	term.keys("u")
	eventually(t, patience, "up on, not only asked for", func() bool { return term.isUpOn() })
	term.keys("4", "q")
	term.await("exit=0", "remembered in "+file)

	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"model = 'tiny'", "tokens = 8", "es = 'up'", "view = 'kernels'", "routing = 'uniform'", "theme = 'auto'"} {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %s in\n%s", want, data)
		}
	}
	term.keys("clear", "Enter")
	front = term.start("--engine", "cpu")
	workerOf(t, front)
	term.await("8 tokens", "Kernels of a step with enable_es=(True, False)")
	term.keys("q")
	term.await("exit=0")
}

// TestSaveConfigOfAModelFile remembers where the model is described, wherever the next session starts.
func TestSaveConfigOfAModelFile(t *testing.T) {
	t.Parallel()
	term, dir := inFolder(t, 120, 40)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(smallModel), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"--config-json", "config.json", "--tp", "2", "--tokens", "4", "--save-config"},
		nil,
	} {
		front := term.start(append([]string{"--engine", "cpu"}, args...)...)
		workerOf(t, front)
		term.await("qwen3_moe tp2", "combine", "4 tokens")
		term.keys("q")
		term.await("exit=0")
		term.keys("cd /; clear", "Enter")
	}
}

func TestSaveConfigIsRefused(t *testing.T) {
	t.Parallel()
	got := runBinary(t, nil, small("--json", "--duration", "10ms", "--save-config")...)
	if got.code != exitUsage || !strings.Contains(got.stderr, "--save-config: not allowed with --json") {
		t.Errorf("code %d, %q", got.code, got.stderr)
	}
	term, _ := inFolder(t, 120, 30)
	term.keys(binary()+" --save-config --config /dev/null; echo exit=$?", "Enter")
	term.await("--save-config: /dev/null is no file", "exit=2")
	term.keys(binary()+" --view front; echo exit=$?", "Enter")
	term.await("live", "experts", "exit=2")
}
