package kernels

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moetop/moetop/profiler"
)

func TestFindLibrary(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	touch := func(path ...string) string {
		full := filepath.Join(append([]string{root}, path...)...)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return full
	}
	explicit, named := touch("theirs.so"), touch("named.so")
	beside := touch("beside", "bin", libraryFile)
	installed := touch("installed", "lib", "moetop", libraryFile)
	built := touch("built", "build", libraryFile)
	touch("all", "build", libraryFile)
	touch("all", "lib", "moetop", libraryFile)
	first := touch("all", "bin", libraryFile)
	exe := func(prefix string) string { return filepath.Join(root, prefix, "bin", "moetop") }
	tests := []struct {
		name, explicit, environment, executable string
		want                                    string
		field                                   string // of the ArgumentError
	}{
		{"explicit", explicit, named, exe("all"), explicit, ""},
		{"environment", "", named, exe("all"), named, ""},
		{"beside the executable first", "", "", exe("all"), first, ""},
		{"beside the executable", "", "", exe("beside"), beside, ""},
		{"installed", "", "", exe("installed"), installed, ""},
		{"development build", "", "", exe("built"), built, ""},
		{"explicit is missing", filepath.Join(root, "no.so"), named, exe("all"), "", "library"},
		{"explicit is a folder", root, named, exe("all"), "", "library"},
		{"environment is missing", "", filepath.Join(root, "no.so"), exe("all"), "", LibraryVariable},
		{"nowhere", "", "", exe("nowhere"), "", ""},
		{"executable unknown", "", "", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := findLibrary(tt.explicit, tt.environment, tt.executable)
			if tt.want != "" {
				if err != nil || got != tt.want {
					t.Fatalf("got %q, %v, want %q", got, err, tt.want)
				}
				return
			}
			var argument *profiler.ArgumentError
			if errors.As(err, &argument) != (tt.field != "") || (tt.field != "" && argument.Field != tt.field) {
				t.Fatalf("error = %v, want one about %q", err, tt.field)
			}
			var none *NoLibraryError
			if tt.field == "" && !errors.As(err, &none) {
				t.Fatalf("error = %v, want a NoLibraryError", err)
			}
		})
	}
}

// A library in the working directory is not taken, whatever the linker's search path says.
func TestWorkingDirectoryIsNotSearched(t *testing.T) {
	library := buildFake(t)
	t.Setenv(LibraryVariable, "")
	t.Setenv("LD_LIBRARY_PATH", filepath.Dir(library))
	t.Chdir(filepath.Dir(library))
	_, err := LoadLibrary("")
	var none *NoLibraryError
	if !errors.As(err, &none) || len(none.Places) != 3 {
		t.Errorf("error = %v", err)
	}
	lib, err := LoadLibrary(libraryFile)
	if err != nil || !filepath.IsAbs(lib.Path()) {
		t.Errorf("a relative path that was asked for: %v", err)
	}
}

func TestSelect(t *testing.T) {
	library := buildFake(t)
	const hopper = "GPU-a0a0a0a0-a0a0-a0a0-a0a0-a0a0a0a0a0a0"
	tests := []struct {
		name   string
		opts   SelectOptions
		fault  string
		engine string // empty: an error
		reason string // part of it, or of the error
		field  string // of the ArgumentError
	}{
		{"auto with a GPU", SelectOptions{Engine: Auto, Library: library}, "", CUDA, "", ""},
		{"nothing asked for is auto", SelectOptions{Library: library}, "", CUDA, "", ""},
		{"cuda with a GPU", SelectOptions{Engine: CUDA, Library: library}, "", CUDA, "", ""},
		{"cpu with a GPU", SelectOptions{Engine: CPU, Library: library}, "", CPU, "", ""},
		{"by index", SelectOptions{Library: library, Device: "0"}, "", CUDA, "", ""},
		{"by uuid", SelectOptions{Library: library, Device: hopper}, "", CUDA, "", ""},
		{"by the beginning of a uuid", SelectOptions{Library: library, Device: "GPU-a0"}, "", CUDA, "", ""},
		{"auto without a library", SelectOptions{}, "", CPU, libraryFile, ""},
		{"auto with another version", SelectOptions{Library: library}, "abi", CPU, "ABI version 3", ""},
		{"auto without a driver", SelectOptions{Library: library}, "no-driver", CPU, "driver is not installed", ""},
		{"auto without a GPU", SelectOptions{Library: library}, "no-device", CPU, "CUDA_VISIBLE_DEVICES is empty", ""},
		{"auto with an old GPU", SelectOptions{Library: library}, "old-device", CPU, "compute capability 8.0", ""},
		{"auto with an old GPU by index", SelectOptions{Library: library, Device: "0"}, "old-device", CPU, "8.0", ""},
		{"cuda without a library", SelectOptions{Engine: CUDA}, "", "", libraryFile, ""},
		{"cuda with another version", SelectOptions{Engine: CUDA, Library: library}, "abi", "", "ABI version 3", ""},
		{"cuda with an old GPU", SelectOptions{Engine: CUDA, Library: library}, "old-device", "", "8.0", ""},
		{"a library that is not there", SelectOptions{Library: library + "x"}, "", "", "", "library"},
		{"a GPU that is not there", SelectOptions{Library: library, Device: "4"}, "", "", hopper, "device"},
		{"a uuid that is not there", SelectOptions{Library: library, Device: "GPU-b"}, "", "", hopper, "device"},
		{"a uuid that is not one", SelectOptions{Library: library, Device: "a0"}, "", "", hopper, "device"},
		{"no such engine", SelectOptions{Engine: "tpu"}, "", "", "", "engine"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("MOETOP_FAKE_FAULT", tt.fault)
			t.Setenv(LibraryVariable, "")
			s, err := Select(tt.opts)
			if tt.engine == "" {
				checkSelectError(t, err, tt.field, tt.reason)
				return
			}
			if err != nil || s.Engine != tt.engine || s.Open == nil {
				t.Fatalf("got %+v, %v", s, err)
			}
			if !strings.Contains(s.Reason, tt.reason) || (tt.reason == "") != (s.Reason == "") {
				t.Errorf("the reason is %q", s.Reason)
			}
			if onGPU := s.Engine == CUDA; (s.Device != nil) != onGPU || (s.Library != nil) != onGPU {
				t.Errorf("device %v, library %v", s.Device, s.Library)
			}
			openSelected(t, s)
		})
	}
}

func checkSelectError(t *testing.T, err error, field, reason string) {
	t.Helper()
	var argument *profiler.ArgumentError
	var noGPU *profiler.NoGPUError
	right := field != "" && errors.As(err, &argument) && argument.Field == field ||
		field == "" && errors.As(err, &noGPU)
	if !right || !strings.Contains(err.Error(), reason) {
		t.Errorf("error = %v, want one about %q that says %q", err, field, reason)
	}
}

func openSelected(t *testing.T, s Selection) {
	t.Helper()
	e, err := s.Open(fakeConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	if e.Info().Engine != s.Engine {
		t.Errorf("%s was opened for %s", e.Info().Engine, s.Engine)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
}

func TestSelectAmongSeveral(t *testing.T) {
	library := buildFake(t)
	t.Setenv("MOETOP_FAKE_DEVICES", "3")
	s, err := Select(SelectOptions{Library: library, Device: "2"})
	if err != nil || s.Device.Index != 2 {
		t.Fatalf("got %+v, %v", s.Device, err)
	}
	if _, err := Select(SelectOptions{Library: library, Device: "GPU-a"}); err == nil {
		t.Error("a beginning that three share was taken")
	}
	if s, err = Select(SelectOptions{Library: library, Device: "GPU-a1"}); err != nil || s.Device.Index != 1 {
		t.Errorf("got %+v, %v", s.Device, err)
	}
}

func TestPickDeviceSkipsWhatCannotRun(t *testing.T) {
	t.Parallel()
	devices := []profiler.Device{
		{Index: 0, Name: "old", ComputeMajor: 8, ComputeMinor: 9}, {Index: 1, Name: "new", ComputeMajor: 9},
	}
	if d, err := pickDevice(devices, ""); err != nil || d.Index != 1 {
		t.Errorf("got %+v, %v", d, err)
	}
	_, err := pickDevice(append(devices[:1], profiler.Device{Index: 2, Name: "newer", ComputeMajor: 10}), "")
	if err == nil || !strings.Contains(err.Error(), "8.9") || !strings.Contains(err.Error(), "10.0") {
		t.Errorf("error = %v, want what is wrong with each", err)
	}
}
