package ui

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/vt"

	"github.com/moetop/moetop/profiler"
)

// updating reports whether the golden files are to be written anew. The flag -update is defined by the
// golden package that teatest brings along.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// testModel is a model of a size that shows a view.
func testModel(tb testing.TB, width, height int, view *profiler.View, change func(*Options)) *model {
	tb.Helper()
	opts := Options{
		Models: testModels(), Environ: []string{"TERM=xterm-256color", "LANG=C.UTF-8"}, Theme: "dark",
		Save:     func(*profiler.View) (string, error) { return "/home/me/moetop-20260304-120000.json", nil },
		Settings: testSettings, Command: testCommand, Sweeps: &fakeSweeper{}, Recorder: &fakeRecorder{now: Recording{Path: "/home/me/a.moetop", Elapsed: 83 * time.Second, Bytes: 45_210}},
	}
	if change != nil {
		change(&opts)
	}
	opts, err := opts.normalize()
	if err != nil {
		tb.Fatal(err)
	}
	m := newModel(newFakeSource(), opts)
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	if view != nil {
		m.Update(viewMsg{view})
	}
	return m
}

// press sends keys to a model, by their names.
func press(m *model, names ...string) {
	for _, name := range names {
		m.Update(keyPress(name))
	}
}

func keyPress(name string) tea.KeyPressMsg {
	special := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "up": tea.KeyUp, "down": tea.KeyDown,
		"backspace": tea.KeyBackspace, "space": tea.KeySpace,
	}
	if code, ok := special[name]; ok {
		return tea.KeyPressMsg{Code: code}
	}
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(rest[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: rune(name[0]), Text: name}
}

// screen shows a model's frame on a virtual terminal, after checking that every line is as wide as
// the screen and that there are as many lines as it has.
func screen(tb testing.TB, m *model) *vt.Emulator {
	tb.Helper()
	content := m.View().Content
	lines := strings.Split(content, "\n")
	if len(lines) != m.height {
		tb.Errorf("the frame has %d lines, the screen %d", len(lines), m.height)
	}
	for i, l := range lines {
		if w := ansi.StringWidth(l); w != m.width {
			tb.Errorf("line %d is %d columns wide, the screen %d: %q", i, w, m.width, ansi.Strip(l))
		}
	}
	terminal := vt.NewEmulator(m.width, m.height)
	if _, err := terminal.WriteString(strings.ReplaceAll(content, "\n", "\r\n")); err != nil {
		tb.Fatal(err)
	}
	return terminal
}

func plain(tb testing.TB, m *model) string {
	tb.Helper()
	return strings.TrimRight(ansi.Strip(screen(tb, m).String()), "\n") + "\n"
}

func checkGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if updating() {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (make the goldens with -update)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs (look at it, then -update):\n--- want\n%s\n--- got\n%s", path, want, got)
	}
}

func TestGoldenScreens(t *testing.T) {
	t.Parallel()
	ascii := func(o *Options) { o.ASCII = true }
	sizes := map[string][2]int{
		"60x16": {60, 16}, "80x24": {80, 24}, "120x40": {120, 40}, "200x60": {200, 60}, "50x12": {50, 12},
	}
	cases := []struct {
		name   string
		view   func() *profiler.View
		change func(*Options)
		after  func(*model) // before the keys
		keys   []string
		sizes  []string
	}{
		{name: "ab", view: cudaView, sizes: []string{"60x16", "80x24", "120x40", "200x60", "50x12"}},
		{name: "cpu", view: cpuView, sizes: []string{"60x16", "80x24", "120x40"}},
		{name: "manual", view: manualView, sizes: []string{"60x16", "80x24", "120x40"}},
		{name: "pending", view: pendingView, sizes: []string{"80x24"}},
		{name: "building", view: buildingView, sizes: []string{"80x24", "60x16"}},
		{name: "died", view: diedView, sizes: []string{"80x24", "60x16", "120x40"}},
		{name: "silent", view: silentView, sizes: []string{"80x24"}},
		{name: "stalled", view: stalledView, sizes: []string{"80x24"}},
		{name: "nonvml", view: withoutNVML, sizes: []string{"80x24", "60x16"}},
		{name: "partial", view: partialNVML, sizes: []string{"80x24"}},
		{name: "throttled", view: throttledView, sizes: []string{"80x24", "120x40"}},
		{name: "frozen", view: cudaView, keys: []string{"space"}, sizes: []string{"80x24"}},
		{name: "help", view: cudaView, keys: []string{"?"}, sizes: []string{"80x24", "120x40"}},
		{name: "log", view: diedView, keys: []string{"l"}, sizes: []string{"80x24"}},
		{name: "models", view: cudaView, keys: []string{"m", "q", "w"}, sizes: []string{"80x24", "60x16"}},
		{name: "ascii", view: cudaView, change: ascii, sizes: []string{"60x16", "80x24", "120x40"}},
		{name: "experts", view: cudaView, keys: []string{"2", "j", "right", "right"}, sizes: []string{"60x16", "80x24", "120x40", "200x60"}},
		{name: "experts384", view: kimiView, keys: []string{"2", "o", "j", "j"}, sizes: []string{"60x16", "80x24", "120x40"}},
		{name: "experts1024", view: manyExpertsView, keys: []string{"2", "pgdown"}, sizes: []string{"80x24", "200x60"}},
		{name: "expertscpu", view: cpuView, keys: []string{"2"}, sizes: []string{"80x24", "120x40"}},
		{name: "expertsfilter", view: kimiView, keys: []string{"2", "/", "m", "space", "7"}, sizes: []string{"80x24"}},
		{name: "expertsascii", view: kimiView, change: ascii, keys: []string{"2"}, sizes: []string{"80x24"}},
		{name: "kernels", view: cudaView, keys: []string{"4", "j", "j"}, sizes: []string{"60x16", "80x24", "120x40", "200x60"}},
		{name: "kernelscpu", view: cpuView, keys: []string{"4"}, sizes: []string{"80x24"}},
		{name: "kernelsuntimed", view: manualView, keys: []string{"4", "left"}, sizes: []string{"80x24"}},
		{name: "launch", view: cudaView, keys: []string{"4", "j", "j", "j", "enter"}, sizes: []string{"80x24", "120x40"}},
		{name: "command", view: cudaView, keys: []string{"c"}, sizes: []string{"80x24", "60x16"}},
		{name: "settings", view: cudaView, keys: []string{","}, sizes: []string{"60x16", "80x24", "120x40"}},
		{name: "routings", view: cudaView, keys: []string{"w"}, sizes: []string{"80x24"}},
		{name: "tokens", view: cudaView, keys: []string{"n", "3"}, sizes: []string{"80x24", "60x16"}},
		{name: "recording", view: cudaView, after: recordingOn, sizes: []string{"60x16", "80x24", "120x40"}},
		{name: "sweepform", view: cudaView, keys: []string{"3", "j"}, sizes: []string{"60x16", "80x24", "120x40"}},
		{name: "sweeprunning", view: cudaView, after: sweeping(SweepRunning, 6), keys: []string{"3"}, sizes: []string{"60x16", "80x24", "120x40"}},
		{name: "sweep", view: cudaView, after: sweeping(SweepDone, 14), keys: []string{"3", "right"}, sizes: []string{"60x16", "80x24", "120x40", "200x60"}},
		{name: "sweepstopped", view: cudaView, after: sweeping(SweepStopped, 6), keys: []string{"3"}, sizes: []string{"80x24"}},
		{name: "sweepascii", view: cudaView, change: ascii, after: sweeping(SweepDone, 14), keys: []string{"3"}, sizes: []string{"80x24"}},
		{name: "sweepelsewhere", view: cudaView, after: sweeping(SweepRunning, 6), keys: []string{"1"}, sizes: []string{"80x24"}},
		{name: "sweepcell", view: cudaView, after: sweeping(SweepDone, 14), keys: []string{"3", "j", "j", "right", "enter"}, sizes: []string{"80x24"}},
		{name: "starting", view: func() *profiler.View { return nil }, sizes: []string{"80x24"}},
	}
	for _, c := range cases {
		for _, size := range c.sizes {
			t.Run(c.name+"_"+size, func(t *testing.T) {
				t.Parallel()
				m := testModel(t, sizes[size][0], sizes[size][1], c.view(), c.change)
				if c.after != nil {
					c.after(m)
				}
				press(m, c.keys...)
				checkGolden(t, c.name+"_"+size, plain(t, m))
			})
		}
	}
}

func recordingOn(m *model) { m.opts.Recorder.(*fakeRecorder).on = true }

func TestGoldenColours(t *testing.T) {
	t.Parallel()
	for _, theme := range []string{"dark", "light", "contrast"} {
		t.Run(theme, func(t *testing.T) {
			t.Parallel()
			m := testModel(t, 80, 24, cudaView(), func(o *Options) { o.Theme = theme })
			checkGolden(t, "colour_"+theme, screen(t, m).Render()+"\n")
			sweeping(SweepDone, 14)(m)
			press(m, "3")
			checkGolden(t, "colour_"+theme+"_sweep", screen(t, m).Render()+"\n")
		})
	}
}

// TestGoldenPictures are the screens that make screens draws for the manual.
func TestGoldenPictures(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string][]string{"live": {"1"}, "experts": {"2"}, "sweep": {"3"}, "kernels": {"4", "j", "j"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := testModel(t, 120, 40, cudaView(), nil)
			sweeping(SweepDone, 14)(m)
			press(m, keys...)
			checkGolden(t, "picture_"+name, screen(t, m).Render()+"\n")
		})
	}
}
