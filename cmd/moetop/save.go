package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/moetop/moetop/profiler"
)

// saveTries bounds the reports of one second.
const saveTries = 100

// saver writes reports of a live session into a folder.
type saver struct {
	dir string
	now func() time.Time
}

// save writes what a view shows as --json would have printed it, had the run ended there, into a new
// file, and returns its path. No file that exists is touched.
func (s saver) save(view *profiler.View) (string, error) {
	report := view.Summary
	if report == nil {
		report = view.Report(view.Worker.Phase == profiler.WorkerDied)
	}
	if command := repeatCommand(view); command != nil {
		changed := *report
		changed.Command = command
		report = &changed
	}
	data, err := json.MarshalIndent(report, "", "  ")
	if err != nil {
		return "", fmt.Errorf("save: encode the report: %w", err)
	}
	file, err := s.create()
	if err != nil {
		return "", fmt.Errorf("save: %w", err)
	}
	_, err = file.Write(append(data, '\n'))
	if err = errors.Join(err, file.Close()); err != nil {
		// A report that is cut short must not be taken for one.
		return "", errors.Join(fmt.Errorf("save: %w", err), os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// create makes a file named after the time, with a number behind it where that name is taken.
func (s saver) create() (*os.File, error) {
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return nil, err
	}
	stem := filepath.Join(dir, "moetop-"+s.now().Format("20060102-150405"))
	for i := 1; ; i++ {
		path := stem + ".json"
		if i > 1 {
			path = fmt.Sprintf("%s-%d.json", stem, i)
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) && i < saveTries {
			continue
		}
		return file, err
	}
}
