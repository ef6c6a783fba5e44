#include "gemm/native/swapped_launch.cuh"

namespace moetop::native {

void launch_swapped_128(const SwappedParams& params, int num_sms, cudaStream_t stream) {
    launch_swapped<SwappedConfig<128, 2, 64, 2, 1>>(params, num_sms, stream);
}

}  // namespace moetop::native
