package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// recorded makes a recording of a short run.
func recorded(t *testing.T, more ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.moetop")
	got := runBinary(t, nil, append([]string{"record", "-o", path, "--steps", "60"}, small(more...)...)...)
	if got.code != exitDone || got.stdout != "" || !strings.Contains(got.stderr, "records of") {
		t.Fatalf("record: code %d, %q, %q", got.code, got.stdout, got.stderr)
	}
	return path
}

func TestRecordAndReplay(t *testing.T) {
	t.Parallel()
	path := recorded(t, "--es", "down", "--seed", "7")
	stream := runBinary(t, nil, "replay", path, "--ndjson")
	_, strict := schemas(t, true)
	var kinds []string
	for line := range strings.Lines(stream.stdout) {
		document, ok := validate(t, strict, line).(map[string]any)
		if kind, isText := document["record"].(string); ok && isText {
			kinds = append(kinds, kind)
		}
	}
	if stream.code != exitDone || len(kinds) < 3 || kinds[0] != "header" || kinds[1] != "workload" || kinds[len(kinds)-1] != "summary" {
		t.Errorf("code %d, records %v, %q", stream.code, kinds, stream.stderr)
	}
	single := runBinary(t, nil, "replay", path, "--json")
	strictReport, _ := schemas(t, true)
	validate(t, strictReport, single.stdout)
	if r := report(t, single.stdout); r.Steps < 60 || r.Seed != 7 || r.ES != profiler.ESDown || r.Partial {
		t.Errorf("report %+v", r)
	}
	// Gone on with, the file holds two sessions, and the report is the second's.
	again := runBinary(t, nil, append([]string{"record", "-o", path, "--append", "--steps", "20"}, small("--seed", "8")...)...)
	if again.code != exitDone {
		t.Fatalf("append: %q", again.stderr)
	}
	if r := report(t, runBinary(t, nil, "replay", path, "--json").stdout); r.Seed != 8 {
		t.Errorf("the report's seed is %d", r.Seed)
	}
	both := runBinary(t, nil, "replay", path, "--ndjson").stdout
	if !strings.HasPrefix(both, stream.stdout) || strings.Count(both, `"record":"header"`) != 2 {
		t.Error("the first session is not what it was")
	}
	later := runBinary(t, nil, "replay", path, "--ndjson", "--from", "1h")
	if later.code != exitDone || later.stdout != "" {
		t.Errorf("after the end: %d, %.200q", later.code, later.stdout)
	}
}

func TestRecordKilled(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "run.moetop")
	p := startBinary(t, nil, append([]string{"record", "-o", path}, small()...)...)
	eventually(t, patience, "a recording of two seconds", func() bool {
		r := runBinary(t, nil, "replay", path, "--ndjson")
		return strings.Count(r.stdout, `"state":"running"`) >= 15
	})
	died := time.Now()
	p.signal(t, syscall.SIGKILL)
	p.wait(t)
	got := runBinary(t, nil, "replay", path, "--json")
	if got.code != exitFailure || !strings.Contains(got.stderr, "truncated") {
		t.Errorf("code %d, %q", got.code, got.stderr)
	}
	if r := report(t, got.stdout); !r.Partial || died.Sub(r.Time) > 2*time.Second {
		t.Errorf("partial %v, %v old", r.Partial, died.Sub(r.Time))
	}
	if again := runBinary(t, nil, append([]string{"record", "-o", path, "--append", "--steps", "5"}, small()...)...); again.code != exitDone {
		t.Errorf("going on: %d, %q", again.code, again.stderr)
	}
	if whole := runBinary(t, nil, "replay", path, "--json"); whole.code != exitDone || report(t, whole.stdout).Partial {
		t.Errorf("gone on with: %d, %q", whole.code, whole.stderr)
	}
}

func TestRecordInterrupted(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "run.moetop")
	p := startBinary(t, nil, append([]string{"record", "-o", path}, small()...)...)
	eventually(t, patience, "a recording", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 1000
	})
	p.signal(t, syscall.SIGINT)
	if code := p.wait(t); code != exitSignal+int(syscall.SIGINT) {
		t.Errorf("code %d, %q", code, p.stderr)
	}
	stream := runBinary(t, nil, "replay", path, "--ndjson")
	if stream.code != exitDone || !strings.Contains(stream.stdout, `"record":"summary"`) {
		t.Errorf("code %d, %q", stream.code, stream.stderr)
	}
}

func TestRecordRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign")
	if err := os.WriteFile(foreign, []byte("a letter to somebody"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no file":        {[]string{"record"}, exitUsage, "--output: a file"},
		"file exists":    {[]string{"record", "-o", foreign}, exitUsage, "--append"},
		"foreign append": {[]string{"record", "-o", foreign, "--append"}, exitUsage, "not a moetop recording"},
		"screen flag":    {[]string{"record", "-o", filepath.Join(dir, "x"), "--theme", "dark"}, exitUsage, "--theme"},
		"both":           {[]string{"replay", foreign, "--json", "--ndjson"}, exitUsage, "one of them"},
		"speed":          {[]string{"replay", foreign, "--speed", "0.01"}, exitUsage, `"0.01" for "--speed" flag: a number from 0.1 to 1000 is allowed`},
		"no speed":       {[]string{"replay", foreign, "--ndjson", "--speed", "0"}, exitUsage, "a number from 0.1 to 1000 is allowed"},
		"speed in words": {[]string{"replay", foreign, "--ndjson", "--speed", "fast"}, exitUsage, "a number from 0.1 to 1000 is allowed"},
		"speed, printed": {[]string{"replay", foreign, "--speed", "2", "--json"}, exitUsage, "only allowed on the screen and with --ndjson"},
		"from, report":   {[]string{"replay", foreign, "--from", "2s", "--json"}, exitUsage, "--from"},
		"output, screen": {[]string{"replay", foreign, "--output", "x"}, exitUsage, "--output"},
		"no argument":    {[]string{"replay"}, exitUsage, "one recording"},
		"foreign":        {[]string{"replay", foreign, "--json"}, exitFailure, "not a moetop recording"},
		"missing":        {[]string{"replay", filepath.Join(dir, "none"), "--json"}, exitFailure, "no such file"},
		"folder":         {[]string{"replay", dir, "--json"}, exitFailure, "regular file"},
		"no terminal":    {[]string{"replay", foreign}, exitUsage, "terminal"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, nil, test.args...)
			if got.code != test.code || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
				t.Errorf("code %d, stderr %q, stdout %.100q", got.code, got.stderr, got.stdout)
			}
		})
	}
}

// TestReplayOfAFailure prints what is left of a run that found no GPU.
func TestReplayOfAFailure(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "failed.moetop")
	if got := runBinary(t, []string{"MOETOP_FAKE_FAULT=no-device"}, append([]string{"record", "-o", path}, faked()...)...); got.code != exitNoGPU {
		t.Fatalf("%+v", got)
	}
	got := runBinary(t, nil, "replay", path, "--json")
	if got.code != exitFailure || got.stdout != "" || !strings.Contains(got.stderr, "its last session failed: no usable GPU") {
		t.Errorf("%+v", got)
	}
	if got := runBinary(t, nil, "replay", path, "--ndjson"); got.code != exitDone || !strings.Contains(got.stdout, `"record":"failure"`) {
		t.Errorf("%+v", got)
	}
}

// TestReplayScreen plays a recording on a real screen by the keys of its footer: it is paused, sought by
// a share, by steps and by a click, played faster, and refuses what a recording cannot do.
func TestReplayScreen(t *testing.T) {
	t.Parallel()
	path := recorded(t, "--steps", "1000000", "--duration", "1500ms")
	term := openTerminal(t, 120, 40)
	term.await("ready>")
	before := term.state()
	term.start("replay", path, "--speed", "0.1")
	term.await("CPU REFERENCE", "manual (F,F)", "REPLAY  0.1x", "space pause", "g go to")
	term.keys(" ")
	term.await("REPLAY  paused", "space play")
	term.keys("g", "5", "0", "%")
	term.await("go to 50%_", "enter go")
	term.keys("Enter")
	term.await(" 50%")
	term.keys("Right")
	term.await("100%")
	term.keys("r")
	term.await("  0%")
	// Slow enough that a busy machine sees it before it has played to the end.
	term.keys("]", "]", "[", "p")
	term.await("REPLAY  0.25x")
	term.keys("End")
	term.await("at the end", "100%")
	term.keys("g", "x", "Enter")
	term.await(`"x" is not allowed: a share such as 35%`)
	// The last column of the bar is its end, the first its beginning.
	above, _, _ := strings.Cut(term.screen(), " REPLAY ")
	term.click(21, strings.Count(above, "\n")+1)
	term.await("REPLAY  0.25x")
	term.keys("u")
	term.await("this is a replay")
	term.keys("?")
	term.await("go to a place: 35%", "slower or faster")
	term.keys("q")
	term.await("exit=0")
	term.restored(before)
}

// TestReplayPace prints a stream at the speed at which it was recorded.
func TestReplayPace(t *testing.T) {
	t.Parallel()
	path := recorded(t, "--steps", "1000000", "--duration", "600ms")
	began := time.Now()
	got := runBinary(t, nil, "replay", path, "--ndjson", "--speed", "0.5")
	took := time.Since(began)
	if all := runBinary(t, nil, "replay", path, "--ndjson"); got.code != exitDone || got.stdout != all.stdout {
		t.Errorf("%+v", got)
	}
	if took < time.Second {
		t.Errorf("0.6 s at half the speed took %v", took)
	}
}
