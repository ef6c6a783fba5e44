package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeJSON writes an indented JSON document to stdout, or to the file that --output names. The file
// appears whole or not at all.
func (a *app) writeJSON(path string, document any) error {
	data, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	return a.writeData(path, append(data, '\n'))
}

// writeData writes a finished document to stdout, or to the file that --output names. What such a file
// does not take, because the disk is full, goes to stdout: it may be the outcome of hours.
func (a *app) writeData(path string, data []byte) error {
	if path == "" {
		return a.print(data)
	}
	err := writeWhole(path, data)
	if err == nil || a.print(data) != nil {
		return err
	}
	return fmt.Errorf("%w; it went to stdout instead", err)
}

func (a *app) print(data []byte) error {
	restore := keepBrokenPipe()
	defer restore()
	if _, err := a.stdout.Write(data); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// keepBrokenPipe turns the signal of a closed pipe into an error of the write, until restore.
func keepBrokenPipe() (restore func()) {
	signal.Ignore(syscall.SIGPIPE)
	return func() { signal.Reset(syscall.SIGPIPE) }
}

// streamOutput is where a worker's records go.
type streamOutput struct {
	io.Writer
	file *os.File // nil if it is no file
}

// openStreamOutput opens the file of --output, or takes stdout. In the latter case it keeps stdout to
// itself: whatever a library may print there goes to stderr from now on, and cannot spoil the stream.
func (a *app) openStreamOutput(path string) (streamOutput, error) {
	if path != "" {
		file, err := os.Create(path)
		if err != nil {
			return streamOutput{}, fmt.Errorf("--output: %w", err)
		}
		return streamOutput{file, file}, nil
	}
	stdout, ok := a.stdout.(*os.File)
	if !ok || stdout.Fd() != uintptr(unix.Stdout) {
		return streamOutput{Writer: a.stdout}, nil
	}
	own, err := unix.FcntlInt(uintptr(unix.Stdout), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return streamOutput{}, fmt.Errorf("keep stdout for the stream: %w", err)
	}
	if err := unix.Dup3(unix.Stderr, unix.Stdout, 0); err != nil {
		return streamOutput{}, errors.Join(fmt.Errorf("keep stdout for the stream: %w", err), unix.Close(own))
	}
	file := os.NewFile(uintptr(own), "stdout")
	return streamOutput{file, file}, nil
}

func (o streamOutput) close() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}
