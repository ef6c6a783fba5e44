#include "common/error.h"
#include "gemm/native/kernels.h"
#include "gemm/native/plain_kernel.cuh"

namespace moetop::native {
namespace {

template <typename Config>
void launch_config(const PlainParams& params, int num_sms, cudaStream_t stream) {
    void (*const kernel)(PlainParams) = &plain_kernel<Config>;
    const int shared_bytes = Config::shared_bytes(params.num_experts);
    MOETOP_CHECK_CUDA(
        cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeClusterDimension;
    attribute.val.clusterDim = {Config::kCluster, 1, 1};
    cudaLaunchConfig_t config = {};
    config.gridDim = dim3(num_sms / Config::kCluster * Config::kCluster);
    config.blockDim = dim3(Config::kThreads);
    config.dynamicSmemBytes = shared_bytes;
    config.stream = stream;
    config.attrs = &attribute;
    config.numAttrs = Config::kCluster > 1 ? 1 : 0;
    MOETOP_CHECK_CUDA(cudaLaunchKernelEx(&config, kernel, params));
}

}  // namespace

void launch_plain(const PlainParams& params, int num_sms, cudaStream_t stream) {
    if (params.num_blocks % PlainConfig<1, true>::kStages == 0) {
        launch_config<PlainConfig<1, true>>(params, num_sms, stream);
    } else {
        launch_config<PlainConfig<1, false>>(params, num_sms, stream);
    }
}

void launch_plain_cluster(const PlainParams& params, int num_sms, cudaStream_t stream) {
    launch_config<PlainConfig<2, true>>(params, num_sms, stream);
}

}  // namespace moetop::native
