package profiler

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// MaxCommandLine bounds a control line, in bytes.
const MaxCommandLine = 64 << 10

// commandField decodes one field of a command.
type commandField struct {
	name    string
	allowed string
	target  func(*Command) any
}

// commandFields lists the fields in the order in which they are carried out.
func commandFields() []commandField {
	return []commandField{
		{"id", "a string", func(c *Command) any { return &c.ID }},
		{"stop", "true or false", func(c *Command) any { return &c.Stop }},
		{"pause", "true or false", func(c *Command) any { return &c.Pause }},
		{"ab", "true or false", func(c *Command) any { return &c.AB }},
		{"es", `an object such as {"up": true, "down": false}`, func(c *Command) any { return &c.ES }},
		{"reset", "true or false", func(c *Command) any { return &c.Reset }},
		{"model", "a string: a preset with its shard, such as dsv3-tp8", func(c *Command) any { return &c.Model }},
		{"tokens", "a whole number", func(c *Command) any { return &c.Tokens }},
		{"routing", "a string: uniform, zipf:1.0, hot or trace:FILE", func(c *Command) any { return &c.Routing }},
		{"kernels", "a string: a kernel family", func(c *Command) any { return &c.Kernels }},
		{"interval", "a string: " + askedIntervalAllowed(), func(c *Command) any { return &c.Interval }},
		{"cancel", "true or false", func(c *Command) any { return &c.Cancel }},
	}
}

// ParseCommand reads one control line. What it cannot accept it refuses with an *ArgumentError that
// names the field. The command's ID is set even then, where it could be read, for the answer.
func ParseCommand(line []byte) (Command, error) {
	var c Command
	if len(line) > MaxCommandLine {
		return c, &ArgumentError{
			Field: "control line", Value: fmt.Sprintf("%d bytes", len(line)),
			Allowed: fmt.Sprintf("at most %d bytes", MaxCommandLine),
		}
	}
	values, err := objectFields("control line", line)
	if err != nil {
		return c, err
	}
	fields := commandFields()
	es := values["es"]
	for _, field := range fields {
		value, ok := values[field.name]
		if !ok {
			continue
		}
		delete(values, field.name)
		if err := decodeField(field, value, &c); err != nil {
			return Command{ID: c.ID}, err
		}
	}
	if len(values) > 0 {
		return Command{ID: c.ID}, unknownField(values, "", fields)
	}
	if c.ES != nil && c.AB != nil && *c.AB {
		return Command{ID: c.ID}, &ArgumentError{
			Field: "es", Value: string(clip(es)), Allowed: `no mask beside "ab": true, since A/B mode switches ES by itself`,
		}
	}
	return c, nil
}

// decodeField sets one field. Null says nothing, so it is refused.
func decodeField(field commandField, value json.RawMessage, c *Command) error {
	if field.name == "es" {
		if err := checkESFields(value); err != nil {
			return err
		}
	}
	if string(value) == "null" || json.Unmarshal(value, field.target(c)) != nil {
		return &ArgumentError{Field: field.name, Value: string(clip(value)), Allowed: field.allowed}
	}
	return nil
}

// checkESFields holds the object "es" to what it may say.
func checkESFields(value json.RawMessage) error {
	values, err := objectFields("es", value)
	if err != nil {
		return err
	}
	if len(values) == 0 {
		return &ArgumentError{Field: "es", Value: string(clip(value)), Allowed: "up, down or both of them"}
	}
	for _, name := range []string{"up", "down"} {
		if v, ok := values[name]; ok && string(v) != "true" && string(v) != "false" {
			return &ArgumentError{Field: "es." + name, Value: string(clip(v)), Allowed: "true or false"}
		}
		delete(values, name)
	}
	if len(values) > 0 {
		return unknownField(values, "es.", []commandField{{name: "up"}, {name: "down"}})
	}
	return nil
}

// objectFields splits an object that stands alone on its line.
func objectFields(field string, text []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	var values map[string]json.RawMessage
	err := decoder.Decode(&values)
	if err == nil && values == nil {
		err = errors.New("null")
	}
	if err != nil {
		return nil, &ArgumentError{Field: field, Value: excerpt(text), Allowed: "a JSON object"}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, &ArgumentError{Field: field, Value: excerpt(text), Allowed: "one JSON object alone on its line"}
	}
	return values, nil
}

// unknownField refuses the first of the fields that nobody knows.
func unknownField(values map[string]json.RawMessage, prefix string, known []commandField) error {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	first := slices.Min(names)
	allowed := make([]string, 0, len(known))
	for _, field := range known {
		allowed = append(allowed, field.name)
	}
	return &ArgumentError{
		Field: prefix + string(clip([]byte(first))), Value: "a field of this name",
		Allowed: "one of the fields " + strings.Join(allowed, ", "),
	}
}

// clip keeps a refused value short enough to show.
func clip(value []byte) []byte {
	const most = 80
	if len(value) > most {
		return append(slices.Clone(value[:most]), "..."...)
	}
	return value
}

// EncodeCommand returns the control line for a command, with its newline.
func EncodeCommand(c Command) ([]byte, error) {
	line, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode a command: %w", err)
	}
	return append(line, '\n'), nil
}
