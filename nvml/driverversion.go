package nvml

import (
	"context"
	"fmt"
)

// DriverVersion asks NVML for the driver's version, such as 580.159.03, and gives up when ctx is
// done; a call that hangs is then left behind.
func DriverVersion(ctx context.Context) (string, error) { return driverVersion(ctx, newDriver()) }

func driverVersion(ctx context.Context, dev device) (string, error) {
	type answer struct {
		version string
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		if err := dev.Connect(""); err != nil {
			answers <- answer{err: err}
			return
		}
		version, err := dev.DriverVersion()
		dev.Disconnect()
		answers <- answer{version, err}
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return "", fmt.Errorf("nvml: driver version: %w", a.err)
		}
		return a.version, nil
	case <-ctx.Done():
		return "", fmt.Errorf("nvml: driver version: %w", context.Cause(ctx))
	}
}
