package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"github.com/moetop/moetop/ui"
)

// leftSettings are what --save-config remembers of a session: the look, and what ran last.
func leftSettings(left ui.Left) map[string]any {
	settings := map[string]any{"theme": left.Theme, "view": left.View}
	view := left.Last
	if view == nil || view.Header == nil || view.Workload == nil {
		return settings
	}
	for _, flag := range runningFlags(view, view.Header.Command) {
		name, value := flagOf(flag)
		if !slices.Contains(rememberedFlags(), name) {
			continue // No key changes the seed, and a test or a run until its verdict is for once.
		}
		if name == "config-json" {
			// The next session may be started in another folder.
			if whole, err := filepath.Abs(value); err == nil {
				value = whole
			}
		}
		settings[name] = value
		if number, err := strconv.Atoi(value); err == nil {
			settings[name] = number
		}
		if flag == "--ab" {
			settings[name] = true
		}
	}
	return settings
}

// rememberedFlags are those that a remembered session speaks about: what it does not say goes, or it
// would say the contrary, such as es beside ab.
func rememberedFlags() []string {
	return []string{
		"theme", "view", "model", "config-json", "experts", "top-k", "hidden", "intermediate", "tp", "ep", "tokens", "routing",
		"kernels", "es", "es-schedule", "ab",
	}
}

// saveConfig writes the settings into the config file, and leaves everything else in it as it is,
// comments too.
func saveConfig(path string, settings map[string]any) error {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--save-config: %w", err)
	}
	text, err := withSettings(old, settings)
	if err != nil {
		return fmt.Errorf("--save-config: %s: %w", path, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("--save-config: %w", err)
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return fmt.Errorf("--save-config: %w", err)
		}
	}
	if err := replaceFile(path, text, mode); err != nil {
		return fmt.Errorf("--save-config: %w", err)
	}
	return nil
}

// tableLine begins a table: what follows belongs to a command.
var tableLine = regexp.MustCompile(`^\s*\[`)

// withSettings changes the lines of the keys outside tables. The outcome is parsed again: where a file
// is written so that lines are not enough, it is refused rather than spoilt.
func withSettings(old []byte, settings map[string]any) ([]byte, error) {
	var was map[string]any
	if err := toml.Unmarshal(old, &was); err != nil {
		return nil, err
	}
	lines := slices.Collect(strings.Lines(string(old)))
	tables := slices.IndexFunc(lines, tableLine.MatchString)
	if tables < 0 {
		tables = len(lines)
	}
	left := maps.Clone(settings)
	var out []string
	for _, line := range lines[:tables] {
		name := keyOf(line)
		if !slices.Contains(rememberedFlags(), name) {
			out = append(out, line)
			continue
		}
		if value, ok := left[name]; ok {
			out = append(out, tomlLine(name, value)+trailingComment(line)+"\n")
			delete(left, name)
		}
	}
	if n := len(out); n > 0 && !strings.HasSuffix(out[n-1], "\n") {
		out[n-1] += "\n"
	}
	// What comes new stands before the blank lines that part the tables off.
	end := len(out)
	for end > 0 && tables < len(lines) && strings.TrimSpace(out[end-1]) == "" {
		end--
	}
	var added []string
	for _, name := range slices.Sorted(maps.Keys(left)) {
		added = append(added, tomlLine(name, left[name])+"\n")
	}
	out = append(slices.Insert(out, end, added...), lines[tables:]...)
	text := []byte(strings.Join(out, ""))

	want := make(map[string]any)
	for name, value := range was {
		if _, isTable := value.(map[string]any); isTable || !slices.Contains(rememberedFlags(), name) {
			want[name] = value
		}
	}
	maps.Copy(want, settings)
	if err := sameTOML(text, want); err != nil {
		return nil, err
	}
	return text, nil
}

// keyOf is the bare or quoted key that a line sets; empty for other lines.
func keyOf(line string) string {
	name, _, found := strings.Cut(line, "=")
	if !found {
		return ""
	}
	return strings.Trim(strings.TrimSpace(name), `"'`)
}

// trailingComment keeps what somebody has written behind a value. A # inside a text is none.
func trailingComment(line string) string {
	_, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "=")
	quote := rune(0)
	for i, r := range value {
		switch {
		case quote == 0 && r == '#':
			return " " + value[i:]
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case r == quote:
			quote = 0
		}
	}
	return ""
}

func tomlLine(name string, value any) string {
	data, err := toml.Marshal(map[string]any{name: value})
	if err != nil {
		panic(err) // Texts, numbers and truths can be written.
	}
	return strings.TrimSpace(string(data))
}

// sameTOML fails unless the text says what is wanted and nothing else.
func sameTOML(text []byte, want map[string]any) error {
	expected, err := toml.Marshal(want)
	if err != nil {
		return err
	}
	var got map[string]any
	if err := toml.Unmarshal(text, &got); err == nil {
		if again, err := toml.Marshal(got); err == nil && bytes.Equal(again, expected) {
			return nil
		}
	}
	return errors.New("it is written so that it cannot be changed line by line; a file with one key on a line is allowed")
}

// remember writes what the session left, and says where.
func (a *app) remember(o *options, left ui.Left) error {
	if !o.saveConfig {
		return nil
	}
	settings := leftSettings(left)
	if err := saveConfig(o.configPath, settings); err != nil {
		return err
	}
	a.tell("remembered in %s: %s", o.configPath, strings.Join(slices.Sorted(maps.Keys(settings)), ", "))
	return nil
}

// checkSaveConfig refuses at the start what could not be done at the end.
func (o *options) checkSaveConfig() error {
	if !o.saveConfig {
		return nil
	}
	if o.configPath == "" {
		return errors.New("--save-config: neither XDG_CONFIG_HOME nor HOME is set: a path by --config is allowed")
	}
	if info, err := os.Stat(o.configPath); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("--save-config: %s is no file: a config file by --config is allowed", o.configPath)
	}
	return nil
}
