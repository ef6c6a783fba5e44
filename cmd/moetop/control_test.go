package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

// talk sends a control line and returns its answer.
func talk(t *testing.T, p *process, d *profiler.Decoder, line string) profiler.Record {
	t.Helper()
	if _, err := fmt.Fprintln(p.stdin, line); err != nil {
		t.Fatal(err)
	}
	answer, _ := until(t, d, "answer to "+line, kind(profiler.KindAck))
	return answer
}

func TestControl(t *testing.T) {
	t.Parallel()
	p := startBinary(t, nil, small("--ndjson", "--control", "-")...)
	d := profiler.NewDecoder(p.stdout)
	until(t, d, "a sample", measuring)

	ack := talk(t, p, d, `{"id":"1","es":{"up":true}}`)
	if !ack.Ack.OK || ack.Ack.ID != "1" {
		t.Errorf("answer %+v", ack.Ack)
	}
	toggle, _ := until(t, d, "toggle", kind(profiler.KindToggle))
	if toggle.Toggle.To != profiler.ESUp || toggle.Step < toggle.Toggle.RequestedStep || toggle.Generation <= ack.Generation-1 {
		t.Errorf("toggle %+v at step %d", toggle.Toggle, toggle.Step)
	}
	sample, _ := until(t, d, "a sample with ES", func(r profiler.Record) bool { return measuring(r) && r.Sample.ES == profiler.ESUp })
	for i, step := range sample.Sample.Recent.Step {
		if want := step >= toggle.Step; (profiler.ESMask(sample.Sample.Recent.Mask[i]) == profiler.ESUp) != want {
			t.Errorf("step %d ran with mask %d, the toggle is step %d", step, sample.Sample.Recent.Mask[i], toggle.Step)
		}
	}

	refused := talk(t, p, d, `{"tokens":0}`)
	if refused.Ack.OK || refused.Ack.Field != "tokens" || refused.Ack.Error == "" {
		t.Errorf("tokens 0: %+v", refused.Ack)
	}
	for _, line := range []string{`{"esx":1}`, `nonsense`, `{"es":{"up":1}}`, `{} {}`} {
		if a := talk(t, p, d, line); a.Ack.OK || a.Ack.Error == "" {
			t.Errorf("%s: %+v", line, a.Ack)
		}
	}
	// Whoever waits for an answer finds it by its id, whatever is wrong with the line.
	for _, line := range []string{`{"id":"r","tokens":"many"}`, `{"id":"r","tokns":8}`, `{"tokens":0,"id":"r"}`} {
		if a := talk(t, p, d, line); a.Ack.OK || a.Ack.ID != "r" {
			t.Errorf("%s: %+v", line, a.Ack)
		}
	}
	if a := talk(t, p, d, `{"id":"t","tokens":16}`); !a.Ack.OK {
		t.Errorf("tokens 16: %+v", a.Ack)
	}
	until(t, d, "steps of the new workload", func(r profiler.Record) bool { return measuring(r) && r.Generation > toggle.Generation })

	// The end of the commands is not the end of the run.
	if err := p.stdin.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, d, "a sample after the commands' end", measuring)
}

func TestControlStop(t *testing.T) {
	t.Parallel()
	p := startBinary(t, nil, small("--ndjson", "--control", "-")...)
	d := profiler.NewDecoder(p.stdout)
	until(t, d, "a sample", measuring)
	if _, err := fmt.Fprintln(p.stdin, `{"stop":true}`); err != nil {
		t.Fatal(err)
	}
	end, _ := until(t, d, "summary", kind(profiler.KindSummary))
	if end.Summary.Steps == 0 || p.wait(t) != exitDone {
		t.Errorf("summary %+v", end.Summary)
	}
}

func TestControlLineTooLong(t *testing.T) {
	t.Parallel()
	p := startBinary(t, nil, small("--ndjson", "--control", "-")...)
	d := profiler.NewDecoder(p.stdout)
	until(t, d, "a sample", measuring)
	answer := talk(t, p, d, strings.Repeat("x", maxControlLine+10))
	if answer.Ack.OK || !strings.Contains(answer.Ack.Error, "65536 bytes") {
		t.Errorf("answer %+v", answer.Ack)
	}
	until(t, d, "a sample", measuring)
}
