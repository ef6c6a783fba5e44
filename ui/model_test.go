package ui

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

// sent returns the commands that the source was sent, as the control lines that they are, without ids.
func sent(t *testing.T, m *model) []string {
	t.Helper()
	source := m.source.(*fakeSource)
	var lines []string
	for len(source.commands) > 0 {
		cmd := <-source.commands
		if cmd.ID == "" {
			t.Errorf("command %+v has no id", cmd)
		}
		cmd.ID = ""
		line, err := json.Marshal(cmd)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(line))
	}
	return lines
}

func with(view *profiler.View, change func(*profiler.View)) func() *profiler.View {
	return func() *profiler.View {
		change(view)
		return view
	}
}

func TestKeysSendCommands(t *testing.T) {
	t.Parallel()
	routed := func(r profiler.Routing) func() *profiler.View {
		return with(manualView(), func(v *profiler.View) { v.Workload.Workload.Routing = r })
	}
	tokens := func(n int) func() *profiler.View {
		return with(manualView(), func(v *profiler.View) { v.Workload.Workload.Tokens = n })
	}
	cases := []struct {
		name string
		view func() *profiler.View
		keys []string
		want []string
	}{
		{"up on", manualView, []string{"u"}, []string{`{"es":{"up":true,"down":true}}`}},
		{"down off", manualView, []string{"d"}, []string{`{"es":{"up":false,"down":false}}`}},
		{"both on", manualView, []string{"e"}, []string{`{"es":{"up":true,"down":true}}`}},
		{
			"keys in a hurry add up", manualView,
			[]string{"u", "d", "u"},
			[]string{`{"es":{"up":true,"down":true}}`, `{"es":{"up":true,"down":false}}`, `{"es":{"up":false,"down":false}}`},
		},
		{"builds on the pending mask", pendingView, []string{"u"}, []string{`{"es":{"up":false,"down":true}}`}},
		{"A/B on and off again", manualView, []string{"a", "a"}, []string{`{"ab":true}`, `{"ab":false}`}},
		{"A/B off", cudaView, []string{"a"}, []string{`{"ab":false}`}},
		{"a stage alone out of A/B", cudaView, []string{"d"}, []string{`{"es":{"up":false,"down":true}}`}},
		{"tokens double", tokens(128), []string{"+", "+"}, []string{`{"tokens":256}`, `{"tokens":512}`}},
		{"tokens halve", tokens(128), []string{"-", "-"}, []string{`{"tokens":64}`, `{"tokens":32}`}},
		{"up to a power of two", tokens(100), []string{"="}, []string{`{"tokens":128}`}},
		{"down to a power of two", tokens(100), []string{"-"}, []string{`{"tokens":64}`}},
		{"no less than one token", tokens(1), []string{"-"}, nil},
		{"no more tokens than rows allow", tokens(profiler.MaxRows / 8), []string{"+"}, nil},
		{"more skew", routed(profiler.Routing{Kind: profiler.Uniform}), []string{"]", "]"}, []string{`{"routing":"zipf:0.5"}`, `{"routing":"zipf:0.8"}`}},
		{"less skew", routed(profiler.Routing{Kind: profiler.Hot}), []string{"["}, []string{`{"routing":"zipf:1.5"}`}},
		{"skew between steps", routed(profiler.Routing{Kind: profiler.Zipf, Exponent: 1.1}), []string{"["}, []string{`{"routing":"zipf:1.0"}`}},
		{"skew beyond the steps", routed(profiler.Routing{Kind: profiler.Zipf, Exponent: 4}), []string{"]"}, []string{`{"routing":"hot"}`}},
		{"hot is the most", routed(profiler.Routing{Kind: profiler.Hot}), []string{"]"}, nil},
		{"uniform is the least", routed(profiler.Routing{Kind: profiler.Uniform}), []string{"["}, nil},
		{"reset", manualView, []string{"r"}, []string{`{"reset":true}`}},
		{"idle", manualView, []string{"p"}, []string{`{"pause":true}`}},
		{
			"go on", with(manualView(), func(v *profiler.View) { v.Sample.State = profiler.StatePaused }),
			[]string{"p"},
			[]string{`{"pause":false}`},
		},
		{"model", manualView, []string{"m", "q", "w", "e", "n", "enter"}, []string{`{"model":"qwen3-30b"}`}},
		{"second model", manualView, []string{"m", "down", "enter"}, []string{`{"model":"kimi-k2-tp8"}`}},
		{"no such model", manualView, []string{"m", "z", "z", "enter", "backspace", "backspace", "esc"}, nil},
		{"nothing before the first figures", func() *profiler.View { return &profiler.View{} }, []string{"u", "+", "r"}, nil},
		{"nothing to the dead", diedView, []string{"u", "d", "a", "+"}, nil},
		{"a letter that means nothing", manualView, []string{"x", "Z"}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := testModel(t, 80, 24, c.view(), nil)
			press(m, c.keys...)
			if got := sent(t, m); strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("sent %v, want %v", got, c.want)
			}
		})
	}
}

func TestPendingIsShownAtOnceAndEnds(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, manualView(), nil)
	press(m, "u", "+")
	checkShown(t, m, "128→256 tokens")
	press(m, "u")
	checkShown(t, m, "off→ON")
	done := manualView()
	done.Sample.ES = profiler.ESBoth
	done.Time = done.Time.Add(100 * time.Millisecond)
	m.Update(viewMsg{done})
	checkNotShown(t, m, "→")
}

func TestRequestThatNeverHoldsEnds(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, manualView(), nil)
	press(m, "u")
	checkShown(t, m, "off→ON")
	later := manualView()
	later.Time = later.Time.Add(intentTime + time.Second)
	m.Update(viewMsg{later})
	checkNotShown(t, m, "→ON")
}

func TestRefusalIsShownForAWhileAndKeptInTheLog(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, manualView(), nil)
	press(m, "u")
	refused := manualView()
	refused.Log = []profiler.LogEntry{{Time: testTime(), Code: "refused", Text: "es: not now"}}
	m.Update(viewMsg{refused})
	checkShown(t, m, "es: not now")
	checkNotShown(t, m, "off→ON")
	m.Update(viewMsg{refused})
	m.Update(noticeEndMsg{m.notice.id - 1})
	checkShown(t, m, "es: not now")
	m.Update(noticeEndMsg{m.notice.id})
	checkNotShown(t, m, "es: not now")
	press(m, "l")
	checkShown(t, m, "refused: es: not now")
}

func TestSendErrorIsShown(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, manualView(), nil)
	m.source.(*fakeSource).sendErr = errors.New("the worker does not read its commands")
	press(m, "u")
	checkShown(t, m, "the worker does not read its commands")
	checkNotShown(t, m, "off→ON")
}

func TestFrozenScreenStandsStillUntilTheRunIsChanged(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, manualView(), nil)
	press(m, "space")
	faster := manualView()
	faster.Sample.StepsPerSecond = 7777
	m.Update(viewMsg{faster})
	checkShown(t, m, "2 366 steps/s", "SCREEN PAUSED")
	press(m, "u")
	checkShown(t, m, "7 777 steps/s")
	checkNotShown(t, m, "SCREEN PAUSED")
}

func TestRestart(t *testing.T) {
	t.Parallel()
	for name, view := range map[string]*profiler.View{
		"died": diedView(), "silent": silentView(), "stalled": stalledView(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := testModel(t, 80, 24, view, nil)
			checkShown(t, m, "r starts a new one")
			_, cmd := m.Update(keyPress("r"))
			if cmd == nil {
				t.Fatal("r does nothing")
			}
			checkShown(t, m, "starting a new one")
			if _, again := m.Update(keyPress("r")); again != nil {
				t.Error("r twice starts two workers")
			}
			m.Update(cmd())
			if source := m.source.(*fakeSource); source.restarts != 1 {
				t.Errorf("restarted %d times", source.restarts)
			}
			m.Update(viewMsg{manualView()})
			checkNotShown(t, m, "DIED", "SILENT", "STALLED", "restart")
		})
	}
}

func TestRestartThatFailsIsShown(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, diedView(), nil)
	m.source.(*fakeSource).onRestart = func() error { return errors.New("no such file") }
	_, cmd := m.Update(keyPress("r"))
	m.Update(cmd())
	checkShown(t, m, "no such file", "WORKER DIED")
}

func TestPanicOfACommandEndsTheProgram(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, diedView(), nil)
	m.source.(*fakeSource).onRestart = func() error { panic("boom") }
	_, cmd := m.Update(keyPress("r"))
	_, quit := m.Update(cmd())
	if quit == nil || m.failure == nil || !strings.Contains(m.failure.Error(), "boom") {
		t.Errorf("failure %v", m.failure)
	}
}

func TestMouse(t *testing.T) {
	t.Parallel()
	click := func(x, y int) tea.MouseClickMsg { return tea.MouseClickMsg{X: x, Y: y, Button: tea.MouseLeft} }
	m := testModel(t, 80, 24, manualView(), nil)
	lines := strings.Split(plain(t, m), "\n")
	row := 0
	for y, l := range lines {
		if strings.HasPrefix(l, "│up ") {
			row = y
		}
	}
	m.Update(click(9, row))
	if got := sent(t, m); len(got) != 1 || got[0] != `{"es":{"up":true,"down":true}}` {
		t.Errorf("a click on up sends %v", got)
	}
	m.Update(click(9, row+1))
	m.Update(click(75, row))
	if got := sent(t, m); got != nil {
		t.Errorf("clicks beside the switches send %v", got)
	}
	press(m, "m")
	m.Update(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if m.overlay.place != 1 {
		t.Errorf("the wheel leads to %d", m.overlay.place)
	}
	m.Update(click(0, 0))
	if m.overlay.kind != overlayNone {
		t.Error("a click outside does not close")
	}
	if testModel(t, 80, 24, nil, func(o *Options) { o.NoMouse = true }).View().MouseMode != tea.MouseModeNone {
		t.Error("--no-mouse takes the mouse")
	}
}

func TestFooterAndHelpShowWhatWorks(t *testing.T) {
	t.Parallel()
	for name, state := range map[string]keyState{
		"running": {hasModel: true}, "no models": {}, "down": {down: true}, "frozen": {frozen: true},
	} {
		seen := map[string]bool{}
		for _, b := range bindings(state) {
			for _, k := range b.key.Keys() {
				if seen[k] {
					t.Errorf("%s: %s is bound twice", name, k)
				}
				seen[k] = true
			}
		}
		if !seen["q"] || !seen["ctrl+c"] || !seen["?"] {
			t.Errorf("%s: no way out: %v", name, seen)
		}
	}
	narrow := fitting(bindings(keyState{hasModel: true}), 59, 1)
	labels := ""
	for _, b := range narrow {
		labels += b.key.Help().Key + " "
	}
	for _, k := range []string{"u ", "d ", "a ", "? ", "q "} {
		if !strings.Contains(labels, k) {
			t.Errorf("a narrow footer has no %s: %s", k, labels)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]Options{
		"fps": {FPS: 61}, "history": {HistorySpan: time.Millisecond}, "theme": {Theme: "pink"},
	} {
		_, err := opts.normalize()
		var argument *profiler.ArgumentError
		if !errors.As(err, &argument) || argument.Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func checkShown(t *testing.T, m *model, texts ...string) {
	t.Helper()
	got := plain(t, m)
	for _, text := range texts {
		if !strings.Contains(got, text) {
			t.Errorf("%q is not on the screen:\n%s", text, got)
		}
	}
}

func checkNotShown(t *testing.T, m *model, texts ...string) {
	t.Helper()
	got := plain(t, m)
	for _, text := range texts {
		if strings.Contains(got, text) {
			t.Errorf("%q is on the screen:\n%s", text, got)
		}
	}
}

// TestLayerRowNamesWhatWasMeasured looks at the one layer row of a small screen.
func TestLayerRowNamesWhatWasMeasured(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		change func(*profiler.Sample)
		want   string
	}{
		{"the verdict's tuple", func(s *profiler.Sample) { s.AB = true }, "layer   (F,T)"},
		{"nothing but off", func(s *profiler.Sample) {
			s.ES, s.Steps = profiler.ESOff, profiler.StepStats{OffOff: summary(450, 0)}
		}, "layer   (F,F)"},
		{"off runs, one was measured", func(s *profiler.Sample) {
			s.ES, s.Steps = profiler.ESOff, profiler.StepStats{OffOff: summary(450, 0), OnOff: summary(460, time.Second)}
		}, "layer   (T,F)"},
		{"what runs", func(s *profiler.Sample) { s.ES = profiler.ESBoth }, "layer   (T,T)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			view := manualView()
			c.change(view.Sample)
			checkShown(t, testModel(t, 80, 24, view, nil), c.want)
		})
	}
}
