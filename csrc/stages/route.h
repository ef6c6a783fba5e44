// route: top-k ids -> first row of each expert and the row permutation. See route.cu.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "stages/ring.h"

namespace moetop {

// What fills the ids between num_ids and their stride: larger than any expert.
constexpr int32_t kNoExpert = INT32_MAX;

// The most ids that one launch sorts.
constexpr int kMaxRouteIds = 262144;

// All pointers are on the device. R = num_ids = tokens * top_k.
struct RouteArgs {
    const int32_t* ids;   // [num_routings, ids_stride], 16-byte aligned, padded with kNoExpert
    int64_t ids_stride;   // elements, a multiple of 4
    int num_ids;          // 1..kMaxRouteIds
    int num_experts;      // E
    RingState* ring;      // next is read, current is written
    int32_t* offsets;     // [E + 1], first row of each expert
    int32_t* row_source;  // [R], row -> t*k+j
    int32_t* token_row;   // [R], t*k+j -> row
};

// Enqueues one kernel; neither allocates nor synchronises. Throws Error.
void launch_route(const RouteArgs& args, cudaStream_t stream);

}  // namespace moetop
