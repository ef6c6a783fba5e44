package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/moetop/moetop/profiler/sweep"
)

// print writes what was asked for. It tells how many points failed as an error.
func (s *sweepRun) print() error {
	if s.header == nil {
		if len(s.results) > 0 {
			return fmt.Errorf("none of %d points could be measured, and nothing is known of what ran them", len(s.results))
		}
		return nil
	}
	h := *s.header
	h.Plan, h.Command = s.o.plan, s.o.command(s.app.program)
	document := sweep.NewDocument(h, s.results, time.Now())
	if err := s.write(document); err != nil {
		return err
	}
	failed := 0
	for _, r := range document.Points {
		if r.Status == sweep.Failed {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d points failed", failed, len(document.Points))
	}
	return nil
}

func (s *sweepRun) write(d *sweep.Document) error {
	if s.o.json {
		return s.app.writeJSON(s.o.output, d)
	}
	format := func(out io.Writer) error { return d.WriteTable(out, s.app.tableWidth(s.o.output)) }
	switch {
	case s.o.csv:
		format = d.WriteCSV
	case s.o.benchfmt:
		format = d.WriteBenchmarks
	case s.o.deploy != "":
		format = d.WritePython
	}
	var b bytes.Buffer
	if err := format(&b); err != nil {
		return err
	}
	return s.app.writeData(s.o.output, b.Bytes())
}

// tableWidth is the width of the terminal that a table goes to; 0 if it goes elsewhere.
func (a *app) tableWidth(output string) int {
	file, ok := a.stdout.(*os.File)
	if output != "" || !ok {
		return 0
	}
	return terminalWidth(file)
}

// close leaves a file behind if it has points that were not all printed, or was asked for.
func (s *sweepRun) close(printed bool) error {
	if s.journal == nil {
		return nil
	}
	path := s.journal.Path()
	switch {
	case s.o.resume == "" && (printed || !s.begun):
		return errors.Join(os.Remove(path), s.journal.Close())
	case !printed && s.begun:
		s.tell("finished points are in %s; --resume %s goes on", path, path)
	}
	return s.journal.Close()
}
