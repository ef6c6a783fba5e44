// quant: hidden states -> e4m3 rows in expert order with 1x128 scales. See quant.cu.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "stages/ring.h"

namespace moetop {

// All pointers are on the device, 16-byte aligned. T = tokens, k = top_k, R = T*k, H = hidden.
struct QuantArgs {
    const __nv_bfloat16* input;  // [num_inputs, T, H]
    int num_inputs;              // routing r reads input r mod num_inputs
    const RingState* ring;
    const int32_t* token_row;  // [R], t*k+j -> row
    int tokens;
    int top_k;
    int hidden;      // a multiple of 128
    uint8_t* x;      // e4m3 [R, H]
    float* x_scale;  // [R, H/128]
};

// Enqueues one kernel; neither allocates nor synchronises. Throws Error.
void launch_quant(const QuantArgs& args, cudaStream_t stream);

}  // namespace moetop
