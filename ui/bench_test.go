package ui

import (
	"io"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/moetop/moetop/profiler"
)

// countingWriter is a terminal that only counts.
type countingWriter struct{ bytes atomic.Int64 }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.bytes.Add(int64(len(p)))
	return len(p), nil
}

// moved are two views between which every live figure has changed, and a tenth of a second passed.
func moved() [2]*profiler.View {
	var views [2]*profiler.View
	for i := range views {
		v := cudaView()
		by := float64(i)
		v.Time = v.Time.Add(time.Duration(i) * 100 * time.Millisecond)
		v.Sample.StepsPerSecond += 13 * by
		v.Sample.ABPairs += i
		for s := range v.Sample.Stages {
			st := &v.Sample.Stages[s]
			st.LastUS = new(*st.LastUS * (1 + 0.01*by))
			st.Off = scaled(st.Off, 1+0.002*by)
		}
		for mask := range v.Launches {
			for l := range v.Launches[mask] {
				v.Launches[mask][l].MeanUS = new(*v.Launches[mask][l].MeanUS * (1 + 0.003*by))
			}
		}
		views[i] = v
	}
	return views
}

// play runs the whole program at 160x48 on a page, and measures what it writes and uses while work
// sends it messages.
func play(b *testing.B, page string, work func(send func(tea.Msg))) (written, cpu float64) {
	b.Helper()
	out := &countingWriter{}
	m := testModel(b, 160, 48, moved()[0], nil)
	press(m, page)
	m.pace = newPace() // What the key asked for has gone nowhere.
	// No terminal, but written to as if it were one with all colours.
	forced := []string{"TERM=xterm-256color", "COLORTERM=truecolor", "CLICOLOR_FORCE=1", "TTY_FORCE=1"}
	in, typed := io.Pipe()
	program := tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(out), tea.WithWindowSize(160, 48),
		tea.WithFPS(MaxFPS), tea.WithEnvironment(forced), tea.WithoutSignalHandler(), m.pace.option())
	done := make(chan error, 1)
	go func() {
		_, err := program.Run()
		done <- err
	}()
	program.Send(tea.WindowSizeMsg{Width: 160, Height: 48})
	time.Sleep(3 * time.Second / DefaultFPS) // The first frames draw everything.
	bytes, used := out.bytes.Load(), cpuTime(b)
	if bytes < 160*48 {
		b.Fatalf("the first frame wrote %d bytes", bytes)
	}
	work(program.Send)
	written, cpu = float64(out.bytes.Load()-bytes), (cpuTime(b) - used).Seconds()
	program.Quit()
	_ = typed.Close()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return written, cpu
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkProgram reports what a frame writes to the terminal, and the processor time that the screen
// takes at ten frames a second: with figures that move, and with nothing new.
func BenchmarkProgram(b *testing.B) {
	for name, page := range map[string]string{"live": "1", "experts": "2", "kernels": "4"} {
		b.Run(name, func(b *testing.B) {
			views := moved()
			written, cpu := play(b, page, func(send func(tea.Msg)) {
				for i := range b.N {
					send(viewMsg{views[(i+1)%2]})
					time.Sleep(time.Second / DefaultFPS)
				}
			})
			b.ReportMetric(written/float64(b.N), "bytes/frame")
			b.ReportMetric(100*cpu*DefaultFPS/float64(b.N), "percent-of-core")
		})
	}
	b.Run("idle", func(b *testing.B) {
		written, cpu := play(b, "1", func(func(tea.Msg)) { time.Sleep(time.Duration(b.N) * time.Second / DefaultFPS) })
		b.ReportMetric(written/float64(b.N), "bytes/frame")
		b.ReportMetric(100*cpu*DefaultFPS/float64(b.N), "percent-of-core")
	})
}

// heap is what is in use after a collection, in bytes. Other tests run beside, which changes it by
// little: their screens are small.
func heap() float64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return float64(stats.HeapAlloc)
}
