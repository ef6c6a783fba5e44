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

template <typename... Params>
void launch_kernel(void (*kernel)(Params...),
                   unsigned num_ctas,
                   unsigned num_threads,
                   size_t shared_bytes,
                   const LaunchOrder& order,
                   const Params&... params) {
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = num_ctas;
    config.blockDim = num_threads;
    config.dynamicSmemBytes = shared_bytes;
    config.stream = order.stream;
    config.attrs = &attribute;
    config.numAttrs = order.starts_early ? 1 : 0;
    MOETOP_CHECK_CUDA(cudaLaunchKernelEx(&config, kernel, params...));
}

}  // namespace moetop
