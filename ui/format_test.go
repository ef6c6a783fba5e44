package ui

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/moetop/moetop/profiler"
	"github.com/moetop/moetop/ui/internal/grid"
)

func TestFormats(t *testing.T) {
	t.Parallel()
	cases := []struct{ got, want string }{
		{micros(4.24), "4.2"},
		{micros(99999.94), "99999.9"},
		{micros(99999.96), "100000"},
		{micros(9999999), "9999999"},
		{micros(12_345_678), "12.3s"},
		{micros(math.NaN()), none},
		{micros(math.Inf(1)), none},
		{ratioText(1.268), "1.27x"},
		{ratioText(99.96), "100x"},
		{grouped(0), "0"},
		{grouped(999), "999"},
		{grouped(1234567), "1 234 567"},
		{grouped(-1234), "-1 234"},
		{perSecond(31.42), "31.4"},
		{perSecond(2366.4), "2 366"},
		{ageText(300 * time.Millisecond), "now"},
		{ageText(12 * time.Second), "12s"},
		{ageText(5 * time.Minute), "5m"},
		{ageText(3 * time.Hour), "3h"},
		{number(nil, "%"), unknown},
		{number(new(0.0), "%"), "0%"},
		{bytesText(0), "0.0 MiB"},
		{bytesText(3 << 30), "3.0 GiB"},
		{shortTuple(profiler.ESDown), "(F,T)"},
		{withoutIntervals("up 0.98x [0.97, 0.99]: off, down 1.27x [1.26, 1.28]"), "up 0.98x: off, down 1.27x"},
		{withoutIntervals("open [1.2"), "open [1.2"},
	}
	for _, c := range cases {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestMicrosFitTheirColumn(t *testing.T) {
	t.Parallel()
	for us := 0.001; us < 1e10; us *= 1.37 {
		if text := micros(us); len(text) > 7 {
			t.Errorf("%v is written %q, longer than the column", us, text)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name           string
		environ        []string
		color, needsIt bool
	}{
		{"nothing set", nil, true, false},
		{"NO_COLOR empty", []string{"NO_COLOR="}, true, false},
		{"NO_COLOR false", []string{"NO_COLOR=false"}, false, false},
		{"UTF-8", []string{"LANG=de_DE.UTF-8"}, true, false},
		{"utf8", []string{"LANG=C.utf8"}, true, false},
		{"C", []string{"LANG=C"}, true, true},
		{"LC_ALL wins", []string{"LANG=C", "LC_ALL=en_US.UTF-8"}, true, false},
		{"LC_CTYPE before LANG", []string{"LANG=en_US.UTF-8", "LC_CTYPE=POSIX"}, true, true},
		{"console", []string{"LANG=en_US.UTF-8", "TERM=linux"}, true, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if noColor(c.environ) == c.color || needsASCII(c.environ) != c.needsIt {
				t.Errorf("no colour %v, ASCII %v", noColor(c.environ), needsASCII(c.environ))
			}
		})
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("a few words and averyveryverylongone", 7)
	f.Add("", 1)
	f.Fuzz(func(t *testing.T, text string, width int) {
		if width < 1 || width > 200 {
			return
		}
		lines := wrap(text, width)
		for _, l := range lines {
			if grid.Width(l) > width {
				t.Errorf("%q is longer than %d", l, width)
			}
		}
		words := func(s string) string { return strings.Join(strings.Fields(s), "") }
		if got, want := words(strings.Join(lines, " ")), words(strings.ToValidUTF8(text, "\ufffd")); got != want && text == strings.ToValidUTF8(text, "") {
			t.Errorf("%q became %q", want, got)
		}
	})
}
