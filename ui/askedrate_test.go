package ui

import (
	"slices"
	"testing"
)

// TestFrozenScreenAsksForFewerSamples checks that the usual rate comes back, and that a stream which
// others take, too, keeps it.
func TestFrozenScreenAsksForFewerSamples(t *testing.T) {
	t.Parallel()
	m := testModel(t, 160, 48, cudaView(), nil)
	m.view.Header.IntervalMS = 100
	press(m, "space")
	press(m, "?")
	press(m, "esc")
	press(m, "space")
	want := []string{`{"interval":"1s"}`, `{"interval":"100ms"}`}
	if got := sent(t, m); !slices.Equal(got, want) {
		t.Errorf("sent %q, want %q", got, want)
	}
	m.opts.FullRate = true
	press(m, "space")
	if got := sent(t, m); len(got) > 0 {
		t.Errorf("sent %q at the full rate", got)
	}
}
