// Command moetop profiles the FP8 Mixture-of-Experts layer of an LLM live: the latency of each stage
// with expert specialization off and on, what the GPU did meanwhile, and what to deploy.
package main

import (
	"context"
	"os"
)

// version is set by the linker.
var version = "unknown"

func main() {
	if os.Args[0] == guardName {
		os.Exit(guard(os.Args[1:]))
	}
	os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
}
