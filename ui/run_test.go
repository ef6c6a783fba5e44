package ui

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/exp/teatest/v2"
	"github.com/charmbracelet/x/vt"

	"github.com/moetop/moetop/profiler"
)

// TestPumpKeepsToTheFrameTime sends views faster than frames are wanted: the newest of each frame
// comes through.
func TestPumpKeepsToTheFrameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		views := make(chan *profiler.View, 1)
		var got []uint64
		go pumpViews(ctx, views, func(msg tea.Msg) { got = append(got, msg.(viewMsg).view.Step) }, 100*time.Millisecond)
		for step := range uint64(95) {
			select {
			case <-views:
			default:
			}
			views <- &profiler.View{Step: step}
			time.Sleep(10*time.Millisecond + time.Microsecond)
		}
		cancel()
		synctest.Wait()
		if len(got) < 9 || len(got) > 11 {
			t.Errorf("%d views in 0.95 s at 10 a second: %v", len(got), got)
		}
		for i := 1; i < len(got); i++ {
			if got[i] <= got[i-1] {
				t.Errorf("views go back: %v", got)
			}
		}
	})
}

func TestPumpTellsThatTheSourceClosed(t *testing.T) {
	t.Parallel()
	views := make(chan *profiler.View)
	close(views)
	var got []tea.Msg
	pumpViews(t.Context(), views, func(msg tea.Msg) { got = append(got, msg) }, time.Hour)
	if len(got) != 1 || got[0] != (sourceClosedMsg{}) {
		t.Errorf("%v", got)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	source := newFakeSource()
	source.views <- manualView()
	reader, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	output := &watchedWriter{wrote: make(chan struct{}, 1)}
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, source, Options{
			Input: reader, Output: output, FPS: 60, Environ: []string{"TERM=xterm-256color"},
		})
	}()
	<-output.wrote
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// watchedWriter tells of the first write.
type watchedWriter struct{ wrote chan struct{} }

func (w *watchedWriter) Write(p []byte) (int, error) {
	select {
	case w.wrote <- struct{}{}:
	default:
	}
	return len(p), nil
}

func TestRunRefusesOptions(t *testing.T) {
	t.Parallel()
	if err := Run(t.Context(), newFakeSource(), Options{FPS: -1}); err == nil || !strings.Contains(err.Error(), "fps: -1") {
		t.Errorf("%v", err)
	}
}

// TestProgramDrawsTheGolden runs the whole program: what it writes, piece by piece, must add up to the
// frame that the golden shows.
func TestProgramDrawsTheGolden(t *testing.T) {
	t.Parallel()
	m := testModel(t, 80, 24, manualView(), nil)
	tm := teatest.NewTestModel(t, m, teatest.WithInitialTermSize(80, 24))
	tm.Send(viewMsg{cudaView()})
	screenOf := func(b []byte) string {
		terminal := vt.NewEmulator(80, 24)
		var replies sync.WaitGroup
		replies.Go(func() { _, _ = io.Copy(io.Discard, terminal) })
		// Without a terminal as input the renderer counts on line feeds being mapped, as ttys do.
		_, _ = terminal.Write(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")))
		endReplies(terminal)
		replies.Wait()
		return ansi.Strip(terminal.String())
	}
	var seen []byte
	teatest.WaitFor(t, tm.Output(), func(b []byte) bool {
		seen = bytes.Clone(b)
		return strings.Contains(screenOf(b), "A/B 1 240 cycles")
	}, teatest.WithDuration(patience), teatest.WithCheckInterval(10*time.Millisecond))
	if !updating() {
		checkGolden(t, "ab_80x24", strings.TrimRight(screenOf(seen), "\n")+"\n")
	}
	tm.Send(keyPress("q"))
	tm.WaitFinished(t, teatest.WithFinalTimeout(patience))
}

func BenchmarkFrame(b *testing.B) {
	m := testModel(b, 160, 48, cudaView(), nil)
	b.ReportAllocs()
	for b.Loop() {
		m.frame.changed = true
		_ = m.View()
	}
}

// BenchmarkWritten reports how many bytes the terminal gets for a frame in which the figures moved.
func BenchmarkWritten(b *testing.B) {
	var frames [2]*profiler.View
	for i := range frames {
		frames[i] = cudaView()
		frames[i].Sample.StepsPerSecond += float64(i)
		for s := range frames[i].Sample.Stages {
			frames[i].Sample.Stages[s].LastUS = new(200.1 + float64(i*7+s))
		}
		frames[i].Time = frames[i].Time.Add(time.Duration(i) * 100 * time.Millisecond)
	}
	b.ReportAllocs()
	total := 0
	m := testModel(b, 160, 48, frames[0], nil)
	last := m.View().Content
	for i := 0; b.Loop(); i++ {
		m.Update(viewMsg{frames[i%2]})
		content := m.View().Content
		total += changedCells(last, content)
		last = content
	}
	b.ReportMetric(float64(total)/float64(b.N), "changed-cells/op")
}

func changedCells(a, b string) int {
	x, y := []rune(ansi.Strip(a)), []rune(ansi.Strip(b))
	n := 0
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			n++
		}
	}
	return n
}
