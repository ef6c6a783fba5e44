package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/moetop/moetop/profiler"
)

// ceilingCache keeps the ceilings of GPUs that were measured before, a file a GPU.
type ceilingCache struct{ dir string }

// ceilingsVersion is that of the file and of the way to measure: raised with every change after which
// earlier figures cannot stand beside new ones.
const ceilingsVersion = 1

// ceilingsEntry is such a file.
type ceilingsEntry struct {
	Version  int                `json:"version"`
	UUID     string             `json:"uuid"`
	Driver   string             `json:"driver"`
	Provider string             `json:"provider"` // that measured
	Ceilings *profiler.Ceilings `json:"ceilings"`
}

// newCeilingCache says where the cache is: $XDG_CACHE_HOME/moetop, or the same under ~/.cache.
func newCeilingCache(environ []string) (ceilingCache, error) {
	dir := baseFolder(environ, "XDG_CACHE_HOME", ".cache")
	if dir == "" {
		return ceilingCache{}, errors.New("neither XDG_CACHE_HOME nor HOME is set")
	}
	return ceilingCache{dir}, nil
}

func (c ceilingCache) path(uuid string) string {
	return filepath.Join(c.dir, "ceilings-"+uuid+".json")
}

// find returns the ceilings of a GPU under a driver, or nil. Whatever a file holds that is not such an
// entry, it is as good as none: the next measurement replaces it.
func (c ceilingCache) find(uuid, driver string) *profiler.Ceilings {
	if c.dir == "" {
		return nil
	}
	data, err := os.ReadFile(c.path(uuid))
	if err != nil {
		return nil
	}
	var entry ceilingsEntry
	if json.Unmarshal(data, &entry) != nil || entry.Version != ceilingsVersion || entry.UUID != uuid ||
		entry.Driver != driver || entry.Ceilings == nil || entry.Ceilings.Valid() != nil {
		return nil
	}
	return entry.Ceilings
}

// keep writes an entry that appears whole or not at all, since several runs may start at once.
func (c ceilingCache) keep(entry ceilingsEntry) error {
	if c.dir == "" {
		return errors.New("there is no folder for it")
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	entry.Version = ceilingsVersion
	data, err := json.MarshalIndent(entry, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(c.path(entry.UUID), append(data, '\n'), 0o644)
}

// maxCeilingsSpread is how far repeats may differ, in percent, for figures to be kept: beyond it
// something else has used the GPU.
const maxCeilingsSpread = 10
