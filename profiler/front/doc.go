// Package front is the near half of moetop's two processes. It starts a worker, the process that owns
// the GPU, in a process group of its own; reads its records; writes its control lines; watches its
// heartbeat; and tells of its end. Whatever happens to the worker, the figures that it sent are kept,
// and a new one can be started. The package never loads CUDA or NVML.
package front
