package nvml

import (
	"fmt"

	api "github.com/NVIDIA/go-nvml/pkg/nvml"
)

// check turns NVML's return code into an error. The texts are our own: NVML's would be one more
// function that the installed library may lack.
func check(ret api.Return) error {
	switch ret { //nolint:exhaustive // All other codes are told by their number.
	case api.SUCCESS:
		return nil
	case api.ERROR_NOT_SUPPORTED:
		return errUnsupported
	case api.ERROR_FUNCTION_NOT_FOUND:
		return fmt.Errorf("%w: the driver lacks the function", errUnsupported)
	case api.ERROR_ARGUMENT_VERSION_MISMATCH, api.ERROR_DEPRECATED:
		return fmt.Errorf("%w: the driver has another version of the call", errUnsupported)
	case api.ERROR_NO_PERMISSION:
		return fmt.Errorf("%w: no permission", errUnsupported)
	case api.ERROR_UNINITIALIZED:
		return fmt.Errorf("%w: not initialized", errLost)
	case api.ERROR_DRIVER_NOT_LOADED:
		return fmt.Errorf("%w: the driver is not loaded", errLost)
	case api.ERROR_GPU_IS_LOST:
		return fmt.Errorf("%w: the GPU is gone", errLost)
	case api.ERROR_RESET_REQUIRED:
		return fmt.Errorf("%w: the GPU needs a reset", errLost)
	case api.ERROR_OPERATING_SYSTEM:
		return fmt.Errorf("%w: the system blocks access to the GPU", errLost)
	case api.ERROR_LIB_RM_VERSION_MISMATCH:
		return fmt.Errorf("%w: the library and the loaded driver have different versions", errLost)
	case api.ERROR_LIBRARY_NOT_FOUND:
		return fmt.Errorf("%s cannot be loaded", libraryName)
	case api.ERROR_NOT_FOUND, api.ERROR_GPU_NOT_FOUND:
		return fmt.Errorf("no such GPU")
	default:
		return fmt.Errorf("NVML error %d", int(ret))
	}
}
