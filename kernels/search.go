package kernels

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moetop/moetop/profiler"
)

const (
	libraryFile = "libmoetop.so"
	// LibraryVariable is the environment variable that names the library, after --library.
	LibraryVariable = "MOETOP_LIBRARY"
)

// NoLibraryError says that there is no library at any of the places that were searched.
type NoLibraryError struct{ Places []string }

func (e *NoLibraryError) Error() string {
	return fmt.Sprintf("no %s (looked at %s); `make lib` builds it, --library names another",
		libraryFile, strings.Join(e.Places, ", "))
}

// findLibrary returns the absolute path of the library: the explicit one, else the environment's,
// else the first that exists around the executable. A library that was named and does not exist is
// an *ArgumentError: another one in its place would be a surprise.
func findLibrary(explicit, environment, executable string) (string, error) {
	if explicit != "" {
		return namedLibrary("library", explicit)
	}
	if environment != "" {
		return namedLibrary(LibraryVariable, environment)
	}
	places := libraryPlaces(executable)
	for _, place := range places {
		info, err := os.Stat(place)
		if err == nil && info.Mode().IsRegular() {
			return place, nil
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("looking for the library: %w", err)
		}
	}
	return "", &NoLibraryError{Places: places}
}

func namedLibrary(field, path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", field, err)
	}
	info, err := os.Stat(absolute)
	if err != nil || !info.Mode().IsRegular() {
		return "", &profiler.ArgumentError{Field: field, Value: path, Allowed: "the path of a shared library that exists"}
	}
	return absolute, nil
}

// libraryPlaces are the places around the executable: installed beside it or under a prefix, or in
// the build folder of a source tree. The working directory and the linker's own search path are not
// among them, so that what runs does not depend on where moetop is started.
func libraryPlaces(executable string) []string {
	if !filepath.IsAbs(executable) {
		return nil
	}
	bin := filepath.Dir(executable)
	return []string{
		filepath.Join(bin, libraryFile),
		filepath.Join(bin, "..", "lib", "moetop", libraryFile),
		filepath.Join(bin, "..", "build", libraryFile),
	}
}

// executable is the path of the running binary with links resolved; empty if it is unknown.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		return resolved
	}
	return path
}
