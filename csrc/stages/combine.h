// combine: the weighted sum of each token's k rows. See combine.cu.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "stages/ring.h"

namespace moetop {

// All pointers are on the device, 16-byte aligned. T = tokens, k = top_k, R = T*k, H = hidden.
struct CombineArgs {
    const __nv_bfloat16* down;  // [R, H]
    const float* topk_weights;  // [num_routings, weights_stride]
    int64_t weights_stride;     // elements, at least R
    const int32_t* token_row;   // [R], t*k+j -> row
    const RingState* ring;
    int tokens;
    int top_k;
    int hidden;             // a multiple of 128
    __nv_bfloat16* output;  // [T, H]
};

// Enqueues one kernel; neither allocates nor synchronises. Throws Error.
void launch_combine(const CombineArgs& args, cudaStream_t stream);

}  // namespace moetop
