// What the native kernels are launched with. Tensor maps travel as kernel parameters: the copy
// engine reads them from there, and a captured launch keeps its own.
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>

#include <cstdint>

namespace moetop::native {

// The width of a scale block of k, in elements and bytes of e4m3.
constexpr int kBlockWidth = 128;

// Blocks of k that a stage of the swapped kernel holds.
constexpr int kSwappedBlocksPerStage = 2;

// Widths of the swapped kernels' units, in tokens: multiples of this, and so many of them.
constexpr int kWidthStep = 8;
constexpr int kNumWidths = 8;

// The narrowest of them that holds so many tokens, 1..64.
constexpr int width_for(int tokens) {
    return (tokens + kWidthStep - 1) / kWidthStep * kWidthStep;
}

// Its place among them.
constexpr int width_index(int width) {
    return width / kWidthStep - 1;
}

// Blocks of k that the plain kernel's ring holds: a lap.
constexpr int kPlainLapBlocks = 4;

// The rows of a that one warpgroup of the plain kernel multiplies.
constexpr int kPlainBlockRows = 64;

// What one warp of the plain kernel stores: so many rows of d, in boxes of so many columns.
constexpr int kPlainStoreRows = 16;
constexpr int kPlainStoreColumns = 64;

// The most experts that a tile list is made for.
constexpr int kMaxExperts = 1024;

// A divisor that does not change: 0 <= dividend < 2^31.
struct Divisor {
    int value;
    uint64_t reciprocal;  // 2^64 / value, rounded up; 0 for 1

    static Divisor of(int value) {
        return {value, value == 1 ? 0 : ~uint64_t{0} / static_cast<uint64_t>(value) + 1};
    }
#ifdef __CUDACC__
    __device__ __forceinline__ int quotient(int dividend) const {
        return reciprocal == 0
                   ? dividend
                   : static_cast<int>(__umul64hi(static_cast<uint64_t>(dividend), reciprocal));
    }
#endif
};

struct SwappedParams {
    CUtensorMap weight_map;              // boxes of a unit's rows x a stage's blocks
    CUtensorMap token_maps[kNumWidths];  // [width_index(w)]: boxes of w rows x a stage's blocks
    const float* token_scales;           // [rows, num_blocks]
    const float* weight_scales;          // [num_experts, n/128, num_blocks]
    __nv_bfloat16* d;                    // [rows, n]
    const int32_t* offsets;              // [num_experts + 1]
    int num_experts;
    int n;
    int num_blocks;        // k/128
    Divisor units_across;  // n over the rows of w in a unit
    int tile_tokens;       // the most tokens of a unit
    bool is_specialized;
    bool evicts_weights_first;
};

struct PlainParams {
    CUtensorMap weight_map;      // boxes of 128 rows x 128 bytes
    CUtensorMap token_map;       // a CTA's part of a warpgroup's rows x 128 bytes, clipped
    CUtensorMap result_map;      // a warp's rows x boxes of 64 columns, side by side, clipped
    const float* token_scales;   // [rows, num_blocks]
    const float* weight_scales;  // [num_experts, n/128, num_blocks]
    const int32_t* offsets;      // [num_experts + 1]
    uint32_t* counters;          // two, 0 before and after each launch: units drawn, CTAs done
    int num_experts;
    int n;
    int num_blocks;    // k/128
    int units_across;  // n over the columns of a cluster
    bool is_specialized;
};

}  // namespace moetop::native
