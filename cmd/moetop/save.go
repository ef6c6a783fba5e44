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
	return s.write("moetop", report)
}

// write puts a document into a new file.
func (s saver) write(stem string, document any) (string, error) {
	data, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return "", fmt.Errorf("save: encode the document: %w", err)
	}
	return s.inNew(stem, ".json", func(path string) error {
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err != nil {
			return err
		}
		_, err = file.Write(append(data, '\n'))
		if err = errors.Join(err, file.Close()); err != nil {
			// A document that is cut short must not be taken for one.
			return errors.Join(err, os.Remove(path))
		}
		return nil
	})
}

// inNew has a file created that is named after the time, with a number behind it where that name is
// taken, and returns its path. create must refuse a file that exists.
func (s saver) inNew(stem, extension string, create func(path string) error) (string, error) {
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return "", fmt.Errorf("save: %w", err)
	}
	base := filepath.Join(dir, stem+"-"+s.now().Format("20060102-150405"))
	for i := 1; ; i++ {
		path := base + extension
		if i > 1 {
			path = fmt.Sprintf("%s-%d%s", base, i, extension)
		}
		err := create(path)
		if errors.Is(err, fs.ErrExist) && i < saveTries {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("save: %w", err)
		}
		return path, nil
	}
}
