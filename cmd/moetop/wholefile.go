package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// checkOutput refuses a file that could not be written when a long run is over.
func checkOutput(path string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("--output: %s is a folder: a file in it is allowed", path)
	case err == nil && !info.Mode().IsRegular():
		return nil // A pipe or a device has no folder that matters.
	}
	folder := filepath.Dir(path)
	if info, err := os.Stat(folder); err != nil || !info.IsDir() {
		return fmt.Errorf("--output: %s: there is no folder %s", path, folder)
	}
	if err := unix.Access(folder, unix.W_OK); err != nil {
		return fmt.Errorf("--output: %s: %s: %w", path, folder, err)
	}
	return nil
}

// writeWhole writes a file that appears whole or not at all. A link stays a link, and a file that is
// written over keeps its mode. What is no file, such as a pipe or /dev/null, is written to as it is:
// to put a file in its place would break it for everybody.
func writeWhole(path string, data []byte) error {
	mode := fs.FileMode(0o644)
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		return writeInto(path, data)
	}
	// A link to where nothing is yet is followed, too.
	if target, linkErr := os.Readlink(path); linkErr == nil && errors.Is(err, fs.ErrNotExist) {
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		return writeWhole(target, data)
	}
	if err == nil {
		mode = info.Mode().Perm()
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return fmt.Errorf("--output: %w", err)
		}
	}
	if err := replaceFile(path, data, mode); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

// keepInput refuses an output that is a file which the command reads: what was measured would be gone.
func keepInput(flag, output string, inputs ...string) error {
	to, err := os.Stat(output)
	for _, input := range inputs {
		from, inputErr := os.Stat(input)
		same := err == nil && inputErr == nil && to.Mode().IsRegular() && os.SameFile(to, from)
		if output != "" && (same || output == input) {
			return usage(fmt.Errorf("--%s: %s is not allowed: a file other than %s, which is read", flag, output, input))
		}
	}
	return nil
}

// replaceFile puts a new file in the place of a path, whole or not at all.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	err = errors.Join(err, file.Chmod(mode), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

func writeInto(path string, data []byte) error {
	restore := keepBrokenPipe()
	defer restore()
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}
