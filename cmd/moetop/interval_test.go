package main

import (
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

// nextSamples returns the next samples of a stream.
func nextSamples(t *testing.T, d *profiler.Decoder, n int) []profiler.Record {
	t.Helper()
	var samples []profiler.Record
	for range n {
		sample, _ := until(t, d, "a sample", kind(profiler.KindSample))
		samples = append(samples, sample)
	}
	return samples
}

// TestIntervalIsChangedLive asks a session for fewer samples, which lose no step, and for more again.
func TestIntervalIsChangedLive(t *testing.T) {
	t.Parallel()
	p := startBinary(t, nil, small("--ndjson", "--control", "-")...)
	d := profiler.NewDecoder(p.stdout)
	until(t, d, "a sample", measuring)
	if ack := talk(t, p, d, `{"id":"slow","interval":"700ms"}`); !ack.Ack.OK || ack.Ack.ID != "slow" {
		t.Fatalf("answer %+v", ack.Ack)
	}
	slow := nextSamples(t, d, 3)
	if apart := slow[2].Time.Sub(slow[1].Time); apart < 400*time.Millisecond {
		t.Errorf("samples %v apart, want 700ms", apart)
	}
	first, last := slow[0].Sample.Steps.OffOff.Count, slow[2].Sample.Steps.OffOff.Count
	if steps := slow[2].Step - slow[0].Step; uint64(last-first) != steps {
		t.Errorf("%d steps in the statistics of %d", last-first, steps)
	}
	asked := time.Now()
	talk(t, p, d, `{"interval":"50ms"}`)
	quick := nextSamples(t, d, 5)
	if took := quick[4].Time.Sub(asked); took > 3*700*time.Millisecond {
		t.Errorf("five samples of 50ms within %v", took)
	}
	for _, line := range []string{`{"interval":"5s"}`, `{"interval":"soon"}`, `{"interval":1}`} {
		if ack := talk(t, p, d, line); ack.Ack.OK || ack.Ack.Field != "interval" {
			t.Errorf("%s: %+v", line, ack.Ack)
		}
	}
	talk(t, p, d, `{"pause":true}`)
	nextSamples(t, d, 6) // The last steps, and their rate.
	paused := nextSamples(t, d, 2)
	if apart := paused[1].Time.Sub(paused[0].Time); paused[1].Sample.State != profiler.StatePaused || apart < 700*time.Millisecond {
		t.Errorf("%s: samples %v apart, want 1s", paused[1].Sample.State, apart)
	}
}
