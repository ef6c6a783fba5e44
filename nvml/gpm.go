package nvml

import (
	"fmt"
	"math"

	api "github.com/NVIDIA/go-nvml/pkg/nvml"
)

// GPM implements device.
func (d *driver) GPM() (gpm, bool, error) {
	if !d.allocated {
		if err := d.prepareGPM(); err != nil {
			return gpm{}, false, err
		}
	}
	if err := check(d.handle.GpmSampleGet(d.now)); err != nil {
		d.started = false
		return gpm{}, false, fmt.Errorf("take a GPM sample: %w", err)
	}
	d.before, d.now = d.now, d.before
	if !d.started {
		d.started = true
		return gpm{}, false, nil
	}
	// After the swap, now is the older of the two.
	metrics, err := d.metrics(d.now, d.before)
	return metrics, err == nil, err
}

// prepareGPM asks once whether the GPU has GPM, and allocates both ends of a window.
func (d *driver) prepareGPM() error {
	if err := d.need("nvmlGpmQueryDeviceSupport", "nvmlGpmSampleAlloc", "nvmlGpmSampleFree",
		"nvmlGpmSampleGet", "nvmlGpmMetricsGet"); err != nil {
		return err
	}
	support, ret := d.handle.GpmQueryDeviceSupport()
	if err := check(ret); err != nil {
		return fmt.Errorf("ask for GPM: %w", err)
	}
	if support.IsSupportedDevice == 0 {
		return fmt.Errorf("%w: the GPU has no GPM", errUnsupported)
	}
	before, ret := d.lib.GpmSampleAlloc()
	if err := check(ret); err != nil {
		return fmt.Errorf("allocate a GPM sample: %w", err)
	}
	now, ret := d.lib.GpmSampleAlloc()
	if err := check(ret); err != nil {
		_ = d.lib.GpmSampleFree(before)
		return fmt.Errorf("allocate a GPM sample: %w", err)
	}
	d.before, d.now, d.allocated = before, now, true
	return nil
}

func (d *driver) metrics(from, to api.GpmSample) (gpm, error) {
	var m gpm
	wanted := []struct {
		id  api.GpmMetricId
		dst **float64
	}{
		{api.GPM_METRIC_SM_UTIL, &m.smUtilization},
		{api.GPM_METRIC_SM_OCCUPANCY, &m.smOccupancy},
		{api.GPM_METRIC_ANY_TENSOR_UTIL, &m.tensor},
		{api.GPM_METRIC_DRAM_BW_UTIL, &m.dram},
	}
	request := &api.GpmMetricsGetType{NumMetrics: uint32(len(wanted)), Sample1: from, Sample2: to}
	for i, w := range wanted {
		request.Metrics[i].MetricId = uint32(w.id)
	}
	if err := check(d.lib.GpmMetricsGet(request)); err != nil {
		return gpm{}, fmt.Errorf("compute GPM metrics: %w", err)
	}
	for i, w := range wanted {
		got := request.Metrics[i]
		if api.Return(got.NvmlReturn) == api.SUCCESS && !math.IsNaN(got.Value) && !math.IsInf(got.Value, 0) {
			*w.dst = &got.Value
		}
	}
	return m, nil
}
