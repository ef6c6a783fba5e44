// Package kernels holds the engines behind profiler.Engine: the CUDA engine, whose kernels live in a
// shared library that is opened at run time, and the CPU reference engine, which does the same
// arithmetic in plain Go. Select picks one of them and says why. It is the only package that uses
// cgo for the engines; the library's contract is csrc/include/moetop.h.
package kernels
