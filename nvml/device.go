package nvml

import "errors"

// The outcomes of a call that the sampler treats in a way of their own. All others are passing: the
// value is unknown this time.
var (
	// errUnsupported says that this GPU, driver or library will never answer: the call is dropped.
	errUnsupported = errors.New("not supported here")
	// errLost says that the connection to the driver or the GPU is gone: it has to be made again.
	errLost = errors.New("NVML lost")
)

// device is as much of NVML as the sampler needs, for one GPU. All calls come from one goroutine.
type device interface {
	// Connect initializes NVML and finds the GPU. It may be called again after Disconnect.
	Connect(uuid string) error
	// Disconnect ends what Connect began. Without a connection it does nothing.
	Disconnect()

	// DriverVersion is the driver's version, such as 580.159.03.
	DriverVersion() (string, error)
	// GPM ends the window that the call before began, and begins another. The first call after
	// Connect has no window to end: ok is false.
	GPM() (m gpm, ok bool, err error)
	// KernelActive is the share of time in which any kernel ran, in percent.
	KernelActive() (float64, error)
	Memory() (memory, error)
	// Processes lists the compute processes on the GPU.
	Processes() ([]process, error)
	SMClockMHz() (float64, error)
	MemoryClockMHz() (float64, error)
	PowerWatts() (float64, error)
	PowerLimitWatts() (float64, error)
	// EnergyJoules counts since the driver was loaded.
	EnergyJoules() (float64, error)
	TemperatureCelsius() (float64, error)
	// ThrottleReasons is NVML's bit field of the reasons why the clocks are not at their highest.
	ThrottleReasons() (uint64, error)
}

// gpm is what a window measured, in percent; nil is a metric that could not be read.
type gpm struct {
	smUtilization, smOccupancy, tensor, dram *float64
}

// memory is the GPU's memory in bytes; used leaves out what the driver reserves.
type memory struct {
	used, free, reserved, total uint64
}

// process is a compute process; bytes is nil where NVML does not say.
type process struct {
	pid   int
	bytes *uint64
}
