package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
)

func TestMeasuringFlagsThatDoNotFit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"ab and aa":                     {[]string{"--ab", "--aa"}, "--ab and --aa"},
		"aa and a schedule":             {[]string{"--aa", "--es-schedule", "0s=up"}, "--es-schedule"},
		"until and a mask":              {[]string{"--until-significant", "--es", "up"}, "--ab and --es"},
		"until and a duration":          {[]string{"--until-significant", "--duration", "1s"}, "--max-duration limits"},
		"a maximum of nothing":          {[]string{"--ab", "--max-duration", "1s"}, "only allowed with --until-significant"},
		"a width of nothing":            {[]string{"--ab", "--until-width", "1"}, "only allowed with --until-significant"},
		"a width beyond what is likely": {[]string{"--until-significant", "--until-width", "101"}, "from 0.01 to 100, in percent"},
		"always busy":                   {[]string{"--duty", "101"}, "from 1 to 100, in percent"},
		"never busy":                    {[]string{"--duty", "0"}, "from 1 to 100, in percent"},
		"no number":                     {[]string{"--until-significant", "--until-width", "NaN"}, "from 0.01 to 100, in percent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, nil, small(append([]string{"--json"}, test.args...)...)...)
			if got.code != exitUsage || got.stdout != "" || !strings.Contains(got.stderr, test.want) {
				t.Errorf("code %d, stdout %q, stderr %q, want %q", got.code, got.stdout, got.stderr, test.want)
			}
		})
	}
}

func TestUntilSignificant(t *testing.T) {
	t.Parallel()
	strict, _ := schemas(t, true)
	for name, test := range map[string]struct {
		args  []string
		ended profiler.EndCause
	}{
		// With 4 experts of 4 rows each ES is several times faster on the CPU engine.
		"it settles":    {[]string{"--max-duration", "40s"}, profiler.EndSettled},
		"it is too few": {[]string{"--max-duration", "50ms"}, profiler.EndMaxDuration},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runBinary(t, nil, small(append([]string{"--json", "--until-significant"}, test.args...)...)...)
			if got.code != exitDone {
				t.Fatalf("code %d, stderr %q", got.code, got.stderr)
			}
			validate(t, strict, got.stdout)
			r := report(t, got.stdout)
			if r.EndedBy != test.ended || !r.AB || r.AA || r.Verdict.Settled != (test.ended == profiler.EndSettled) {
				t.Errorf("ended by %q, A/B %v, A/A %v, verdict %+v", r.EndedBy, r.AB, r.AA, r.Verdict)
			}
			known := r.Verdict.EnableES != nil
			if known != r.Verdict.Settled || known == strings.HasPrefix(r.Verdict.Text, "not known after") {
				t.Errorf("verdict %+v", r.Verdict)
			}
		})
	}
}

func TestAA(t *testing.T) {
	t.Parallel()
	strict, _ := schemas(t, true)
	got := runBinary(t, nil, small("--json", "--aa", "--es", "both", "--duration", "1500ms")...)
	validate(t, strict, got.stdout)
	r := report(t, got.stdout)
	if got.code != exitDone || !r.AA || r.Verdict.EnableES != nil || r.Step.OnOn == nil || r.Step.OffOff != nil {
		t.Fatalf("code %d, A/A %v, verdict %+v, steps %+v", got.code, r.AA, r.Verdict, r.Step)
	}
	if up := stage(t, r, profiler.Up); up.Off != nil || up.On == nil {
		t.Errorf("up ran with ES off, too: %+v", up)
	}
	if d := time.Duration(r.DurationS * float64(time.Second)); d < time.Second || r.EndedBy != profiler.EndDuration {
		t.Errorf("ended by %q after %v", r.EndedBy, d)
	}
}

func TestDuty(t *testing.T) {
	t.Parallel()
	strict, _ := schemas(t, true)
	got := runBinary(t, nil, small("--json", "--duty", "20", "--duration", "1500ms")...)
	validate(t, strict, got.stdout)
	r := report(t, got.stdout)
	if got.code != exitDone || r.DutyPercent == nil || *r.DutyPercent != 20 || r.Step.OffOff == nil {
		t.Fatalf("code %d, duty %v, stderr %q", got.code, r.DutyPercent, got.stderr)
	}
	// On a machine that does other things, too, the step that a gap was computed from may have been
	// slower or faster; far from 20% it can only be without gaps.
	busy := 100 * r.Step.OffOff.MeanUS * float64(r.Step.OffOff.Count) / (r.DurationS * 1e6)
	if busy < 5 || busy > 40 {
		t.Errorf("busy %.1f%% of the time, want about 20%%", busy)
	}
	if gap := r.Step.LaunchGapUS; gap != nil && gap.MedianUS > 500 {
		t.Errorf("launch gap %+v counts our own idling", gap)
	}
	if !strings.Contains(strings.Join(r.Command, " "), "--duty=20") {
		t.Errorf("command %q does not repeat the run", r.Command)
	}
}

// TestFieldsOfAGPUFitTheSchema fills in what only a GPU's instruments can tell.
func TestFieldsOfAGPUFitTheSchema(t *testing.T) {
	t.Parallel()
	strict, stream := schemas(t, true)
	r := report(t, runBinary(t, nil, small("--json", "--steps", "5")...).stdout)
	side := func() *profiler.SideConditions {
		return &profiler.SideConditions{Readings: 3, SMClockMHz: new(1980.0), PowerWatts: new(612.5), ThrottleReasons: []string{"power cap"}}
	}
	figures := &profiler.Range{Median: 2, Min: 1, Max: 3, Count: 3}
	r.Stages[profiler.Up].Ratio = &profiler.Ratio{Value: 1.1, Low: 1, High: 1.2, PValue: 0.5, Pairs: 12, OffConditions: side(), OnConditions: side()}
	r.NVML = &profiler.NVMLStats{
		EnergyJoulesPerToken: new(0.25), EnergySource: new("counter"),
		ByES: map[string]*profiler.MaskNVML{"off": {SMClockMHz: figures, PowerWatts: figures, EnergyJoulesPerToken: new(0.25)}, "up": {}},
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	validate(t, strict, string(text))
	record := profiler.Record{Kind: profiler.KindSample, Time: time.Now(), Sample: &profiler.Sample{
		State: profiler.StateRunning, Stages: r.Stages, NVMLStats: r.NVML, EndedBy: profiler.EndSettled,
		Cycles: []profiler.Cycle{
			{Cycle: 1, Time: time.Now(), SMClockMHz: new(1980.0), PowerWatts: new(612.5), ThrottleReasons: []string{}, ReadingDistanceMS: new(1.5)},
			{Cycle: 2, Time: time.Now()},
		},
	}}
	if text, err = json.Marshal(record); err != nil {
		t.Fatal(err)
	}
	validate(t, stream, string(text))
}
