package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/pflag"

	"github.com/moetop/moetop/profiler"
)

// configHome writes a config file and returns the environment in which it is the user's own.
func configHome(t *testing.T, text string) []string {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "moetop"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, "moetop", "config.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"XDG_CONFIG_HOME=" + home}
}

// settingsOf runs moetop config and returns what it shows, by flag.
func settingsOf(t *testing.T, env []string, args ...string) map[string]setting {
	t.Helper()
	got := runBinary(t, env, append([]string{"config", "--json"}, args...)...)
	if got.code != exitDone {
		t.Fatalf("%+v", got)
	}
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "schema", "config.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	closeObjects(document)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaBase+"config.schema.json", document); err != nil {
		t.Fatal(err)
	}
	validate(t, compiler.MustCompile(schemaBase+"config.schema.json"), got.stdout)
	var report configReport
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatal(err)
	}
	settings := make(map[string]setting)
	for _, s := range report.Settings {
		settings[s.Flag] = s
	}
	return settings
}

func TestConfigSaysWhoWins(t *testing.T) {
	t.Parallel()
	env := append(configHome(t, `
tokens = 64
seed = 3
interval = "50ms"
routing = "hot"
ascii = true
model = "dsv3"
warmup = 7
`), "MOETOP_SEED=4", "MOETOP_TOKENS=32", "MOETOP_ROUTING=")
	settings := settingsOf(t, env, "--tokens", "16", "--warmup", "0")
	for name, want := range map[string]setting{
		"tokens":   {Value: 16.0, Source: fromFlag},
		"warmup":   {Value: 0.0, Source: fromFlag},
		"seed":     {Value: 4.0, Source: fromVariable},
		"interval": {Value: 0.05, Source: fromFile},
		"routing":  {Value: "hot", Source: fromFile},
		"ascii":    {Value: true, Source: fromFile},
		"model":    {Value: "dsv3", Source: fromFile},
		"fps":      {Value: 10.0, Source: fromDefault},
		"tp":       {Value: nil, Source: fromDefault},
		"duration": {Value: nil, Source: fromDefault},
	} {
		if got := settings[name]; got.Value != want.Value || got.Source != want.Source {
			t.Errorf("%s: got %v from %s, want %v from %s", name, got.Value, got.Source, want.Value, want.Source)
		}
	}
	if unit := settings["interval"].Unit; unit == nil || *unit != "s" {
		t.Error("an interval without its unit")
	}
	// A shape on the command line beats the file's model, and a switch the variable that rules it out.
	shape := settingsOf(t, append(env, "MOETOP_ES=up"), "--experts", "4", "--ab")
	if shape["model"].Value != nil || shape["es"].Source != fromDefault || shape["ab"].Value != true {
		t.Errorf("model %+v, es %+v, ab %+v", shape["model"], shape["es"], shape["ab"])
	}
	// A variable still wins where it speaks about what only the file has set.
	until := append(configHome(t, "until-significant = true\nmax-duration = '1m'"), "MOETOP_MAX_DURATION=5s")
	if limit := settingsOf(t, until)["max-duration"]; limit.Value != 5.0 || limit.Source != fromVariable {
		t.Errorf("max-duration %+v", limit)
	}
	// The shard belongs to the file's model, not to the one on the command line.
	sharded := configHome(t, "model = \"dsv3\"\ntp = 4\n")
	if own := settingsOf(t, sharded); own["tp"].Value != 4.0 {
		t.Errorf("tp %+v beside its model", own["tp"])
	}
	if other := settingsOf(t, sharded, "--model", "qwen3-235b"); other["tp"].Source != fromDefault {
		t.Errorf("tp %+v beside another model", other["tp"])
	}
}

// TestConfigStandsBack has files whose keys cannot stand beside what the command line says, or wait for
// what it does not say.
func TestConfigStandsBack(t *testing.T) {
	t.Parallel()
	until := []string{"--until-significant", "--max-duration", "100ms"}
	for name, test := range map[string]struct {
		file string
		args []string
		want string // a word of the command that ran
	}{
		"es, and a verdict":       {`es = "both"`, until, "--until-significant=true"},
		"schedule, and a verdict": {`es-schedule = "0s=up"`, until, "--until-significant=true"},
		"time, and a verdict":     {`duration = "1m"`, until, "--until-significant=true"},
		"verdict, and es":         {"until-significant = true", []string{"--es", "up", "--steps", "3"}, "--es=up"},
		"verdict, and time":       {"until-significant = true", []string{"--duration", "100ms"}, "--duration=100ms"},
		"ab, and aa":              {"ab = true", []string{"--aa", "--steps", "3"}, "--aa=true"},
		"aa, and ab":              {"aa = true", []string{"--ab", "--steps", "3"}, "--ab=true"},
		"aa of a remembered mask": {`es = "up"`, []string{"--aa", "--steps", "3"}, "--es=up"},
		"only with a verdict":     {"max-duration = '100ms'\nuntil-width = 2", []string{"--steps", "3"}, "--steps=3"},
		"a verdict of the file's": {"max-duration = '100ms'\nuntil-width = 2", until[:1], "--until-width=2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, configHome(t, test.file), small(append([]string{"--json"}, test.args...)...)...)
			if got.code != exitDone || !slices.Contains(report(t, got.stdout).Command, test.want) {
				t.Errorf("no %s in %+v", test.want, got)
			}
		})
	}
	// A remembered shape is for commands that take one, and so is its shard.
	shape := configHome(t, "engine = 'cpu'\nexperts = 4\ntop-k = 2\nhidden = 128\nintermediate = 256\ntp = 2\n")
	got := runBinary(t, shape, "verify", "--json", "--tokens", "1", "--routing", "uniform")
	if got.code != exitDone || !strings.Contains(got.stdout, `"model": "tiny"`) {
		t.Errorf("%+v", got)
	}
}

func TestConfigTable(t *testing.T) {
	t.Parallel()
	got := runBinary(t, append(configHome(t, "tokens = 64"), "MOETOP_SEED=4"), "config")
	var rows []string
	for line := range strings.Lines(got.stdout) {
		rows = append(rows, strings.Join(strings.Fields(line), " "))
	}
	for _, want := range []string{"SETTING VALUE FROM", "tokens 64 file", "seed 4 environment MOETOP_SEED", "fps 10 default", "tp - default"} {
		if !slices.Contains(rows, want) {
			t.Errorf("no %q in %s", want, got.stdout)
		}
	}
	if !strings.HasPrefix(rows[0], "config file /") {
		t.Errorf("the file is not named: %s", rows[0])
	}
	if got := runBinary(t, nil, "config"); !strings.HasPrefix(got.stdout, "no config file at /") {
		t.Errorf("got %.100s", got.stdout)
	}
}

// TestConfigReachesTheRun looks at what runs, also when a front starts the worker.
func TestConfigReachesTheRun(t *testing.T) {
	t.Parallel()
	env := configHome(t, `
engine = "cpu"
experts = 4
top-k = 2
hidden = 128
intermediate = 128
tokens = 24
steps = 5

[verify]
tokens = [1, 3]
routing = ["uniform"]
model = "tiny"
`)
	got := runBinary(t, env, "--json")
	var report profiler.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		t.Fatalf("%v in %+v", err, got)
	}
	if w := report.Workload; w.Tokens != 24 || w.Experts != 4 || !slices.Contains(report.Command, "--tokens=24") {
		t.Errorf("ran %+v by %q", w, report.Command)
	}
	verified := runBinary(t, env, "verify", "--json")
	var checked verifyReport
	if err := json.Unmarshal([]byte(verified.stdout), &checked); err != nil {
		t.Fatalf("%v in %+v", err, verified)
	}
	if len(checked.Cases) != 2 || checked.Cases[1].Workload.Tokens != 3 {
		t.Errorf("verified %+v", checked.Cases)
	}
	// Another file by its path, here one without a word.
	other := runBinary(t, env, small("--json", "--steps", "5", "--config", "/dev/null")...)
	if !strings.Contains(other.stdout, `"tokens": 8`) || strings.Contains(other.stdout, "--config") {
		t.Errorf("%+v", other)
	}
}

func TestConfigFileRefusals(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text, says string
		args       []string
	}{
		"unknown key":     {`tokns = 64`, `config.toml: key "tokns" is not allowed`, small("--json", "--steps", "1")},
		"unknown in one":  {"[verify]\nfps = 3", `config.toml: key "verify.fps" is not allowed: the flags of moetop verify are`, small("--json", "--steps", "1")},
		"unknown command": {"[verfy]\ntokens = 3", `config.toml: key "verfy" is not allowed: a table is named after one of the commands `, small("--json", "--steps", "1")},
		"a mode":          {`json = true`, `key "json" is not allowed`, small("--json", "--steps", "1")},
		"itself":          {`config = "x"`, `key "config" is not allowed`, small("--json", "--steps", "1")},
		"hidden":          {`front-mode = "json"`, `key "front-mode" is not allowed`, small("--json", "--steps", "1")},
		"value":           {`fps = 0`, `config.toml: key "fps": "0": a whole number from 1 to 60 is allowed`, small("--json", "--steps", "1")},
		"kind":            {`seed = 1979-05-27`, `key "seed": a value of this kind is not allowed`, []string{"config"}},
		"nested":          {"[verify.x]\ny = 1", `key "verify.x": a value of this kind is not allowed`, []string{"config"}},
		"no TOML":         {"tokens = \n", "config.toml: line 1, column", []string{"config"}},
		"no file":         {"", "config file: open /nowhere/c.toml: no such file", []string{"config", "--config", "/nowhere/c.toml"}},
		"no such value":   {`model = "dsv4"`, `key "model": "dsv4": one of dsv3`, []string{"config"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, configHome(t, test.text), test.args...)
			if got.code != exitUsage || !strings.Contains(got.stderr, test.says) || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("%+v", got)
			}
		})
	}
	// What helps to mend the file works beside it.
	broken := configHome(t, "nonsense")
	for _, args := range [][]string{{"--help"}, {"--version"}, {"help"}, {"completion", "bash"}, {"__complete", "--engine", ""}} {
		if got := runBinary(t, broken, args...); got.code != exitDone {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestConfigPath(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		given   string
		environ []string
		want    string
	}{
		"given":    {"./c.toml", []string{"XDG_CONFIG_HOME=/x"}, "./c.toml"},
		"XDG":      {"", []string{"HOME=/h", "XDG_CONFIG_HOME=/x"}, "/x/moetop/config.toml"},
		"relative": {"", []string{"HOME=/h", "XDG_CONFIG_HOME=x"}, "/h/.config/moetop/config.toml"},
		"home":     {"", []string{"HOME=/h"}, "/h/.config/moetop/config.toml"},
		"nothing":  {"", nil, ""},
	} {
		if got := configPath(test.given, test.environ); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func FuzzConfigFile(f *testing.F) {
	for _, seed := range []string{"tokens = 64", "[verify]\ntokens = [1, 2]", "seed = -1", "a.b.c = 1", "es = 'both'", "steps = 1e400", "x = [[1]]", "\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file := &configFile{path: "c.toml"}
		if err := file.parse(data); err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		flags := pflag.NewFlagSet("moetop", pflag.ContinueOnError)
		defaultOptions().register(flags)
		if err := file.apply(flags, "moetop"); err != nil && !strings.Contains(err.Error(), "c.toml: key ") {
			t.Errorf("an error that does not say where: %v", err)
		}
	})
}

// ratio stands for a value of a kind that config does not know.
type ratio struct{ text, kind string }

func (r ratio) String() string   { return r.text }
func (r ratio) Type() string     { return r.kind }
func (r ratio) Set(string) error { return nil }

func TestSettingValue(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		value pflag.Value
		want  any
		unit  string
	}{
		"share":     {ratio{"12.5", "PERCENT"}, 12.5, "percent"},
		"number":    {ratio{"7", "N"}, 7.0, ""},
		"text":      {ratio{"7", "string"}, "7", ""},
		"word":      {ratio{"nan", "KIND"}, "nan", ""},
		"not set":   {ratio{"", "N"}, nil, ""},
		"below all": {intValue{new(int), 1, 9}, nil, ""},
		"zero":      {intValue{new(int), 0, 9}, 0, ""},
	} {
		got, unit := settingValue(test.value)
		if got != test.want || (unit == nil) != (test.unit == "") || unit != nil && *unit != test.unit {
			t.Errorf("%s: got %v, %v", name, got, unit)
		}
	}
}
