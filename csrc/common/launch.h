// How a kernel is launched that may start early: while the kernel in front of it on the stream
// still runs (programmatic dependent launch). It then takes the room that the last CTAs of that
// kernel leave, and calls ptx::wait_for_kernel_in_front() before it touches what they touch.
//
// What makes this safe: a kernel lets the next one start only when all in front of itself have
// ended. So whoever starts early finds complete what all kernels but the one in front have made.
#pragma once

#include <cuda_runtime.h>

#include "common/error.h"

namespace moetop {

// The stream to launch on, and whether the kernel may start early.
struct LaunchOrder {
    cudaStream_t stream;
    bool starts_early;
};

struct LaunchShape {
    unsigned num_ctas;
    unsigned num_threads;
    unsigned cluster;  // CTAs
    size_t shared_bytes;
};

template <typename... Params>
void launch_kernel(void (*kernel)(Params...),
                   const LaunchShape& shape,
                   const LaunchOrder& order,
                   const Params&... params) {
    cudaLaunchAttribute attributes[2] = {};
    attributes[0].id = cudaLaunchAttributeClusterDimension;
    attributes[0].val.clusterDim = {shape.cluster, 1, 1};
    attributes[1].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[1].val.programmaticStreamSerializationAllowed = order.starts_early ? 1 : 0;
    cudaLaunchConfig_t config = {};
    config.gridDim = shape.num_ctas;
    config.blockDim = shape.num_threads;
    config.dynamicSmemBytes = shape.shared_bytes;
    config.stream = order.stream;
    config.attrs = attributes;
    config.numAttrs = 2;
    MOETOP_CHECK_CUDA(cudaLaunchKernelEx(&config, kernel, params...));
}

}  // namespace moetop
