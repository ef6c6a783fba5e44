#include "common/error.h"
#include "gemm/native/kernels.h"
#include "gemm/native/plain_kernel.cuh"

namespace moetop::native {
namespace {

template <typename Config>
PlainOps plain_ops() {
    static constexpr void (*kKernel)(PlainParams) = &plain_kernel<Config>;
    const auto launch = [](const PlainParams& params, int num_sms, const LaunchOrder& order) {
        const int shared_bytes = Config::shared_bytes(params.num_experts);
        MOETOP_CHECK_CUDA(cudaFuncSetAttribute(
            kKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
        launch_kernel(kKernel, num_sms, Config::kThreads, shared_bytes, order, params);
    };
    return {Config::kTileTokens,
            Config::kColumns,
            Config::kStages,
            Config::kGroups,
            reinterpret_cast<const void*>(kKernel),
            launch};
}

}  // namespace

PlainOps plain(bool has_whole_laps) {
    return has_whole_laps ? plain_ops<PlainConfig<true>>() : plain_ops<PlainConfig<false>>();
}

}  // namespace moetop::native
