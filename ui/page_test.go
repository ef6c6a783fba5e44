package ui

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

func TestPagesAndTheirKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		view  func() *profiler.View
		keys  []string
		want  []string
		never string
	}{
		{"experts", cudaView, []string{"2"}, []string{"Experts by id", "expert 0 "}, "Stages"},
		{"and back", cudaView, []string{"2", "1"}, []string{"Stages"}, "Experts by id"},
		{"right", cudaView, []string{"2", "l", "right"}, []string{"expert 2 "}, "Log"},
		{"left at the start", cudaView, []string{"2", "h"}, []string{"expert 0 "}, "expert -"},
		{"down and up", cudaView, []string{"2", "j", "k", "down"}, []string{"expert 72 "}, "expert 0 "},
		{"far down", cudaView, []string{"2", "pgdown", "pgdown"}, []string{"expert 255 "}, "expert 0 "},
		{"far up", cudaView, []string{"2", "pgdown", "pgup", "pgup"}, []string{"expert 0 "}, "expert 255 "},
		{"log on a page", diedView, []string{"2", "L"}, []string{"segmentation fault", "timer: CUPTI"}, "expert 1 "},
		{"order stays with the expert", kimiView, []string{"2", "right", "o"}, []string{"by rows", "expert 1 "}, "by id─"},
		{"busiest first", cudaView, []string{"2", "o", "pgup", "pgup"}, []string{"place 1 of 256"}, "place 2 of"},
		{"filter by id", cudaView, []string{"2", "/", "1", "7", "enter"}, []string{"filter: 17", "1 of 256", "expert 17 "}, "17_"},
		{"filter by range", cudaView, []string{"2", "/", "1", "0", "-", "1", "9", "space", "3"}, []string{"11 of 256"}, "no expert"},
		{"filter by class", kimiView, []string{"2", "/", "l", "enter"}, []string{"filter: l", "on L 128x128"}, "Log"},
		{"filter that fits none", cudaView, []string{"2", "/", "q", "q", "backspace", "9"}, []string{"filter: q9_", "no expert fits"}, "0 of 256"},
		{"filter given up", cudaView, []string{"2", "/", "1", "7", "enter", "esc"}, []string{"expert 0 "}, "filter:"},
		{"kernels", cudaView, []string{"4"}, []string{"Kernels of a step with enable_es=(False, True)", "> route"}, "Stages"},
		{"kernel below", cudaView, []string{"4", "j", "down", "k"}, []string{"> quant"}, "> route"},
		{"another tuple", cudaView, []string{"4", "l"}, []string{"enable_es=(True, True)", "esc follow"}, "(False, True) ─"},
		{"and round again", cudaView, []string{"4", "left", "left", "left"}, []string{"enable_es=(True, True)"}, "(False, True) ─"},
		{"follows again", cudaView, []string{"4", "l", "esc"}, []string{"enable_es=(False, True) ─"}, "esc follow"},
		{"A/B without a verdict", with(cudaView(), func(v *profiler.View) { v.Sample.Verdict.EnableES = nil }), []string{"4"}, []string{"enable_es=(False, False)"}, "(False, True) ─"},
		{"details", cudaView, []string{"4", "j", "j", "j", "enter"}, []string{"KernelPtrArrayTmaWarpSpecializedPingpong", "197 632 bytes dynamic"}, "│> up"},
		{"details closed", cudaView, []string{"4", "enter", "esc"}, []string{"> route"}, "bytes dynamic"},
		{"unknown launches", with(cudaView(), func(v *profiler.View) { v.Launches = [profiler.NumMasks][]profiler.Launch{} }), []string{"4", "enter"}, []string{"not known"}, "> route"},
		{"unknown tiles", with(cudaView(), func(v *profiler.View) { v.Workload.TileClasses = nil }), []string{"2"}, []string{"tiles: n/a"}, "padding:"},
		{"tiles that differ", with(cudaView(), func(v *profiler.View) { v.Workload.TileClasses = differingClasses() }), []string{"2"}, []string{"tiles of up", "tab tiles of down", "S 256x32 swapped: 1 tile"}, "tiles of down ─"},
		{"tiles of down", with(cudaView(), func(v *profiler.View) { v.Workload.TileClasses = differingClasses() }), []string{"2", "tab"}, []string{"tiles of down ─", "tab tiles of up", "W 64x8 down: 1 tile"}, "256x32"},
		{"tiles of up again", with(cudaView(), func(v *profiler.View) { v.Workload.TileClasses = differingClasses() }), []string{"2", "tab", "tab"}, []string{"S 256x32 swapped: 1 tile"}, "64x8"},
		{"filter by a class of down", with(cudaView(), func(v *profiler.View) { v.Workload.TileClasses = differingClasses() }), []string{"2", "tab", "/", "w", "enter"}, []string{"256 of 256"}, "no expert"},
		{"tiles that do not differ", cudaView, []string{"2", "tab"}, []string{"S 256x32 swapped"}, "tiles of"},
		{"details of a class", with(cudaView(), func(v *profiler.View) { v.Workload.TileClasses = differingClasses() }), []string{"4", "l", "j", "j", "j", "enter"}, []string{"padding, 5 stages, 2 blocks", "3 warpgroups"}, "parts of k"},
		{"command", cudaView, []string{"c"}, []string{"moetop --json --ab", `'/opt/my libraries/libmoetop.so' \`}, "c command"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := testModel(t, 120, 24, c.view(), nil)
			m.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
			press(m, c.keys...)
			for _, text := range c.want {
				checkShown(t, m, text)
			}
			checkNotShown(t, m, c.never)
			if got := sent(t, m); len(got) > 0 {
				t.Errorf("looking around sent %v", got)
			}
		})
	}
}

func TestRunIsSteeredFromEveryPage(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"1", "2", "4"} {
		m := testModel(t, 80, 24, manualView(), nil)
		press(m, page, "u", "+")
		if got := sent(t, m); len(got) != 2 || !strings.Contains(got[0], `"up":true`) || got[1] != `{"tokens":256}` {
			t.Errorf("page %s sent %v", page, got)
		}
	}
}

func TestWheelMovesTheCursor(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, cudaView(), nil)
	press(m, "4")
	m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	checkShown(t, m, "> quant")
	m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelUp})
	checkShown(t, m, "> route")
}

// TestClicksOnPages clicks on what the screen shows, at every size that breaks it in another way.
func TestClicksOnPages(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 40}} {
		m := testModel(t, size[0], size[1], kimiView(), nil)
		click := func(x, y int) { m.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft}) }
		press(m, "4")
		x, y := placeOf(t, m, "combine ")
		click(x, y)
		checkShown(t, m, "> combine")
		click(x, y)
		checkShown(t, m, "combine with enable_es")
		press(m, "esc", "2", "j")
		first := m.experts.list(m.scene())[m.experts.cursor].id
		// The label of the strip with the cursor is the id of its first expert.
		x, y = placeOf(t, m, fmt.Sprintf("%5d ", first))
		click(x+stripLabel+3, y)
		checkShown(t, m, fmt.Sprintf("expert %d ", first+3))
		click(x, y)
		click(0, 0)
		checkShown(t, m, fmt.Sprintf("expert %d ", first+3))
		if got := sent(t, m); len(got) > 0 {
			t.Errorf("clicks on a page sent %v", got)
		}
	}
}

// TestCursorOfAShorterList moves with the first key and click from where the screen shows it.
func TestCursorOfAShorterList(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, kimiView(), nil)
	press(m, "4")
	m.kernels.cursor = 20
	x, y := placeOf(t, m, "> combine")
	m.Update(tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft})
	checkShown(t, m, " Launch ")
	press(m, "esc")
	m.kernels.cursor = 20
	press(m, "up")
	checkNotShown(t, m, "> combine")
	press(m, "2")
	m.experts.cursor = 2000
	before := plain(t, m)
	press(m, "left")
	if plain(t, m) == before {
		t.Error("the first key moves nothing")
	}
}

// TestSettingsOfTheScreen shows what keys have changed on the screen itself.
func TestSettingsOfTheScreen(t *testing.T) {
	t.Parallel()
	m := testModel(t, 120, 40, cudaView(), nil)
	press(m, "t", "4", ",")
	checkShown(t, m, "--theme           light", "--view            kernels")
}

// TestTooSmallNamesAKeyThatQuits whatever the screen was at when it became too small.
func TestTooSmallNamesAKeyThatQuits(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]string{nil, {"m"}, {"2", "/"}, {"?"}} {
		m := testModel(t, 80, 24, cudaView(), nil)
		press(m, keys...)
		m.Update(tea.WindowSizeMsg{Width: 40, Height: 10})
		key, _, _ := strings.Cut(strings.TrimSpace(strings.Split(plain(t, m), "\n")[5]), " quits")
		if a, ok := find(m.keys(), strings.ReplaceAll(key, "-", "+")); !ok || a != actQuit {
			t.Errorf("after %q it says that %q quits", keys, key)
		}
	}
}

// placeOf returns where a text begins on the screen.
func placeOf(t *testing.T, m *model, text string) (x, y int) {
	t.Helper()
	for l := range strings.Lines(plain(t, m)) {
		if before, _, ok := strings.Cut(l, text); ok {
			return len([]rune(before)), y
		}
		y++
	}
	t.Fatalf("no %q on the screen", text)
	return 0, 0
}

// runSave presses s and carries out what it asks for, beside the model as the program does.
func runSave(t *testing.T, m *model) {
	t.Helper()
	_, cmd := m.Update(keyPress("s"))
	if cmd == nil {
		t.Fatal("s does nothing")
	}
	m.Update(cmd())
}

func TestSaveSaysWhere(t *testing.T) {
	t.Parallel()
	var saved *profiler.View
	outcome := error(nil)
	save := func(view *profiler.View) (string, error) {
		saved = view
		return "/tmp/some/moetop-1.json", outcome
	}
	m := testModel(t, 80, 24, manualView(), func(o *Options) { o.Save = save })
	press(m, "space")
	frozen := m.shown
	m.Update(viewMsg{cudaView()})
	runSave(t, m)
	checkShown(t, m, "saved /tmp/some/moetop-1.json")
	if saved != frozen {
		t.Error("what was saved is not what the screen shows")
	}
	outcome = errors.New("save: no space left on device")
	runSave(t, m)
	checkShown(t, m, "no space left on device")
}

func TestSaveWithoutFigures(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, &profiler.View{}, func(o *Options) {
		o.Save = func(*profiler.View) (string, error) { panic("there is nothing to save") }
	})
	press(m, "s")
	checkShown(t, m, "nothing was measured yet")
	press(m, "c")
	checkShown(t, m, "the workload is not known yet")
}

func TestKeysThatCanDoNothingAreNotShown(t *testing.T) {
	t.Parallel()
	m := testModel(t, 200, 60, cudaView(), func(o *Options) { o.Save, o.Command, o.Sweeps = nil, nil, nil })
	press(m, "s", "c", "3")
	checkNotShown(t, m, "s save")
	checkNotShown(t, m, "c command")
	if m.overlay.kind != overlayNone || m.page != pageLive || m.notice.text != "" {
		t.Errorf("overlay %d, page %d, notice %q", m.overlay.kind, m.page, m.notice.text)
	}
}

func TestShortKernel(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"": "",
		"moetop::(anonymous namespace)::quant_kernel(moetop::QuantArgs, int)": "quant_kernel",
		"void moetop::<unnamed>::route_kernel<4>(moetop::RouteArgs)":          "route_kernel<4>",
		"fake_up<es=3>":          "fake_up<es=3>",
		"cutlass 256x32 swapped": "cutlass 256x32 swapped",
		"down, tiles of 32 rows": "down, tiles of 32 rows",
		cutlassName:              "gemm 256x32x128 cooperative",
		strings.ReplaceAll(cutlassName, "Cooperative", "Pingpong"): "gemm 256x32x128 pingpong",
		cutlassName[:300]: "device_kernel",
		"void f<cute::tuple<cute::C<1>, cute::C<2>, cute::C<1> > >()": "f",
	} {
		if got := shortKernel(name); got != want {
			t.Errorf("%.80q: %q, want %q", name, got, want)
		}
	}
}

// TestStripsKeepTheCursorInView goes through many sizes: the strips fit, and one of them has the cursor.
func TestStripsKeepTheCursorInView(t *testing.T) {
	t.Parallel()
	for width := 1; width < 210; width += 13 {
		for height := 1; height < 60; height += 3 {
			for _, n := range []int{1, 2, 16, 128, 384, 1024} {
				g := geometry(width, height, n)
				overview := 0
				if g.visible < g.strips && height > g.visible*g.lines {
					overview = 1
				}
				if g.visible < 1 || g.columns*g.strips < n || g.visible*g.lines+overview > height {
					t.Fatalf("%dx%d, %d experts: %+v", width, height, n, g)
				}
				for cursor := range n {
					if strip := cursor / g.columns; strip < g.first(cursor) || strip >= g.first(cursor)+g.visible {
						t.Fatalf("%dx%d, %d experts: cursor %d is out of view: %+v", width, height, n, cursor, g)
					}
				}
			}
		}
	}
}

// TestEveryExpertIsABar counts the letters of a screen that has room for all.
func TestEveryExpertIsABar(t *testing.T) {
	t.Parallel()
	m := testModel(t, 200, 60, manyExpertsView(), func(o *Options) { o.NoColor = true })
	press(m, "2")
	letters := 0
	for l := range strings.Lines(plain(t, m)) {
		if fields := strings.Fields(strings.Trim(l, "│\n ")); len(fields) == 2 && strings.Trim(fields[1], "SML·") == "" {
			letters += len([]rune(fields[1]))
		}
	}
	if letters != profiler.MaxExperts {
		t.Errorf("%d letters of %d experts", letters, profiler.MaxExperts)
	}
}

func TestRates(t *testing.T) {
	t.Parallel()
	table := stageTable{scene: testModel(t, 80, 24, cudaView(), nil).scene(), tall: true}
	want := map[string][2]float64{
		"route":       {math.NaN(), 13316 / 4.2e3},
		"up":          {7516192768 / 227.4e6, 931373056 / 227.4e3},
		"combine":     {14680064 / 11e6, 16523264 / 11e3},
		"gaps":        {math.NaN(), math.NaN()},
		"layer (F,T)": {11288969216 / 422.5e6, 1434919936 / 422.5e3},
	}
	for _, row := range table.rows() {
		name := row.name
		if row.kind == rowLayer {
			name += " " + shortTuple(row.mask)
		}
		w, ok := want[name]
		if !ok {
			continue
		}
		delete(want, name)
		flops, bytes := table.rates(row)
		if fmt.Sprintf("%.6g %.6g", flops, bytes) != fmt.Sprintf("%.6g %.6g", w[0], w[1]) {
			t.Errorf("%s: %v TFLOP/s, %v GB/s; want %v", name, flops, bytes, w)
		}
	}
	if len(want) > 0 {
		t.Errorf("no rows %v", want)
	}
}
