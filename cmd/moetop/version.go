package main

import (
	"fmt"
	"runtime"

	"github.com/moetop/moetop/kernels"
)

func versionText() string {
	return fmt.Sprintf("moetop %s\n%s %s/%s\nlibrary ABI %d\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH,
		kernels.ABIVersion)
}
