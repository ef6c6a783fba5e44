// The kernels' launchers, each compiled in a file of its own.
#pragma once

#include <cuda_runtime.h>

#include "gemm/native/params.h"

namespace moetop::native {

void launch_swapped_32(const SwappedParams& params, int num_sms, cudaStream_t stream);
void launch_swapped_64(const SwappedParams& params, int num_sms, cudaStream_t stream);
void launch_swapped_64_wide(const SwappedParams& params, int num_sms, cudaStream_t stream);
void launch_swapped_128(const SwappedParams& params, int num_sms, cudaStream_t stream);
void launch_plain(const PlainParams& params, int num_sms, cudaStream_t stream);
void launch_plain_cluster(const PlainParams& params, int num_sms, cudaStream_t stream);

}  // namespace moetop::native
