package main

import (
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

func TestParseCtl(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		args, line, refused string
	}{
		"both stages":   {"es up=on down=off", `{"es":{"up":true,"down":false}}`, ""},
		"one stage":     {"es down=on", `{"es":{"down":true}}`, ""},
		"tokens":        {"tokens 512", `{"tokens":512}`, ""},
		"routing":       {"routing zipf:1.2", `{"routing":"zipf:1.2"}`, ""},
		"model":         {"model dsv3-tp8", `{"model":"dsv3-tp8"}`, ""},
		"kernels":       {"kernels cutlass", `{"kernels":"cutlass"}`, ""},
		"interval":      {"interval 1s", `{"interval":"1s"}`, ""},
		"pause":         {"pause on", `{"pause":true}`, ""},
		"go on":         {"pause off", `{"pause":false}`, ""},
		"A/B":           {"ab off", `{"ab":false}`, ""},
		"reset":         {"reset", `{"reset":true}`, ""},
		"stop":          {"stop", `{"stop":true}`, ""},
		"nothing":       {"", "", "a command is missing: one of es, ab, pause, tokens"},
		"unknown":       {"start", "", `command "start" is not allowed`},
		"no operand":    {"tokens", "", "tokens: a word is missing: N"},
		"two operands":  {"tokens 1 2", "", `tokens: "2" is not allowed`},
		"more words":    {"stop now", "", `stop: "now" is not allowed`},
		"no number":     {"tokens many", "", `tokens: "many" is not allowed: a whole number is`},
		"no duration":   {"interval soon", "", `interval: "soon" is not allowed: a duration from 10ms to 2s, such as 500ms is`},
		"long duration": {"interval 5s", "", "interval: 5s is not allowed: a duration from 10ms to 2s"},
		"other switch":  {"pause yes", "", `pause: "yes" is not allowed: on or off is`},
		"other stage":   {"es route=on", "", `es: "route=on" is not allowed`},
		"stage twice":   {"es up=on up=off", "", `es: "up=off" is not allowed`},
		"no switch":     {"es up", "", `es: up: "" is not allowed`},
		"no stage":      {"es on", "", `es: "on" is not allowed`},
		"other letters": {"ES up=on", "", `command "ES" is not allowed`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, err := parseCtl(strings.Fields(test.args))
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("got %+v, %v; want %q", cmd, err, test.refused)
				}
				return
			}
			line, encodeErr := profiler.EncodeCommand(cmd)
			if err != nil || encodeErr != nil || strings.TrimSpace(string(line)) != test.line {
				t.Errorf("got %s, %v, %v; want %s", line, err, encodeErr, test.line)
			}
			// The session reads what the client writes.
			if _, err := profiler.ParseCommand(line); err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzParseCtl(f *testing.F) {
	for _, seed := range []string{"es up=on down=off", "tokens 99999999999999999999", "routing =", "stop", "model \x00", "es ==", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, words string) {
		cmd, err := parseCtl(strings.Fields(words))
		if err != nil {
			return
		}
		line, err := profiler.EncodeCommand(cmd)
		if err != nil {
			t.Fatalf("%q: %v", words, err)
		}
		if _, err := profiler.ParseCommand(line); err != nil && len(line) < profiler.MaxCommandLine {
			t.Errorf("%q became %s, which the session refuses: %v", words, line, err)
		}
	})
}

func TestCtlUsage(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"no socket": {"ctl", "stop"}, "no command": {"ctl", "--socket", "/x"}, "unknown flag": {"ctl", "--soket", "/x", "stop"},
		"no time": {"ctl", "--timeout", "0s", "--socket", "/x", "stop"},
	} {
		if got := runBinary(t, nil, args...); got.code != exitUsage || got.stdout != "" || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
