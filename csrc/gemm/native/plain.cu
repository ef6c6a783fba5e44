#include "common/error.h"
#include "gemm/native/kernels.h"
#include "gemm/native/plain_kernel.cuh"

namespace moetop::native {
namespace {

template <typename Config>
PlainOps plain_ops() {
    static constexpr void (*kKernel)(PlainParams) = &plain_kernel<Config>;
    static_assert(Config::shared_bytes(kMaxExperts) <= Config::kMaxSharedBytes,
                  "the list of units finds room");
    const auto launch = [](const PlainParams& params, int num_sms, const LaunchOrder& order) {
        const int shared_bytes = Config::shared_bytes(params.num_experts);
        MOETOP_CHECK_CUDA(cudaFuncSetAttribute(
            kKernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
        launch_kernel(kKernel,
                      {static_cast<unsigned>(num_sms / Config::kCluster * Config::kCluster),
                       Config::kThreads,
                       Config::kCluster,
                       static_cast<size_t>(shared_bytes)},
                      order,
                      params);
    };
    return {Config::kTileTokens,
            Config::kColumns,
            Config::kStages,
            Config::kGroups,
            Config::kCluster,
            reinterpret_cast<const void*>(kKernel),
            launch};
}

template <int kCluster>
PlainOps plain_ops_for(bool has_whole_laps) {
    return has_whole_laps ? plain_ops<PlainConfig<kCluster, true>>()
                          : plain_ops<PlainConfig<kCluster, false>>();
}

}  // namespace

PlainOps plain(bool has_whole_laps) {
    return plain_ops_for<1>(has_whole_laps);
}

PlainOps plain_pair(bool has_whole_laps) {
    return plain_ops_for<2>(has_whole_laps);
}

}  // namespace moetop::native
