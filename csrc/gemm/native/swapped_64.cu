#include "gemm/native/swapped_launch.cuh"

namespace moetop::native {

void launch_swapped_64(const SwappedParams& params, int num_sms, cudaStream_t stream) {
    launch_swapped<SwappedConfig<64, 3, 64, 2, 1>>(params, num_sms, stream);
}

}  // namespace moetop::native
