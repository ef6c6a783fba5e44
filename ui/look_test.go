package ui

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

func TestCPUBadgeIsAtEverySize(t *testing.T) {
	t.Parallel()
	for width := MinWidth; width <= 200; width += 7 {
		for _, height := range []int{16, 24, 45} {
			m := testModel(t, width, height, cpuView(), nil)
			press(m, "space", "+", "]")
			checkShown(t, m, "CPU REFERENCE")
		}
	}
}

// TestEveryStateAtEverySize looks for panics and lines of a wrong width; screen checks the latter.
func TestEveryStateAtEverySize(t *testing.T) {
	t.Parallel()
	odd := with(cudaView(), func(v *profiler.View) {
		v.Workload.GPU.Name = "日本語 \x1b[31m e\u0301 👩‍👩‍👧 name"
		v.Sample.Verdict.Text = strings.Repeat("long", 100)
		v.Workload.ExpertRows = []float64{0, 0}
		v.Sample.Stages = nil
	})
	views := []func() *profiler.View{
		cudaView, cpuView, manualView, buildingView, diedView, silentView, withoutNVML, partialNVML,
		func() *profiler.View { return nil }, func() *profiler.View { return &profiler.View{} }, odd,
	}
	for _, view := range views {
		for _, size := range [][2]int{{1, 1}, {59, 16}, {60, 16}, {61, 23}, {79, 30}, {80, 24}, {93, 27}, {150, 33}, {230, 70}} {
			m := testModel(t, size[0], size[1], view(), nil)
			for _, open := range []string{"?", "l", "m"} {
				press(m, open)
				screen(t, m)
				press(m, "down", "down", "up", "esc")
			}
			screen(t, m)
			for _, keys := range [][]string{{"2", "j", "right", "pgdown"}, {"2", "/", "z"}, {"esc", "4", "j", "right", "enter"}} {
				press(m, keys...)
				screen(t, m)
			}
		}
	}
}

func TestZeroSizeCountsAsStandard(t *testing.T) {
	t.Parallel()
	m := testModel(t, 0, 0, cudaView(), nil)
	if m.width != 80 || m.height != 24 {
		t.Errorf("%d x %d", m.width, m.height)
	}
	screen(t, m)
}

func TestASCIIHasNothingElse(t *testing.T) {
	t.Parallel()
	for _, view := range []*profiler.View{cudaView(), pendingView(), cpuView(), diedView()} {
		m := testModel(t, 120, 40, view, func(o *Options) { o.Environ = []string{"LC_ALL=C"} })
		for _, key := range []string{"esc", "?", "l", "esc", "2", "4"} {
			press(m, key)
			for _, r := range m.View().Content {
				if r > 0x7e {
					t.Fatalf("%q in an ASCII frame", r)
				}
			}
		}
	}
}

func TestNoColorLeavesNoColour(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, cudaView(), func(o *Options) { o.Environ = []string{"NO_COLOR=yes"} })
	content := m.View().Content
	for _, sequence := range strings.Split(content, "\x1b[")[1:] {
		params, _, _ := strings.Cut(sequence, "m")
		for p := range strings.SplitSeq(params, ";") {
			if len(p) > 1 {
				t.Fatalf("colour %q in a frame without colour", params)
			}
		}
	}
	plainStyled := testModel(t, 80, 24, cudaView(), nil)
	if content == plainStyled.View().Content {
		t.Error("NO_COLOR changes nothing")
	}
}

func TestThemes(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, cudaView(), func(o *Options) { o.Theme = "" })
	if m.Init() == nil {
		t.Error("the background is not asked for")
	}
	m.Update(tea.BackgroundColorMsg{Color: white{}})
	if m.activeTheme() != themeLight {
		t.Errorf("theme %s on white", m.activeTheme())
	}
	seen := map[themeName]bool{}
	for range 3 {
		press(m, "t")
		seen[m.activeTheme()] = true
	}
	if len(seen) != 3 {
		t.Errorf("t goes through %v", seen)
	}
}

type white struct{}

func (white) RGBA() (r, g, b, a uint32) { return 0xffff, 0xffff, 0xffff, 0xffff }
