package main

import "github.com/moetop/moetop/profiler"

// modelFileValue is the path of a config.json. The file is read when the flag is set, so that the
// workload is the same for as long as the program runs.
type modelFileValue struct {
	path  *string
	shape *profiler.Workload
}

func (v modelFileValue) String() string {
	if v.path == nil {
		return ""
	}
	return *v.path
}

// Type implements pflag.Value.
func (v modelFileValue) Type() string { return "FILE" }

// Set implements pflag.Value.
func (v modelFileValue) Set(path string) error {
	shape, err := profiler.ReadModelConfig(path)
	if err != nil {
		return err
	}
	*v.path, *v.shape = path, shape
	return nil
}
