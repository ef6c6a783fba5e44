package kernels

// #cgo CFLAGS: -std=c11 -D_GNU_SOURCE -Wall -Wextra
// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
	"unsafe"

	"github.com/moetop/moetop/profiler"
)

// Library is a provider of GPU kernels: a shared library that implements moetop.h. Once loaded it
// stays loaded.
type Library struct {
	path  string
	calls *C.shim_library // C memory, kept with the library
}

// LoadLibrary opens the provider library: the one at path if that is not empty, else the one that
// MOETOP_LIBRARY names, else libmoetop.so beside the executable, in ../lib/moetop or in ../build. The
// error is an *ArgumentError for a named library that does not exist, a *NoLibraryError if there is
// none at all, a *VersionError, or says why the library cannot be used.
func LoadLibrary(path string) (*Library, error) {
	found, err := findLibrary(path, os.Getenv(LibraryVariable), executable())
	if err != nil {
		return nil, err
	}
	return openLibrary(found)
}

// VersionError says that a library speaks another version of the ABI.
type VersionError struct {
	Path string
	Got  uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has ABI version %d, this moetop needs %d", e.Path, e.Got, ABIVersion)
}

func openLibrary(path string) (*Library, error) {
	cpath := C.CString(path)
	defer C.free(unsafe.Pointer(cpath))
	// C memory: the table holds function pointers and outlives every engine.
	calls := (*C.shim_library)(C.calloc(1, C.sizeof_shim_library))
	if calls == nil {
		return nil, errors.New("opening the library: out of memory")
	}
	var reason [512]C.char
	status := C.shim_open(cpath, calls, &reason[0], C.size_t(len(reason)))
	if status == C.SHIM_OK {
		return &Library{path: path, calls: calls}, nil
	}
	defer C.free(unsafe.Pointer(calls))
	said := C.GoString(&reason[0])
	switch status {
	case C.SHIM_WRONG_VERSION:
		return nil, &VersionError{Path: path, Got: uint32(C.shim_abi_version(calls))}
	case C.SHIM_NO_SYMBOL:
		return nil, fmt.Errorf("%s is not a moetop library: it has no %s", path, said)
	default:
		return nil, fmt.Errorf("opening %s: %s", path, strings.TrimPrefix(said, path+": "))
	}
}

// Path is where the library was loaded from.
func (l *Library) Path() string { return l.path }

// Provider is the library's own line about what it is.
func (l *Library) Provider() string { return strings.TrimSpace(C.GoString(C.shim_provider(l.calls))) }

// Devices lists the GPUs that the library sees. The error is a *NoGPUError if it can see none.
func (l *Library) Devices() ([]profiler.Device, error) {
	var count C.int32_t
	err := l.call("counting GPUs", func() C.int32_t { return C.shim_device_count(l.calls, &count) })
	if err != nil {
		return nil, err
	}
	if count <= 0 {
		// Only a question about the first one makes the library say why there is none.
		_, err := l.deviceInfo(0)
		if noGPU, ok := errors.AsType[*profiler.NoGPUError](err); ok {
			return nil, noGPU
		}
		return nil, &profiler.NoGPUError{Reason: "the library sees none"}
	}
	devices := make([]profiler.Device, 0, count)
	for i := range int(count) {
		info, err := l.deviceInfo(i)
		if err != nil {
			return nil, err
		}
		devices = append(devices, info.domain())
	}
	return devices, nil
}

func (l *Library) deviceInfo(device int) (*abiDeviceInfo, error) {
	info := &abiDeviceInfo{structSize: uint32(unsafe.Sizeof(abiDeviceInfo{}))}
	err := l.call(fmt.Sprintf("reading GPU %d", device), func() C.int32_t {
		return C.shim_get_device_info(l.calls, C.int32_t(device), (*C.moetop_device_info)(unsafe.Pointer(info)))
	})
	return info, err
}

func (l *Library) estimateMemory(cfg *abiConfig) (profiler.Memory, error) {
	m := &abiMemory{structSize: uint32(unsafe.Sizeof(abiMemory{}))}
	err := l.call("estimating memory", func() C.int32_t {
		return C.shim_estimate_memory(l.calls, (*C.moetop_config)(unsafe.Pointer(cfg)), (*C.moetop_memory)(unsafe.Pointer(m)))
	})
	return m.domain(), err
}

// families asks for every kernel family whether the library offers it on the device.
func (l *Library) families(device int) ([]string, error) {
	w := profiler.CustomWorkload(1, 1, profiler.BlockWidth, profiler.BlockWidth)
	w.Tokens = 1
	var offered []string
	for _, family := range kernelNames {
		cfg, err := newABIConfig(device, profiler.EngineConfig{Workload: w, Routings: make([]profiler.TopK, 1), Kernels: family})
		if err != nil {
			return nil, err
		}
		if _, err := l.estimateMemory(&cfg); !errors.Is(err, errors.ErrUnsupported) {
			offered = append(offered, family)
		}
	}
	return offered, nil
}

// MeasureCeilings measures what a device of the library reaches at best, which should have nothing
// else to do. The error wraps errors.ErrUnsupported if the library cannot.
func (l *Library) MeasureCeilings(device int) (*profiler.Ceilings, error) {
	const operation = "measuring the ceilings"
	raw := &abiCeilings{structSize: uint32(unsafe.Sizeof(abiCeilings{}))}
	err := l.call(operation, func() C.int32_t {
		return C.shim_measure_ceilings(l.calls, C.int32_t(device), (*C.moetop_ceilings)(unsafe.Pointer(raw)))
	})
	if err != nil {
		return nil, err
	}
	ceilings := raw.domain(time.Now().UTC())
	if err := ceilings.Valid(); err != nil {
		return nil, fmt.Errorf("%s: the library's figures cannot be: %w", operation, err)
	}
	return &ceilings, nil
}

// call makes one call and turns its status into an error. The library keeps the text of an error per
// thread, so the thread must not change between the call and the question.
func (l *Library) call(operation string, f func() C.int32_t) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	status := f()
	if status == C.MOETOP_OK {
		return nil
	}
	return statusError(operation, int32(status), strings.TrimSpace(C.GoString(C.shim_last_error(l.calls))))
}

// statusError gives a status its type.
func statusError(operation string, status int32, said string) error {
	if said == "" {
		said = fmt.Sprintf("status %d without a text", status)
	}
	switch status {
	case C.MOETOP_ERROR_ARGUMENT:
		return argumentError(said)
	case C.MOETOP_ERROR_DEVICE:
		return &profiler.NoGPUError{Reason: strings.TrimPrefix(said, "no usable NVIDIA GPU: ")}
	case C.MOETOP_ERROR_MEMORY:
		return &profiler.MemoryError{Reason: said}
	case C.MOETOP_ERROR_CUDA:
		return fmt.Errorf("%s: the GPU engine is lost: %s", operation, said)
	case C.MOETOP_ERROR_UNSUPPORTED:
		return fmt.Errorf("%s: %w: %s", operation, errors.ErrUnsupported, said)
	default:
		return fmt.Errorf("%s: %s", operation, said)
	}
}

// argumentError reads back a text of the form "field: value is not allowed: what is", which providers
// are free not to use. Flags have dashes where the ABI's fields have underscores.
func argumentError(said string) error {
	field, rest, found := strings.Cut(said, ": ")
	value, allowed, split := strings.Cut(rest, " is not allowed: ")
	if !found || !split {
		return &profiler.ArgumentError{Field: "workload", Value: "as the library reads it", Allowed: said}
	}
	return &profiler.ArgumentError{Field: strings.ReplaceAll(field, "_", "-"), Value: value, Allowed: allowed}
}
