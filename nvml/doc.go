// Package nvml samples a GPU's own instruments through NVIDIA's management library: SM utilization,
// occupancy, tensor and memory bandwidth from GPM windows, memory, clocks, power, energy, temperature
// and throttling. It implements profiler.Sampler.
//
// Two facts about NVML shape it. A call may hang for as long as the driver likes, so that all calls
// run in one goroutine, which nobody ever waits for longer than a moment. And a call of a function
// that the installed library lacks kills the process, so that each function is looked up before it is
// called for the first time.
//
// A program that links this package cannot be started with LD_BIND_NOW set: the dynamic linker then
// wants every NVML function at once, and ends the process before main.
package nvml
