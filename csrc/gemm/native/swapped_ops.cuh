// How a swapped kernel is launched: as many CTAs as fit, whatever the number of units.
#pragma once

#include "common/error.h"
#include "gemm/native/kernels.h"
#include "gemm/native/swapped_kernel.cuh"

namespace moetop::native {

template <typename Config>
SwappedOps swapped_ops() {
    static constexpr void (*kKernel)(SwappedParams) = &swapped_kernel<Config>;
    const auto launch = [](const SwappedParams& params, int num_sms, const LaunchOrder& order) {
        const int shared_bytes = Config::shared_bytes(params.num_experts);
        MOETOP_CHECK_CUDA(cudaFuncSetAttribute(
            kKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
        launch_kernel(kKernel,
                      {static_cast<unsigned>(num_sms * Config::kCtasPerSm),
                       Config::kThreads,
                       1,
                       static_cast<size_t>(shared_bytes)},
                      order,
                      params);
    };
    return {Config::kRows,
            Config::kMaxTokens,
            Config::kStages,
            Config::kGroups,
            reinterpret_cast<const void*>(kKernel),
            launch};
}

}  // namespace moetop::native
