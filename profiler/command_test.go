package profiler

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestCommandsRoundTrip(t *testing.T) {
	t.Parallel()
	yes, no, tokens := true, false, 512
	model, routing, kernels := "dsv3-tp8", "zipf:1.2", "cutlass"
	cases := []struct {
		name    string
		line    string
		command Command
	}{
		{"es", `{"es":{"up":true}}`, Command{ES: &ESCommand{Up: &yes}}},
		{"both", `{"id":"7","es":{"up":false,"down":true}}`, Command{ID: "7", ES: &ESCommand{Up: &no, Down: &yes}}},
		{"tokens", `{"tokens":512}`, Command{Tokens: &tokens}},
		{"pause", `{"pause":true}`, Command{Pause: &yes}},
		{"go on", `{"pause":false}`, Command{Pause: &no}},
		{"interval", `{"interval":"1s"}`, Command{Interval: new(AskedInterval(time.Second))}},
		{"ab", `{"ab":true}`, Command{AB: &yes}},
		{"a mask after A/B mode", `{"ab":false,"es":{"up":true}}`, Command{AB: &no, ES: &ESCommand{Up: &yes}}},
		{"stop", `{"stop":true}`, Command{Stop: true}},
		{"reset", `{"reset":true}`, Command{Reset: true}},
		{
			"workload", `{"model":"dsv3-tp8","tokens":512,"routing":"zipf:1.2","kernels":"cutlass"}`,
			Command{Model: &model, Tokens: &tokens, Routing: &routing, Kernels: &kernels},
		},
		{"spaces", " { \"tokens\" : 512 }\r\n", Command{Tokens: &tokens}},
		{"nothing but a question", `{"id":"ping"}`, Command{ID: "ping"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseCommand([]byte(tc.line))
			if err != nil || !reflect.DeepEqual(got, tc.command) {
				t.Fatalf("parsed %+v, %v", got, err)
			}
			line, err := EncodeCommand(got)
			if err != nil || line[len(line)-1] != '\n' {
				t.Fatalf("encoded %q, %v", line, err)
			}
			if again, err := ParseCommand(line); err != nil || !reflect.DeepEqual(again, got) {
				t.Errorf("%q came back as %+v, %v", line, again, err)
			}
		})
	}
}

func TestRefusedControlLines(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name  string
		line  string
		field string
		id    string
	}{
		{"unknown field", `{"id":"a","token":5}`, "token", "a"},
		{"unknown stage", `{"id":"b","es":{"quant":true}}`, "es.quant", "b"},
		{"case counts", `{"ES":{"up":true}}`, "ES", ""},
		{"no number", `{"tokens":"512","id":"c"}`, "tokens", "c"},
		{"a fraction", `{"tokens":1.5}`, "tokens", ""},
		{"null", `{"tokens":null}`, "tokens", ""},
		{"empty es", `{"es":{}}`, "es", ""},
		{"es is no object", `{"es":true}`, "es", ""},
		{"es is null", `{"es":null}`, "es", ""},
		{"stage is no boolean", `{"es":{"up":1}}`, "es.up", ""},
		{"no object", `[1]`, "control line", ""},
		{"null line", `null`, "control line", ""},
		{"empty line", ``, "control line", ""},
		{"text", `toggle up`, "control line", ""},
		{"cut off", `{"tokens":5`, "control line", ""},
		{"two values", `{"tokens":5} {"tokens":6}`, "control line", ""},
		{"two values without a space", `{"stop":true}{"stop":true}`, "control line", ""},
		{"too long", `{"id":"` + strings.Repeat("x", MaxCommandLine) + `"}`, "control line", ""},
		{"no duration", `{"interval":1}`, "interval", ""},
		{"interval too short", `{"interval":"1ms"}`, "interval", ""},
		{"interval at which a worker seems to hang", `{"interval":"5s"}`, "interval", ""},
		{"id is no string", `{"id":5}`, "id", ""},
		{"a mask for A/B mode", `{"id":"d","es":{"up":true},"ab":true}`, "es", "d"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseCommand([]byte(tc.line))
			var argument *ArgumentError
			if !errors.As(err, &argument) {
				t.Fatalf("parsed %+v, %v, want an ArgumentError", got, err)
			}
			if argument.Field != tc.field || argument.Allowed == "" || len(argument.Error()) > 400 {
				t.Errorf("refused with %q, want the field %q named", argument, tc.field)
			}
			if !reflect.DeepEqual(got, Command{ID: tc.id}) {
				t.Errorf("a refused line left %+v, want the ID %q alone", got, tc.id)
			}
			if ack := NewAck(got.ID, err); ack.OK || ack.Field != tc.field || ack.ID != tc.id {
				t.Errorf("answered with %+v", ack)
			}
		})
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, seed := range []string{
		`{"es":{"up":true,"down":false},"id":"x"}`, `{"tokens":512}`, `{"a":1}`, `{} {}`, "\xff", `{"es":{"up":null}}`,
		`{"model":"m","routing":"hot","kernels":"native","pause":false,"ab":true,"reset":true,"stop":true}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		command, err := ParseCommand(line)
		if err != nil {
			if _, ok := errors.AsType[*ArgumentError](err); !ok {
				t.Fatalf("refused %q with %v, which names no field", line, err)
			}
			return
		}
		encoded, err := EncodeCommand(command)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := ParseCommand(encoded); err != nil || !reflect.DeepEqual(again, command) {
			t.Fatalf("%q came back as %+v, %v, want %+v", encoded, again, err, command)
		}
	})
}
