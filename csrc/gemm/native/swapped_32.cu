#include "gemm/native/swapped_launch.cuh"

namespace moetop::native {

void launch_swapped_32(const SwappedParams& params, int num_sms, cudaStream_t stream) {
    launch_swapped<SwappedConfig<32, 8, 8, 1, 2>>(params, num_sms, stream);
}

}  // namespace moetop::native
