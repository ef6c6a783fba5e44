// Package sweep measures many workloads one after the other and says what to deploy for each. A
// point is one workload whose four ES masks run interleaved; the points are measured by a worker,
// through the same stream that a screen reads. The package starts no process and draws nothing.
package sweep
