package kernels

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/moetop/moetop/profiler"
)

// Auto takes CUDA where it works and the CPU elsewhere.
const Auto = "auto"

// SelectOptions are the user's wishes.
type SelectOptions struct {
	Engine  string // auto, cuda or cpu; empty is auto
	Library string // path of the provider; empty searches, see LoadLibrary
	Device  string // index or UUID (a unique beginning is enough); empty is the first usable GPU
}

// Selection is the engine that was chosen.
type Selection struct {
	Engine string // CUDA or CPU
	// Reason says why auto did not take CUDA; else empty.
	Reason  string
	Open    profiler.OpenEngine
	Device  *profiler.Device // nil on the CPU
	Library *Library         // nil on the CPU
	// Families are the kernel families that the library offers on the device; nil on the CPU, whose
	// engine has kernels of its own.
	Families []string
}

// Select picks an engine. With auto everything that stands against CUDA becomes the selection's
// reason, except for a wish that cannot be granted anywhere: a library that does not exist or a
// device that is not there while others are, which is an *ArgumentError. With cuda the error is a
// *NoGPUError then.
func Select(opts SelectOptions) (Selection, error) {
	engine, err := choice("engine", opts.Engine, []string{Auto, CUDA, CPU})
	if err != nil {
		return Selection{}, err
	}
	onCPU := Selection{Engine: CPU, Open: OpenCPU}
	if engine == 2 {
		return onCPU, nil
	}
	selected, err := selectCUDA(opts)
	if err == nil {
		return selected, nil
	}
	if _, ok := errors.AsType[*profiler.ArgumentError](err); ok {
		return Selection{}, err
	}
	noGPU, ok := errors.AsType[*profiler.NoGPUError](err)
	if !ok {
		noGPU = &profiler.NoGPUError{Reason: err.Error()}
	}
	if engine == 1 {
		return Selection{}, noGPU
	}
	onCPU.Reason = noGPU.Reason
	return onCPU, nil
}

func selectCUDA(opts SelectOptions) (Selection, error) {
	lib, err := LoadLibrary(opts.Library)
	if err != nil {
		return Selection{}, err
	}
	devices, err := lib.Devices()
	if err != nil {
		return Selection{}, err
	}
	device, err := pickDevice(devices, opts.Device)
	if err != nil {
		return Selection{}, err
	}
	open := func(cfg profiler.EngineConfig) (profiler.Engine, error) {
		return OpenCUDA(lib, device.Index, cfg)
	}
	families, err := lib.families(device.Index)
	if err != nil {
		return Selection{}, err
	}
	return Selection{Engine: CUDA, Open: open, Device: &device, Library: lib, Families: families}, nil
}

// pickDevice returns the wished device, or the first that the kernels run on.
func pickDevice(devices []profiler.Device, wish string) (profiler.Device, error) {
	if wish == "" {
		var unusable []string
		for _, d := range devices {
			err := checkDevice(d)
			if err == nil {
				return d, nil
			}
			unusable = append(unusable, err.Error())
		}
		return profiler.Device{}, &profiler.NoGPUError{Reason: strings.Join(unusable, "; ")}
	}
	var matches []profiler.Device
	for _, d := range devices {
		if matchesDevice(d, wish) {
			matches = append(matches, d)
		}
	}
	if len(matches) != 1 {
		return profiler.Device{}, &profiler.ArgumentError{
			Field: "device", Value: strconv.Quote(wish), Allowed: "the index or the UUID of " + listDevices(devices),
		}
	}
	if err := checkDevice(matches[0]); err != nil {
		return profiler.Device{}, &profiler.NoGPUError{Reason: err.Error()}
	}
	return matches[0], nil
}

func matchesDevice(d profiler.Device, wish string) bool {
	if index, err := strconv.Atoi(wish); err == nil {
		return index == d.Index
	}
	return strings.HasPrefix(wish, "GPU-") && strings.HasPrefix(d.UUID, wish)
}

func listDevices(devices []profiler.Device) string {
	var texts []string
	for _, d := range devices {
		texts = append(texts, fmt.Sprintf("%d (%s, %s)", d.Index, d.Name, d.UUID))
	}
	return strings.Join(texts, ", ")
}

// checkDevice refuses what the kernels cannot run on: they are built for the architecture-specific
// instructions of compute capability 9.0, which no other has.
func checkDevice(d profiler.Device) error {
	if d.ComputeMajor == 9 && d.ComputeMinor == 0 {
		return nil
	}
	return fmt.Errorf("GPU %d (%s) has compute capability %d.%d, the kernels need 9.0",
		d.Index, d.Name, d.ComputeMajor, d.ComputeMinor)
}
