// act: silu(gate)*up, quantized to e4m3 with 1x128 scales. See act.cu.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "stages/ring.h"

namespace moetop {

// All pointers are on the device, 16-byte aligned. R = rows, I = intermediate.
struct ActArgs {
    const __nv_bfloat16* up;  // [R, 2I], the gate first
    int rows;
    int intermediate;  // a multiple of 128
    uint8_t* act;      // e4m3 [R, I]
    float* act_scale;  // [R, I/128]
    RingState* ring;   // current is read, next is written
    int num_routings;  // length of the ring
};

// Enqueues one kernel, which also moves the ring on for the step after this one; neither allocates
// nor synchronises. Throws Error.
void launch_act(const ActArgs& args, cudaStream_t stream);

}  // namespace moetop
