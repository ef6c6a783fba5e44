// The kernels as the launcher sees them, each compiled in a file of its own: what they are made of,
// and how to launch them.
#pragma once

#include <cuda_runtime.h>

#include "common/launch.h"
#include "gemm/native/params.h"

namespace moetop::native {

struct SwappedOps {
    int rows;        // of w in a unit: columns of the output
    int max_tokens;  // of a unit
    int stages;
    int warpgroups;
    const void* function;
    void (*launch)(const SwappedParams& params, int num_sms, const LaunchOrder& order);
};

SwappedOps swapped_32();
SwappedOps swapped_64();
SwappedOps swapped_128();

struct PlainOps {
    int tile_tokens;
    int columns;
    int stages;
    int warpgroups;
    int cluster;
    const void* function;
    void (*launch)(const PlainParams& params, int num_sms, const LaunchOrder& order);
};

// For n a multiple of the columns of a cluster. has_whole_laps says whether k is a multiple of
// kPlainLapBlocks blocks.
PlainOps plain(bool has_whole_laps);
PlainOps plain_pair(bool has_whole_laps);

}  // namespace moetop::native
