package main

import (
	"slices"
	"testing"
	"time"
)

// answerLimit is how soon a key has to be answered. A busy machine may keep any program waiting for longer:
// then twice as long as the same key takes at the same time where nothing hinders it, and not each time.
const answerLimit = 100 * time.Millisecond

// quickly fails unless each key is answered in time at one of its tries. free is a session in which
// nothing hinders keys.
func (p *screenProcess) quickly(when string, free *screenProcess, tries [][2]string) {
	p.tb.Helper()
	inTime := make([]bool, len(tries))
	var all []time.Duration
	for range 5 {
		for i, try := range tries {
			limit := max(answerLimit, 2*free.answered(try[0], try[1]))
			took := p.answered(try[0], try[1])
			all = append(all, took)
			inTime[i] = inTime[i] || took < limit
		}
		if !slices.Contains(inTime, false) {
			p.tb.Logf("%s: answered within %v", when, slices.Max(all))
			return
		}
	}
	p.tb.Errorf("%s: the keys are answered after %v, want less than %v", when, all, answerLimit)
}

// pages are keys with what they bring to the screen.
func pages() [][2]string {
	return [][2]string{{"?", "─ Help"}, {"\r", "off/on"}, {"2", "Experts by"}, {"4", "Kernels of a step"}, {"1", "Stages"}}
}

// TestKeysAreAnsweredWhileAnEngineIsBuilt builds for longer than the keys can take.
func TestKeysAreAnsweredWhileAnEngineIsBuilt(t *testing.T) {
	t.Parallel()
	free := startScreen(t, nil, faked()...)
	free.await("steps/s")
	p := startScreen(t, []string{"MOETOP_FAKE_CREATE_MS=20000", "MOETOP_FAKE_SLOW_FROM=1"}, faked()...)
	p.await("steps/s")
	p.await("(T,T)")
	if _, err := p.master.WriteString("+"); err != nil {
		t.Fatal(err)
	}
	p.await("BUILDING")
	begun := time.Now()
	p.quickly("while an engine is built", free, pages())
	if time.Since(begun) > 20*time.Second {
		t.Error("the build was over before the keys were tried")
	}
	// The workload before goes on.
	p.answered("\x1b", "cancelled")
}

// TestKeysAreAnsweredWhileNVMLHangs runs on a stand-in for NVML whose calls never return.
func TestKeysAreAnsweredWhileNVMLHangs(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"hang-init", "hang-power"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			p := startScreen(t, []string{"LD_LIBRARY_PATH=" + fakeNVML(t), "FAKE_NVML_FAULT=" + fault}, faked()...)
			p.await("has not answered")
			free := startScreen(t, nil, faked()...)
			free.await("steps/s")
			p.quickly(fault, free, pages())
		})
	}
}

// TestFirstFrame starts the screen on the CPU engine. A machine on which a process that does nothing
// takes longer than on a free one is given as many times as long.
func TestFirstFrame(t *testing.T) {
	t.Parallel()
	const (
		firstFrame = 150 * time.Millisecond
		freeStart  = 30 * time.Millisecond
	)
	var took []time.Duration
	limit := firstFrame
	for range 20 {
		before := time.Now()
		if got := runBinary(t, nil, "--version"); got.code != exitDone {
			t.Fatal(got.stderr)
		}
		limit = max(limit, firstFrame*time.Since(before)/freeStart)
		p := startScreen(t, nil, small()...)
		took = append(took, p.await("Stages").Sub(p.begun))
		p.ended()
		if took[len(took)-1] < limit {
			t.Logf("first frame after %v", took)
			return
		}
	}
	t.Errorf("the first frame after %v, want less than %v", took, limit)
}
