// The grouped GEMM for few rows an expert: weights stand on wgmma's m side (64 rows of w an
// instruction), tokens on its n side, which is as narrow as eight. It is bound by reading weights.
//
//   d[row, n] = sum over blocks of k: (w[expert, n, block] . a[row, block]) * a_scale * w_scale
//
// One persistent CTA has one warpgroup that multiplies, one warp that copies tiles (TMA) and one
// that copies scales; two such CTAs share an SM, so that one multiplies while the other promotes
// or stores. Units (kRows rows of w x up to 64 tokens) are dealt round robin. A stage of the ring
// holds two blocks of k, 256 contiguous bytes of each row: half as many DRAM bursts begun, half as
// many barriers.
//
// Expert specialization: with it, a unit's width is its own tokens rounded up to eight; without,
// one width for all.
#pragma once

#include <cuda_bf16.h>

#include "common/ptx.cuh"
#include "gemm/native/params.h"
#include "gemm/native/ring.cuh"
#include "gemm/native/tile_list.cuh"

namespace moetop::native {

template <int kRowsOfWeights, int kNumStages, int kTokens, int kNumCtasPerSm, int kNumGroups>
struct SwappedConfig {
    static constexpr int kRows = kRowsOfWeights;
    static constexpr int kStages = kNumStages;
    static constexpr int kMaxTokens = kTokens;
    static constexpr int kCtasPerSm = kNumCtasPerSm;
    // Warpgroups that multiply. Two take the stages in turn and add their sums at a unit's end, for
    // units so narrow that one warpgroup could not keep up with the copies.
    static constexpr int kGroups = kNumGroups;
    static constexpr int kConsumerThreads = kGroups * 128;
    static constexpr int kThreads = kConsumerThreads + 2 * kWarpSize;
    static constexpr int kBlocksPerStage = kSwappedBlocksPerStage;
    // Of 64 rows each. A tile of 32 rows is computed as 64: the product's other half is garbage
    // from whatever lies behind the tile, in rows that nobody stores.
    static constexpr int kRowBlocks = (kRows + 63) / 64;

    static constexpr int kWeightBytes = kRows * kBlockWidth * kBlocksPerStage;
    static constexpr int kTokenBytes = kMaxTokens * kBlockWidth * kBlocksPerStage;
    static constexpr int kOverreadBytes = (kRowBlocks * 64 - kRows) * kBlockWidth * kBlocksPerStage;
    // Of each stage: a scale for each token and block, then the weights' scales.
    static constexpr int kScaleFloats = (kMaxTokens + 2) * kBlocksPerStage;
    // Of each warp: 16 tokens x 16 columns, rows of 48 bytes, which no two banks share.
    static constexpr int kStagingPitch = 48;
    static constexpr int kStagingBytes = 16 * kStagingPitch;

    static constexpr int kTokensOffset = kStages * kWeightBytes;
    static constexpr int kScalesOffset = kTokensOffset + kStages * kTokenBytes;
    static constexpr int kStagingOffset = kScalesOffset + kStages * kScaleFloats * 4;
    static constexpr int kBarriersOffset =
        kStagingOffset + kConsumerThreads / kWarpSize * kStagingBytes;
    static constexpr int kExchangeOffset = (kBarriersOffset + 2 * kStages * 8 + 15) / 16 * 16;
    static constexpr int kExchangeBytes = (kGroups - 1) * 128 * kRowBlocks * kMaxTokens / 2 * 4;
    static constexpr int kListOffset = kExchangeOffset + kExchangeBytes;
    static constexpr int kAlignment = 1024;  // of the 128-byte swizzle

    static constexpr int shared_bytes(int num_experts) {
        return kAlignment + kListOffset + tile_list_bytes(num_experts, 2);
    }

    static_assert(kRows == 32 || kRows == 64 || kRows == 128,
                  "a tile lies in one block of weight scales");
    static_assert(kGroups == 1 || (kGroups == 2 && kStages % 2 == 0), "a stage has one reader");
    static_assert(kMaxTokens % kWidthStep == 0 && kMaxTokens <= kNumWidths * kWidthStep,
                  "widths that there are boxes for");
    static_assert(kOverreadBytes <= kStages * kTokenBytes, "the overread ends in the tokens' part");
    static_assert(kListOffset % 16 == 0, "the list is aligned");
};

// Addresses of what the roles share. A stage is full with the copy engine's bytes, announced by one
// arrival, and the copies of the scale warp's 32 lanes, and empty when each lane of the warpgroup
// that multiplies it has read it.
template <typename Config>
struct SwappedShared : RingAddresses<Config> {
    using RingAddresses<Config>::base;
    __device__ __forceinline__ uint32_t tokens(int stage) const {
        return base + Config::kTokensOffset + stage * Config::kTokenBytes;
    }
    __device__ __forceinline__ uint32_t scales(int stage) const {
        return base + Config::kScalesOffset + stage * Config::kScaleFloats * 4;
    }
};

// Tokens that a unit is computed for.
__device__ __forceinline__ int unit_width(const SwappedParams& params, int num_rows) {
    return params.is_specialized ? width_for(num_rows) : params.tile_tokens;
}

// Whether this CTA is to leave memory to others. Where a few CTAs have a unit more than the rest,
// that unit is all that is read at the end, and too little is under way to keep memory busy. So the
// rest has a stage less under way, and the few are ahead by the time that it comes to their last.
template <typename Config>
__device__ __forceinline__ bool leaves_memory_to_others(int num_units) {
    constexpr int kFewOf = 4;  // a quarter of the CTAs or less is few
    const int num_ctas = static_cast<int>(gridDim.x);
    const int num_with_more = num_units % num_ctas;
    // With one stage left a CTA would not copy while it multiplies.
    return Config::kStages > 2 && num_units > num_ctas && num_with_more <= num_ctas / kFewOf &&
           static_cast<int>(blockIdx.x) >= num_with_more && num_with_more > 0;
}

template <typename Config>
__device__ __forceinline__ void copy_tiles(const SwappedParams& params,
                                           const TileList& list,
                                           const SwappedShared<Config>& shared) {
    const int num_units = list.first_unit[list.num_experts];
    // Not by ptx::elect_lane(), with which one token took 1 to 3% longer and nothing less: here the
    // loops that it saves are hidden.
    const bool is_leader = threadIdx.x % kWarpSize == 0;
    const uint64_t policy = ptx::evict_first_policy();
    // Announces a stage's bytes and copies its weights.
    const auto begin_stage = [&](int stage, uint32_t bytes, int block, int row_group) {
        const uint32_t full = shared.full(stage);
        ptx::barrier_arrive_expect(full, bytes);
        if (params.evicts_weights_first) {
            ptx::copy_box_hinted(
                shared.weights(stage), &params.weight_map, full, policy, 0, 0, block, row_group);
        } else {
            ptx::copy_box(shared.weights(stage), &params.weight_map, full, 0, 0, block, row_group);
        }
    };
    RingPlace<Config::kStages> place;
    RingPlace<Config::kStages> awaited = place;  // the stage that is empty before one is filled
    if (leaves_memory_to_others<Config>(num_units))
        awaited.advance();
    // Blocks of the first unit whose weights are under way before its tokens are there.
    int num_begun = 0;
    int expert = 0;
    for (int index = blockIdx.x; index < num_units; index += gridDim.x) {
        const Unit unit = locate_unit(list, index, expert, params.tile_tokens, params.units_across);
        expert = unit.expert;
        if (is_leader) {
            const int width = unit_width(params, unit.num_rows);
            const CUtensorMap* token_map = &params.token_maps[width_index(width)];
            const uint32_t bytes =
                Config::kWeightBytes + width * kBlockWidth * Config::kBlocksPerStage;
            const int row_group = (unit.expert * params.n + unit.column * Config::kRows) / 8;
            if (index == static_cast<int>(blockIdx.x)) {
                num_begun = min(params.num_blocks, Config::kStages * Config::kBlocksPerStage);
                for (int block = 0; block < num_begun; block += Config::kBlocksPerStage) {
                    begin_stage(block / Config::kBlocksPerStage, bytes, block, row_group);
                }
                ptx::wait_for_kernel_in_front();
            }
            for (int block = 0; block < params.num_blocks; block += Config::kBlocksPerStage) {
                const int stage = place.stage;
                if (block >= num_begun) {
                    ptx::barrier_wait(shared.empty(awaited.stage), awaited.phase ^ 1);
                    begin_stage(stage, bytes, block, row_group);
                }
                ptx::copy_box(
                    shared.tokens(stage), token_map, shared.full(stage), 0, unit.first_row, block);
                place.advance();
                awaited.advance();
            }
            num_begun = 0;
        }
        __syncwarp();
    }
}

// Scales go by cp.async, not by registers: a lane has as many loads in flight as the ring is deep,
// and the barrier tells when they have landed.
template <typename Config>
__device__ __forceinline__ void copy_scales(const SwappedParams& params,
                                            const TileList& list,
                                            const SwappedShared<Config>& shared) {
    static_assert(Config::kBlocksPerStage == 2, "a pair of floats a token and stage");
    const int num_units = list.first_unit[list.num_experts];
    const int lane = threadIdx.x % kWarpSize;
    const int num_blocks = params.num_blocks;
    // Pairs of scales are 8-aligned only if a row has an even number of them.
    const bool is_paired = num_blocks % 2 == 0;
    RingPlace<Config::kStages> place;
    int expert = 0;
    // Whether or not there is a unit: the end of a kernel stands for the end of those in front.
    ptx::wait_for_kernel_in_front();
    ptx::let_next_kernel_start();
    for (int index = blockIdx.x; index < num_units; index += gridDim.x) {
        const Unit unit = locate_unit(list, index, expert, params.tile_tokens, params.units_across);
        expert = unit.expert;
        const int width = unit_width(params, unit.num_rows);
        const int weight_block =
            (unit.expert * params.n + unit.column * Config::kRows) / kBlockWidth;
        const float* const weight_scales =
            params.weight_scales + static_cast<int64_t>(weight_block) * num_blocks;
        for (int block = 0; block < num_blocks; block += 2) {
            const int stage = place.stage;
            ptx::barrier_wait(shared.empty(stage), place.phase ^ 1);
            const bool has_second = block + 1 < num_blocks;
            const auto copy_pair = [&](uint32_t destination, const float* source) {
                if (is_paired) {
                    ptx::copy_async<8>(destination, source, true);
                } else {
                    ptx::copy_async<4>(destination, source, true);
                    ptx::copy_async<4>(
                        destination + 4, has_second ? source + 1 : source, has_second);
                }
            };
            const uint32_t scales = shared.scales(stage);
#pragma unroll
            for (int first = 0; first < Config::kMaxTokens; first += kWarpSize) {
                const int token = first + lane;
                if (token < width) {
                    // Padding repeats the unit's last row: any finite scale will do.
                    const int64_t row = unit.first_row + min(token, unit.num_rows - 1);
                    copy_pair(scales + token * 8, params.token_scales + row * num_blocks + block);
                }
            }
            if (lane == 0)
                copy_pair(scales + Config::kMaxTokens * 8, weight_scales + block);
            ptx::copy_async_arrive(shared.full(stage));
            place.advance();
        }
    }
    ptx::copy_async_wait_all();
}

// Adds a block's product, scaled, to the sums. scales holds pairs: a token's two blocks.
template <int kWidth, int kRowBlocks>
__device__ __forceinline__ void promote(float (&sums)[kRowBlocks][kWidth / 2],
                                        const float (&product)[kRowBlocks][kWidth / 2],
                                        const float* scales,
                                        float weight_scale) {
    const int column = 2 * (threadIdx.x % 4);
#pragma unroll
    for (int group = 0; group < kWidth / 8; ++group) {
        const float first = scales[(8 * group + column) * 2] * weight_scale;
        const float second = scales[(8 * group + column + 1) * 2] * weight_scale;
#pragma unroll
        for (int rows = 0; rows < kRowBlocks; ++rows) {
            float* const sum = &sums[rows][4 * group];
            const float* const part = &product[rows][4 * group];
            sum[0] = fmaf(part[0], first, sum[0]);
            sum[1] = fmaf(part[1], second, sum[1]);
            sum[2] = fmaf(part[2], first, sum[2]);
            sum[3] = fmaf(part[3], second, sum[3]);
        }
    }
}

// Stores 16 tokens x the warp's 16 columns from two neighbouring groups of the sums; the second is
// absent where the width is an odd number of groups. The transposition happens in shared memory of
// the warp's own, so that a lane stores 16 bytes and no other warp is waited for.
template <typename Config>
__device__ __forceinline__ void store_sixteen(const SwappedShared<Config>& shared,
                                              const float* first,
                                              const float* second,
                                              __nv_bfloat16* destination,
                                              int64_t row_stride,
                                              int num_tokens) {
    const int lane = threadIdx.x % kWarpSize;
    const uint32_t staging = shared.staging(threadIdx.x / kWarpSize);
    const int matrix = lane / 8;
    const uint32_t address =
        staging + (8 * (matrix / 2) + lane % 8) * Config::kStagingPitch + 16 * (matrix % 2);
    __syncwarp();
    if (second != nullptr) {
        ptx::store_matrices_transposed(address,
                                       ptx::pack_bf16(first[0], first[1]),
                                       ptx::pack_bf16(first[2], first[3]),
                                       ptx::pack_bf16(second[0], second[1]),
                                       ptx::pack_bf16(second[2], second[3]));
    } else {
        ptx::store_matrices_transposed(
            address, ptx::pack_bf16(first[0], first[1]), ptx::pack_bf16(first[2], first[3]));
    }
    __syncwarp();
    const int token = lane / 2;
    const int half = lane % 2;
    if (token < num_tokens) {
        *reinterpret_cast<uint4*>(destination + token * row_stride + 8 * half) =
            ptx::load_shared(staging + token * Config::kStagingPitch + 16 * half);
    }
}

// Adds the second warpgroup's sums to the first's; returns whether this one has the whole.
template <typename Config, int kRowBlocks, int kCount>
__device__ __forceinline__ bool add_groups(char* base,
                                           int group,
                                           float (&sums)[kRowBlocks][kCount]) {
    constexpr int kExchangeBarrier = 1;
    auto* const exchange =
        reinterpret_cast<float*>(base + Config::kExchangeOffset) + threadIdx.x % 128;
    if (group == 1) {
#pragma unroll
        for (int i = 0; i < kRowBlocks * kCount; ++i) {
            exchange[128 * i] = sums[i / kCount][i % kCount];
        }
    }
    ptx::named_barrier(kExchangeBarrier, Config::kConsumerThreads);
    if (group == 0) {
#pragma unroll
        for (int i = 0; i < kRowBlocks * kCount; ++i) {
            sums[i / kCount][i % kCount] += exchange[128 * i];
        }
    }
    // The next unit's sums must not overtake these.
    ptx::named_barrier(kExchangeBarrier, Config::kConsumerThreads);
    return group == 0;
}

// One unit by a consumer warpgroup: every stage of k, then the store.
template <typename Config, int kWidth>
__device__ __forceinline__ void multiply_unit(const SwappedParams& params,
                                              const SwappedShared<Config>& shared,
                                              char* base,
                                              const Unit& unit,
                                              RingPlace<Config::kStages>& place) {
    using Product = ptx::Wgmma<kWidth>;
    constexpr int kRowBlocks = Config::kRowBlocks;
    constexpr int kBlocks = Config::kBlocksPerStage;
    // Both blocks of a stage at once where their products fit into 64 registers.
    constexpr int kTogether = kBlocks * kRowBlocks * kWidth / 2 <= 64 ? kBlocks : 1;
    constexpr uint32_t kGroupBytes = 8 * kBlockWidth;
    const int group = threadIdx.x / 128;
    const int warp = threadIdx.x / kWarpSize % 4;

    float sums[kRowBlocks][kWidth / 2] = {};
    for (int block = 0; block < params.num_blocks; block += kBlocks, place.advance()) {
        const int stage = place.stage;
        if (Config::kGroups > 1 && stage % Config::kGroups != group)
            continue;
        ptx::barrier_wait(shared.full(stage), place.phase);
        const auto weights = ptx::Operand<kBlocks * kGroupBytes>::at(shared.weights(stage));
        const auto tokens = ptx::Operand<kGroupBytes>::at(shared.tokens(stage));
        const auto* const scales = reinterpret_cast<const float*>(base + Config::kScalesOffset +
                                                                  stage * Config::kScaleFloats * 4);
        const float* const weight_scales = scales + Config::kMaxTokens * 2;
#pragma unroll
        for (int done = 0; done < kBlocks; done += kTogether) {
            float product[kTogether][kRowBlocks][kWidth / 2];
#pragma unroll
            for (int i = 0; i < kTogether; ++i) {
#pragma unroll
                for (int rows = 0; rows < kRowBlocks; ++rows) {
                    ptx::pin_registers(product[i][rows]);
                }
            }
            ptx::wgmma_fence();
#pragma unroll
            for (int i = 0; i < kTogether; ++i) {
#pragma unroll
                for (int rows = 0; rows < kRowBlocks; ++rows) {
                    const uint32_t a = ((done + i) + rows * 8 * kBlocks) * kGroupBytes;
                    const uint32_t b = (done + i) * kWidth * kBlockWidth;
#pragma unroll
                    for (uint32_t k = 0; k < kBlockWidth; k += ptx::kProductBytes) {
                        Product::multiply(product[i][rows],
                                          weights.descriptor(a + k),
                                          tokens.descriptor(b + k),
                                          k > 0);
                    }
                }
            }
            ptx::wgmma_commit();
            ptx::wgmma_wait<0>();
#pragma unroll
            for (int i = 0; i < kTogether; ++i) {
#pragma unroll
                for (int rows = 0; rows < kRowBlocks; ++rows) {
                    ptx::pin_registers(product[i][rows]);
                }
                promote<kWidth>(sums, product[i], scales + done + i, weight_scales[done + i]);
            }
        }
        // Every lane, and not one for its warp after a __syncwarp: that costs no time, and
        // racecheck sees who has read.
        ptx::barrier_arrive(shared.empty(stage));
    }
    if constexpr (Config::kGroups > 1) {
        if (!add_groups<Config>(base, group, sums))
            return;
    }

    const int64_t stride = params.n;
    __nv_bfloat16* const corner =
        params.d + unit.first_row * stride + unit.column * Config::kRows + 16 * warp;
#pragma unroll
    for (int rows = 0; rows < kRowBlocks; ++rows) {
        // Of a tile of 32 rows only the lower two warps' are real.
        if (Config::kRows < 64 && warp >= Config::kRows / 16)
            break;
#pragma unroll
        for (int group = 0; group < kWidth / 8; group += 2) {
            const float* const first = &sums[rows][4 * group];
            store_sixteen(shared,
                          first,
                          group + 1 < kWidth / 8 ? first + 4 : nullptr,
                          corner + 8 * group * stride + 64 * rows,
                          stride,
                          min(unit.num_rows - 8 * group, group + 1 < kWidth / 8 ? 16 : 8));
        }
    }
}

template <typename Config>
__device__ __forceinline__ void multiply(const SwappedParams& params,
                                         const TileList& list,
                                         const SwappedShared<Config>& shared,
                                         char* base) {
    const int num_units = list.first_unit[list.num_experts];
    RingPlace<Config::kStages> place;
    int expert = 0;
    for (int index = blockIdx.x; index < num_units; index += gridDim.x) {
        const Unit unit = locate_unit(list, index, expert, params.tile_tokens, params.units_across);
        expert = unit.expert;
        const int width = unit_width(params, unit.num_rows);
#define MOETOP_WIDTH(kWidth)                                                  \
    case kWidth:                                                              \
        if constexpr (kWidth <= Config::kMaxTokens)                           \
            multiply_unit<Config, kWidth>(params, shared, base, unit, place); \
        break;
        switch (width) {
            MOETOP_WIDTH(8)
            MOETOP_WIDTH(16)
            MOETOP_WIDTH(24)
            MOETOP_WIDTH(32)
            MOETOP_WIDTH(40)
            MOETOP_WIDTH(48)
            MOETOP_WIDTH(56)
            MOETOP_WIDTH(64)
            default:
                break;
        }
#undef MOETOP_WIDTH
    }
}

template <typename Config>
__global__ void __launch_bounds__(Config::kThreads, Config::kCtasPerSm) swapped_kernel(
    const __grid_constant__ SwappedParams params) {
    extern __shared__ char raw[];
    char* const base =
        reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(raw) + Config::kAlignment - 1) &
                                ~uintptr_t{Config::kAlignment - 1});
    const SwappedShared<Config> shared = {ptx::shared_address(base)};
    auto* const first_row = reinterpret_cast<int32_t*>(base + Config::kListOffset);
    const TileList list = {first_row, first_row + params.num_experts + 1, params.num_experts};
    const int warp = threadIdx.x / kWarpSize;
    constexpr int kCopyWarp = Config::kConsumerThreads / kWarpSize;

    // By other warps than the first, which have the fewest offsets to load.
    if (warp == kCopyWarp) {
        const int lane = threadIdx.x % kWarpSize;
        if (lane == 0)
            ptx::prefetch_tensor_map(&params.weight_map);
        if (lane == 1)
            ptx::prefetch_tensor_map(&params.token_maps[0]);
    }
    if (threadIdx.x == Config::kThreads - 1) {
        for (int stage = 0; stage < Config::kStages; ++stage) {
            ptx::barrier_init(shared.full(stage), 1 + kWarpSize);
            ptx::barrier_init(shared.empty(stage), 128);
        }
        ptx::fence_barrier_init();
    }
    build_tile_list<Config::kThreads>(list,
                                      params.offsets,
                                      params.tile_tokens,
                                      params.units_across.value,
                                      [=](int place, int32_t row) { first_row[place] = row; });

    if (warp < kCopyWarp) {
        multiply(params, list, shared, base);
    } else if (warp == kCopyWarp) {
        copy_tiles(params, list, shared);
    } else {
        copy_scales(params, list, shared);
    }
}

}  // namespace moetop::native
