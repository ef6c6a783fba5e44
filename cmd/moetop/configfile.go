package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// configFile holds the flags that a config file sets, as texts. Those of a table named after a
// command are for that command alone, and win there.
type configFile struct {
	path     string
	found    bool
	values   map[string]string
	commands map[string]map[string]string
}

// configPath is where the config file is looked for: at the path that was given, or at its place
// under the user's folder. It is empty where there is no such folder.
func configPath(given string, environ []string) string {
	if given != "" {
		return given
	}
	if dir := baseFolder(environ, "XDG_CONFIG_HOME", ".config"); dir != "" {
		return filepath.Join(dir, "config.toml")
	}
	return ""
}

// baseFolder is moetop's folder below the one that a variable of the base directory specification names,
// or below fallback in the user's home; empty where neither is set. The specification has a relative
// path ignored.
func baseFolder(environ []string, name, fallback string) string {
	if dir := variable(environ, name); filepath.IsAbs(dir) {
		return filepath.Join(dir, "moetop")
	}
	if home := variable(environ, "HOME"); home != "" {
		return filepath.Join(home, fallback, "moetop")
	}
	return ""
}

// variable returns the last value of an environment variable, as a shell would.
func variable(environ []string, name string) string {
	value := ""
	for _, entry := range environ {
		if k, v, ok := strings.Cut(entry, "="); ok && k == name {
			value = v
		}
	}
	return value
}

// readConfigFile reads the file. Only one that was asked for by its path has to be there.
func readConfigFile(given string, environ []string) (*configFile, error) {
	c := &configFile{path: configPath(given, environ)}
	if c.path == "" {
		return c, nil
	}
	data, err := os.ReadFile(c.path)
	if errors.Is(err, fs.ErrNotExist) && given == "" {
		return c, nil
	}
	if err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	c.found = true
	if err := c.parse(data); err != nil {
		return nil, fmt.Errorf("config file %s: %w", c.path, err)
	}
	return c, nil
}

func (c *configFile) parse(data []byte) error {
	var document map[string]any
	if err := toml.Unmarshal(data, &document); err != nil {
		if decode, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, column := decode.Position()
			return fmt.Errorf("line %d, column %d: %w", row, column, err)
		}
		return err
	}
	c.values, c.commands = make(map[string]string), make(map[string]map[string]string)
	// In the order of the keys, so that of several mistakes the same one is always told.
	for _, key := range slices.Sorted(maps.Keys(document)) {
		table, isTable := document[key].(map[string]any)
		if !isTable {
			if err := setText(c.values, key, key, document[key]); err != nil {
				return err
			}
			continue
		}
		c.commands[key] = make(map[string]string)
		for _, name := range slices.Sorted(maps.Keys(table)) {
			if err := setText(c.commands[key], name, key+"."+name, table[name]); err != nil {
				return err
			}
		}
	}
	return nil
}

// setText stores a value as the text that the flag would have been given.
func setText(values map[string]string, key, shown string, value any) error {
	list, isList := value.([]any)
	if !isList {
		list = []any{value}
	}
	texts := make([]string, 0, len(list))
	for _, element := range list {
		switch element := element.(type) {
		case string:
			texts = append(texts, element)
		case int64:
			texts = append(texts, strconv.FormatInt(element, 10))
		case float64:
			texts = append(texts, strconv.FormatFloat(element, 'g', -1, 64))
		case bool:
			texts = append(texts, strconv.FormatBool(element))
		default:
			return fmt.Errorf("key %q: a value of this kind is not allowed: a string, number, boolean or a list of them is", shown)
		}
	}
	values[key] = strings.Join(texts, ",")
	return nil
}

// check refuses keys that no command has a flag for.
func (c *configFile) check(root *cobra.Command) error {
	everywhere := make(map[string]bool)
	byCommand := make(map[string]map[string]bool)
	for _, cmd := range append([]*cobra.Command{root}, root.Commands()...) {
		names := make(map[string]bool)
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if settable(f) {
				names[f.Name], everywhere[f.Name] = true, true
			}
		})
		if cmd != root && len(names) > 0 {
			byCommand[cmd.Name()] = names
		}
	}
	refuse := func(key, allowed string) error {
		return fmt.Errorf("config file %s: key %q is not allowed: %s", c.path, key, allowed)
	}
	for _, key := range slices.Sorted(maps.Keys(c.values)) {
		if !everywhere[key] {
			return refuse(key, "the names of flags are, without dashes before them, as moetop config lists them")
		}
	}
	for _, command := range slices.Sorted(maps.Keys(c.commands)) {
		names := byCommand[command]
		if names == nil {
			return refuse(command, "a table is named after one of the commands "+strings.Join(slices.Sorted(maps.Keys(byCommand)), ", "))
		}
		for _, key := range slices.Sorted(maps.Keys(c.commands[command])) {
			if !names[key] {
				return refuse(command+"."+key, "the flags of moetop "+command+" are "+strings.Join(slices.Sorted(maps.Keys(names)), ", "))
			}
		}
	}
	return nil
}

// apply sets the flags of a command that neither the command line nor the environment has set.
func (c *configFile) apply(flags *pflag.FlagSet, command string) error {
	settled := settledFlags(flags)
	var failure error
	flags.VisitAll(func(f *pflag.Flag) {
		if failure != nil || f.Changed || !settable(f) || settled.overrule(f.Name) || idle(flags, f.Name) {
			return
		}
		value, ok := c.commands[command][f.Name]
		if !ok {
			value, ok = c.values[f.Name]
		}
		if !ok {
			return
		}
		if err := flags.Set(f.Name, value); err != nil {
			failure = fmt.Errorf("config file %s: key %q: %q: %w", c.path, f.Name, value, unwrapFlagError(err))
		}
	})
	return failure
}
