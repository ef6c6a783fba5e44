#include "ceilings/ceilings.h"

#include <cuda_runtime.h>

#include "ceilings/bench.h"
#include "ceilings/measure.h"
#include "engine/device.h"

namespace moetop {

void measure_ceilings(int32_t device, moetop_ceilings* out) {
    const DeviceShape shape = require_device(device);
    MOETOP_CHECK_CUDA(cudaSetDevice(device));
    int l2_bytes = 0;
    MOETOP_CHECK_CUDA(cudaDeviceGetAttribute(&l2_bytes, cudaDevAttrL2CacheSize, device));
    const CeilingBench bench(shape.num_sms, static_cast<size_t>(l2_bytes));
    moetop_ceilings measured = {};
    measured.struct_size = out->struct_size;
    // The streams come first: they warm the device up without heating it.
    measure_streams(bench, &measured);
    measure_kernel(bench, &measured);
    measure_burst(bench, &measured);
    *out = measured;
}

}  // namespace moetop
