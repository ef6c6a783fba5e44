package kernels

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildFake compiles the fake provider into a folder of the test's own, so that the dynamic linker
// takes each for a library of its own, and returns its path.
func buildFake(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), libraryFile)
	compile(t, append(flags, "-shared", "-fPIC", "-o", path, "testdata/fakelib/fake.c")...)
	return path
}

// openFake builds and opens a fake library.
func openFake(t *testing.T) *Library {
	t.Helper()
	lib, err := openLibrary(buildFake(t))
	if err != nil {
		t.Fatal(err)
	}
	return lib
}

// compile runs the C compiler that cgo uses.
func compile(t *testing.T, args ...string) {
	t.Helper()
	compiler := os.Getenv("CC")
	if compiler == "" {
		compiler = "cc"
	}
	args = append(strings.Fields(compiler), append(args, "-std=c11", "-Wall", "-Werror", "-I", "../csrc/include")...)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
