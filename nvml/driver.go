package nvml

import (
	"fmt"
	"math"

	"github.com/NVIDIA/go-nvml/pkg/dl"
	api "github.com/NVIDIA/go-nvml/pkg/nvml"
)

// libraryName is what the driver installs; the dynamic linker knows where.
const libraryName = "libnvidia-ml.so.1"

// driver is the device behind the installed NVML.
type driver struct {
	lib    api.Interface
	handle api.Device
	// symbols is a second handle of the same library, opened so that it is never unloaded: functions
	// are bound once, and would point into nothing after a reload at another address.
	symbols   *dl.DynamicLibrary
	found     map[string]bool
	connected bool

	// before and now are the two ends of a GPM window; started is set when before holds one.
	before, now api.GpmSample
	allocated   bool
	started     bool
}

func newDriver() *driver { return &driver{found: make(map[string]bool)} }

// has reports whether the library has all the functions.
func (d *driver) has(names ...string) bool {
	for _, name := range names {
		found, known := d.found[name]
		if !known {
			found = d.symbols.Lookup(name) == nil
			d.found[name] = found
		}
		if !found {
			return false
		}
	}
	return true
}

// need is the error of a call whose functions are missing, else nil.
func (d *driver) need(names ...string) error {
	for _, name := range names {
		if !d.has(name) {
			return fmt.Errorf("%w: the driver's NVML has no %s", errUnsupported, name)
		}
	}
	return nil
}

// Connect implements device.
func (d *driver) Connect(uuid string) error {
	if err := d.initialize(); err != nil {
		return err
	}
	if uuid == "" {
		return nil
	}
	if err := d.need("nvmlDeviceGetHandleByUUID"); err != nil {
		d.Disconnect()
		return err
	}
	handle, ret := d.lib.DeviceGetHandleByUUID(uuid)
	if err := check(ret); err != nil {
		d.Disconnect()
		return fmt.Errorf("find GPU %s: %w", uuid, err)
	}
	d.handle = handle
	return nil
}

func (d *driver) initialize() error {
	if d.connected {
		return nil
	}
	if d.symbols == nil {
		symbols := dl.New(libraryName, dl.RTLD_LAZY|dl.RTLD_GLOBAL|dl.RTLD_NODELETE)
		if err := symbols.Open(); err != nil {
			return fmt.Errorf("load NVML: %w", err)
		}
		d.symbols = symbols
	}
	if err := d.need("nvmlInit_v2", "nvmlShutdown"); err != nil {
		return err
	}
	d.lib = api.New(api.WithLibraryPath(libraryName))
	if err := check(d.lib.Init()); err != nil {
		return fmt.Errorf("initialize NVML: %w", err)
	}
	d.connected = true
	return nil
}

// Disconnect implements device.
func (d *driver) Disconnect() {
	if !d.connected {
		return
	}
	// Nothing can be done about a failure here; the library keeps its state until the process ends.
	if d.allocated {
		_ = d.lib.GpmSampleFree(d.before)
		_ = d.lib.GpmSampleFree(d.now)
	}
	_ = d.lib.Shutdown()
	d.connected, d.allocated, d.started = false, false, false
	d.handle = nil
}

// DriverVersion implements device.
func (d *driver) DriverVersion() (string, error) {
	if err := d.need("nvmlSystemGetDriverVersion"); err != nil {
		return "", err
	}
	version, ret := d.lib.SystemGetDriverVersion()
	return version, check(ret)
}

// KernelActive implements device.
func (d *driver) KernelActive() (float64, error) {
	if err := d.need("nvmlDeviceGetUtilizationRates"); err != nil {
		return 0, err
	}
	rates, ret := d.handle.GetUtilizationRates()
	return float64(rates.Gpu), check(ret)
}

// Memory implements device.
func (d *driver) Memory() (memory, error) {
	if err := d.need("nvmlDeviceGetMemoryInfo_v2"); err != nil {
		return memory{}, err
	}
	info, ret := d.handle.GetMemoryInfo_v2()
	return memory{used: info.Used, free: info.Free, reserved: info.Reserved, total: info.Total}, check(ret)
}

// Processes implements device.
func (d *driver) Processes() ([]process, error) {
	// The oldest form of this call lists no more than a pid and bytes; newer ones replace it when the
	// library is loaded.
	if !d.has("nvmlDeviceGetComputeRunningProcesses_v3") && !d.has("nvmlDeviceGetComputeRunningProcesses_v2") {
		if err := d.need("nvmlDeviceGetComputeRunningProcesses"); err != nil {
			return nil, err
		}
	}
	infos, ret := d.handle.GetComputeRunningProcesses()
	if err := check(ret); err != nil {
		return nil, err
	}
	processes := make([]process, len(infos))
	for i, info := range infos {
		processes[i].pid = int(info.Pid)
		if info.UsedGpuMemory != math.MaxUint64 {
			processes[i].bytes = &infos[i].UsedGpuMemory
		}
	}
	return processes, nil
}

// SMClockMHz implements device.
func (d *driver) SMClockMHz() (float64, error) { return d.clock(api.CLOCK_SM) }

// MemoryClockMHz implements device.
func (d *driver) MemoryClockMHz() (float64, error) { return d.clock(api.CLOCK_MEM) }

func (d *driver) clock(kind api.ClockType) (float64, error) {
	if err := d.need("nvmlDeviceGetClockInfo"); err != nil {
		return 0, err
	}
	mhz, ret := d.handle.GetClockInfo(kind)
	return float64(mhz), check(ret)
}

// PowerWatts implements device.
func (d *driver) PowerWatts() (float64, error) {
	if err := d.need("nvmlDeviceGetPowerUsage"); err != nil {
		return 0, err
	}
	milliwatts, ret := d.handle.GetPowerUsage()
	return float64(milliwatts) / 1000, check(ret)
}

// PowerLimitWatts implements device.
func (d *driver) PowerLimitWatts() (float64, error) {
	if err := d.need("nvmlDeviceGetEnforcedPowerLimit"); err != nil {
		return 0, err
	}
	milliwatts, ret := d.handle.GetEnforcedPowerLimit()
	return float64(milliwatts) / 1000, check(ret)
}

// EnergyJoules implements device.
func (d *driver) EnergyJoules() (float64, error) {
	if err := d.need("nvmlDeviceGetTotalEnergyConsumption"); err != nil {
		return 0, err
	}
	millijoules, ret := d.handle.GetTotalEnergyConsumption()
	return float64(millijoules) / 1000, check(ret)
}

// TemperatureCelsius implements device.
func (d *driver) TemperatureCelsius() (float64, error) {
	if d.has("nvmlDeviceGetTemperatureV") {
		temperature, ret := d.handle.GetTemperatureV().V1()
		return float64(temperature.Temperature), check(ret)
	}
	if err := d.need("nvmlDeviceGetTemperature"); err != nil {
		return 0, err
	}
	// Drivers before R570 have only this one.
	celsius, ret := d.handle.GetTemperature(api.TEMPERATURE_GPU)
	return float64(celsius), check(ret)
}

// ThrottleReasons implements device.
func (d *driver) ThrottleReasons() (uint64, error) {
	if d.has("nvmlDeviceGetCurrentClocksEventReasons") {
		bits, ret := d.handle.GetCurrentClocksEventReasons()
		return bits, check(ret)
	}
	if err := d.need("nvmlDeviceGetCurrentClocksThrottleReasons"); err != nil {
		return 0, err
	}
	// Drivers before R535 have only this one.
	bits, ret := d.handle.GetCurrentClocksThrottleReasons()
	return bits, check(ret)
}
