// How a swapped kernel is launched: as many CTAs as fit, whatever the number of units.
#pragma once

#include "common/error.h"
#include "gemm/native/kernels.h"
#include "gemm/native/swapped_kernel.cuh"

namespace moetop::native {

template <typename Config>
void launch_swapped(const SwappedParams& params, int num_sms, cudaStream_t stream) {
    void (*const kernel)(SwappedParams) = &swapped_kernel<Config>;
    const int shared_bytes = Config::shared_bytes(params.num_experts);
    MOETOP_CHECK_CUDA(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
    kernel<<<num_sms * Config::kCtasPerSm, Config::kThreads, shared_bytes, stream>>>(params);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

}  // namespace moetop::native
