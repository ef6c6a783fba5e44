// The grouped GEMM for many rows an expert: tokens stand on wgmma's m side, weights on its n side.
// It is bound by the tensor cores, and by the power that they take.
//
//   d[row, n] = sum over blocks of k: (a[row, block] . w[expert, n, block]) * a_scale * w_scale
//
// A unit is 192 tokens x 128 columns, one block of k a stage. Three warpgroups multiply 64 tokens
// each: while one promotes its product into the sums, the others keep the tensor cores busy. Units
// follow each other columns first: what is read again, the tokens, is then read at the same time. A
// CTA draws its next unit when it has room for it, since units differ in what they take by the rows
// that they have. (Pairs of CTAs that multicast their tokens to each other gained nothing over
// this.)
//
// Expert specialization: with it, a unit has only as many blocks of 64 tokens as have rows;
// without, every unit is computed whole.
#pragma once

#include <cuda_bf16.h>

#include "common/ptx.cuh"
#include "gemm/native/params.h"
#include "gemm/native/ring.cuh"
#include "gemm/native/tile_list.cuh"

namespace moetop::native {

template <bool kHasWholeLaps>
struct PlainConfig {
    static constexpr int kStages = kPlainLapBlocks;
    // Whether k is a whole number of laps of the ring: then a block's place in it is known when the
    // kernel is compiled, which saves a third of the instructions around a product.
    static constexpr bool kWholeLaps = kHasWholeLaps;
    static constexpr int kGroups = 3;  // warpgroups that multiply
    static constexpr int kTileTokens = kGroups * kPlainBlockRows;
    static constexpr int kColumns = 128;
    static constexpr int kConsumerThreads = kGroups * 128;
    static constexpr int kThreads = kConsumerThreads + 128;
    // 3*152 + 56 registers for each of 128 lanes are the whole register file.
    static constexpr int kConsumerRegisters = 152;
    static constexpr int kProducerRegisters = 56;

    static constexpr int kWeightBytes = kColumns * kBlockWidth;
    static constexpr int kGroupBytes = kPlainBlockRows * kBlockWidth;  // tokens of a warpgroup
    static constexpr int kTokenBytes = kGroups * kGroupBytes;
    // Of each warp: eight tokens x all columns.
    static constexpr int kStagingRows = 8;
    static constexpr int kStagingBytes = kStagingRows * kColumns * 2;
    // Scales have a ring of their own: a slot has four blocks of k, 16 bytes a token, then 16 bytes
    // for the weights. It runs further ahead than the tiles, since a row's scales come from DRAM in
    // pieces of 32 bytes, each a long way off; two slots are filled at a time, so that no piece is
    // fetched twice.
    static constexpr int kScaleSlots = 4;
    static constexpr int kBlocksPerSlot = 4;
    static constexpr int kSlotBytes = (kTileTokens + 1) * kBlocksPerSlot * 4;

    static constexpr int kTokensOffset = kStages * kWeightBytes;
    static constexpr int kScalesOffset = kTokensOffset + kStages * kTokenBytes;
    // Units that the copy warp has drawn and not everybody has begun.
    static constexpr int kQueueSlots = 4;

    static constexpr int kStagingOffset = kScalesOffset + kScaleSlots * kSlotBytes;
    static constexpr int kBarriersOffset =
        kStagingOffset + kConsumerThreads / kWarpSize * kStagingBytes;
    static constexpr int kQueueOffset =
        kBarriersOffset + 2 * (kStages + kScaleSlots + kQueueSlots) * 8;
    static constexpr int kListOffset = (kQueueOffset + kQueueSlots * 4 + 15) / 16 * 16;
    static constexpr int kAlignment = 1024;  // of the 128-byte swizzle

    static constexpr int shared_bytes(int num_experts) {
        return kAlignment + kListOffset + tile_list_bytes(num_experts);
    }

    static_assert(!kWholeLaps || kStages == kBlocksPerSlot,
                  "a lap of the ring is a slot of scales");
    static_assert((kGroups * kConsumerRegisters + kProducerRegisters) * 128 <= 65536, "registers");
    static_assert(kListOffset % 16 == 0, "the list is aligned");
};

// Addresses of what the roles share.
template <typename Config>
struct PlainShared {
    uint32_t base;
    __device__ __forceinline__ uint32_t weights(int stage) const {
        return base + stage * Config::kWeightBytes;
    }
    __device__ __forceinline__ uint32_t tokens(int stage, int group) const {
        return base + Config::kTokensOffset + stage * Config::kTokenBytes +
               group * Config::kGroupBytes;
    }
    __device__ __forceinline__ uint32_t staging(int warp) const {
        return base + Config::kStagingOffset + warp * Config::kStagingBytes;
    }
    // Filled: the copy engine's bytes, announced by one arrival. Read: each consumer warp.
    __device__ __forceinline__ uint32_t full(int stage) const {
        return base + Config::kBarriersOffset + stage * 8;
    }
    __device__ __forceinline__ uint32_t empty(int stage) const {
        return full(stage) + Config::kStages * 8;
    }
    __device__ __forceinline__ uint32_t scales(int slot) const {
        return base + Config::kScalesOffset + slot * Config::kSlotBytes;
    }
    // Filled: the 32 lanes of the scale warp. Read: each consumer warp.
    __device__ __forceinline__ uint32_t scales_full(int slot) const {
        return full(2 * Config::kStages + slot);
    }
    __device__ __forceinline__ uint32_t scales_empty(int slot) const {
        return full(2 * Config::kStages + Config::kScaleSlots + slot);
    }
    __device__ __forceinline__ uint32_t queue(int slot) const {
        return base + Config::kQueueOffset + slot * 4;
    }
    // Filled: the copy warp. Read: the scale warp and each consumer warp.
    __device__ __forceinline__ uint32_t queue_full(int slot) const {
        return full(2 * (Config::kStages + Config::kScaleSlots) + slot);
    }
    __device__ __forceinline__ uint32_t queue_empty(int slot) const {
        return queue_full(slot) + Config::kQueueSlots * 8;
    }
};

// The units of a CTA, one after the other, as the copy warp draws them. The first is the CTA's own
// number; the others come from a counter in global memory, asked for a unit ahead.
template <typename Config>
class UnitDraw {
  public:
    __device__ __forceinline__ UnitDraw(const PlainShared<Config>& shared,
                                        uint32_t* counters,
                                        int num_units)
        : shared_(shared), counters_(counters), num_units_(num_units), pending_(blockIdx.x) {}

    // All lanes call, and get the unit's number; from num_units on there is none.
    __device__ __forceinline__ int next() {
        const int unit = pending_;
        if (threadIdx.x % kWarpSize == 0) {
            ptx::barrier_wait(shared_.queue_empty(place_.stage), place_.phase ^ 1);
            ptx::store_shared(shared_.queue(place_.stage), static_cast<uint32_t>(unit));
            ptx::barrier_arrive(shared_.queue_full(place_.stage));
            if (unit < num_units_)
                pending_ = static_cast<int>(gridDim.x + atomicAdd(&counters_[0], 1u));
        }
        place_.advance();
        return __shfl_sync(kAllLanes, unit, 0);
    }

    // By one lane, once next() has told that there is no more: the last CTA to come here leaves the
    // counters as the next launch wants them.
    __device__ __forceinline__ void finish() {
        if (atomicInc(&counters_[1], gridDim.x - 1) == gridDim.x - 1)
            counters_[0] = 0;
    }

  private:
    const PlainShared<Config>& shared_;
    uint32_t* const counters_;
    const int num_units_;
    int pending_;  // lane 0's alone is right
    RingPlace<Config::kQueueSlots> place_;
};

// The same units for the other warps.
template <typename Config>
class UnitFeed {
  public:
    __device__ __forceinline__ explicit UnitFeed(const PlainShared<Config>& shared)
        : shared_(shared) {}

    __device__ __forceinline__ int next() {
        ptx::barrier_wait(shared_.queue_full(place_.stage), place_.phase);
        const auto unit = static_cast<int>(ptx::load_shared_word(shared_.queue(place_.stage)));
        __syncwarp();
        if (threadIdx.x % kWarpSize == 0)
            ptx::barrier_arrive(shared_.queue_empty(place_.stage));
        place_.advance();
        return unit;
    }

  private:
    const PlainShared<Config>& shared_;
    RingPlace<Config::kQueueSlots> place_;
};

// Blocks of 64 tokens that a unit is computed for.
template <typename Config>
__device__ __forceinline__ int unit_groups(const PlainParams& params, int num_rows) {
    return params.is_specialized ? (num_rows + kPlainBlockRows - 1) / kPlainBlockRows
                                 : Config::kGroups;
}

template <typename Config>
__device__ __forceinline__ void copy_tiles(const PlainParams& params,
                                           const TileList& list,
                                           const PlainShared<Config>& shared) {
    const int num_units = list.first_unit[list.num_experts];
    const bool is_leader = threadIdx.x % kWarpSize == 0;
    UnitDraw<Config> draw(shared, params.counters, num_units);
    RingPlace<Config::kStages> place;
    int expert = 0;
    for (int index = draw.next(); index < num_units; index = draw.next()) {
        const Unit unit =
            locate_unit(list, index, expert, Config::kTileTokens, params.units_across);
        expert = unit.expert;
        if (is_leader) {
            const int num_groups = unit_groups<Config>(params, unit.num_rows);
            const int weight_row = unit.expert * params.n + unit.column * Config::kColumns;
            const uint32_t token_bytes = num_groups * Config::kGroupBytes;
            for (int block = 0; block < params.num_blocks; ++block) {
                const int stage = place.stage;
                const uint32_t full = shared.full(stage);
                const int column = block * kBlockWidth;
                ptx::barrier_wait(shared.empty(stage), place.phase ^ 1);
                ptx::barrier_arrive_expect(full, Config::kWeightBytes + token_bytes);
                ptx::copy_box(shared.weights(stage), &params.weight_map, full, column, weight_row);
                for (int group = 0; group < num_groups; ++group) {
                    ptx::copy_box(shared.tokens(stage, group),
                                  &params.token_map,
                                  full,
                                  column,
                                  unit.first_row + group * kPlainBlockRows);
                }
                place.advance();
            }
        }
        __syncwarp();
    }
    if (is_leader)
        draw.finish();
}

// A token's scales of up to four blocks, in the widest copies that their alignment allows.
__device__ __forceinline__ void copy_four_scales(uint32_t destination,
                                                 const float* source,
                                                 int num_valid,
                                                 int num_blocks) {
    if (num_blocks % 4 == 0) {
        ptx::copy_async<16>(destination, source, true);
    } else if (num_blocks % 2 == 0) {
        ptx::copy_async<8>(destination, source, true);
        if (num_valid > 2)
            ptx::copy_async<8>(destination + 8, source + 2, true);
    } else {
        for (int i = 0; i < num_valid; ++i) {
            ptx::copy_async<4>(destination + 4 * i, source + i, true);
        }
    }
}

template <typename Config>
__device__ __forceinline__ void copy_scales(const PlainParams& params,
                                            const TileList& list,
                                            const PlainShared<Config>& shared) {
    const int num_units = list.first_unit[list.num_experts];
    const int lane = threadIdx.x % kWarpSize;
    const int num_blocks = params.num_blocks;
    UnitFeed<Config> feed(shared);
    RingPlace<Config::kScaleSlots> place;
    int expert = 0;
    for (int index = feed.next(); index < num_units; index = feed.next()) {
        const Unit unit =
            locate_unit(list, index, expert, Config::kTileTokens, params.units_across);
        expert = unit.expert;
        const int column = unit.column * Config::kColumns;
        const float* const weight_scales =
            params.weight_scales +
            (static_cast<int64_t>(unit.expert) * params.n + column) / kBlockWidth * num_blocks;
        for (int block = 0; block < num_blocks; block += 2 * Config::kBlocksPerSlot) {
            const auto first_place = place;
            place.advance();
            const auto second_place = place;
            const int num_first = min(num_blocks - block, Config::kBlocksPerSlot);
            const int num_second =
                min(num_blocks - block - Config::kBlocksPerSlot, Config::kBlocksPerSlot);
            const bool has_second = num_second > 0;
            ptx::barrier_wait(shared.scales_empty(first_place.stage), first_place.phase ^ 1);
            if (has_second)
                ptx::barrier_wait(shared.scales_empty(second_place.stage), second_place.phase ^ 1);
            const auto copy_row = [&](int row, const float* source) {
                copy_four_scales(
                    shared.scales(first_place.stage) + row * 16, source, num_first, num_blocks);
                if (has_second) {
                    copy_four_scales(shared.scales(second_place.stage) + row * 16,
                                     source + Config::kBlocksPerSlot,
                                     num_second,
                                     num_blocks);
                }
            };
#pragma unroll 2
            for (int first = 0; first < Config::kTileTokens; first += kWarpSize) {
                const int token = first + lane;
                // Rows that the unit does not have keep what is there; nobody stores them.
                if (token < unit.num_rows) {
                    const int64_t row = unit.first_row + token;
                    copy_row(token, params.token_scales + row * num_blocks + block);
                }
            }
            if (lane == 0)
                copy_row(Config::kTileTokens, weight_scales + block);
            ptx::copy_async_arrive(shared.scales_full(first_place.stage));
            if (has_second) {
                ptx::copy_async_arrive(shared.scales_full(second_place.stage));
                place.advance();
            }
        }
    }
    ptx::copy_async_wait_all();
}

// Stores the warp's 16 tokens x 128 columns, eight tokens at a time through shared memory of its
// own, so that a store has 256 contiguous bytes of a row: in a GEMM that is bound by what it
// writes, 64 contiguous bytes took 14% longer. Chunks of 16 bytes are swizzled by the row against
// bank conflicts.
template <typename Config>
__device__ __forceinline__ void store_sums(const PlainShared<Config>& shared,
                                           const float (&sums)[Config::kColumns / 2],
                                           __nv_bfloat16* destination,
                                           int64_t row_stride,
                                           int num_tokens) {
    constexpr int kLanesPerRow = Config::kColumns / 8;
    constexpr int kRowsPerStore = kWarpSize / kLanesPerRow;
    constexpr int kPitch = Config::kColumns * 2;
    const int lane = threadIdx.x % kWarpSize;
    const uint32_t staging = shared.staging(threadIdx.x / kWarpSize);
    const int column = lane % kLanesPerRow;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        __syncwarp();
#pragma unroll
        for (int group = 0; group < Config::kColumns / 8; group += 4) {
            // Four matrices of eight columns side by side.
            const int row = lane % 8;
            const int chunk = group + lane / 8;
            const float* const part = &sums[4 * group + 2 * half];
            ptx::store_matrices(staging + row * kPitch + 16 * (chunk ^ row),
                                ptx::pack_bf16(part[0], part[1]),
                                ptx::pack_bf16(part[4], part[5]),
                                ptx::pack_bf16(part[8], part[9]),
                                ptx::pack_bf16(part[12], part[13]));
        }
        __syncwarp();
#pragma unroll
        for (int first = 0; first < Config::kStagingRows; first += kRowsPerStore) {
            const int row = first + lane / kLanesPerRow;
            const int token = Config::kStagingRows * half + row;
            if (token < num_tokens) {
                *reinterpret_cast<uint4*>(destination + token * row_stride + 8 * column) =
                    ptx::load_shared(staging + row * kPitch + 16 * (column ^ row));
            }
        }
    }
}

// Hands a stage back to the copy warp.
template <typename Config>
__device__ __forceinline__ void release(const PlainShared<Config>& shared, int stage, int lane) {
    __syncwarp();
    if (lane == 0)
        ptx::barrier_arrive(shared.empty(stage));
}

// A consumer's places in the two rings.
template <typename Config>
struct PlainPlaces {
    RingPlace<Config::kStages> tiles;
    RingPlace<Config::kScaleSlots> scales;
};

// Walks a unit's blocks, a slot of scales at a time, and hands each slot back. body(stage, phase,
// scales) takes a block whose scales begin at that address.
template <typename Config, typename Body>
__device__ __forceinline__ void for_each_block(const PlainShared<Config>& shared,
                                               int num_blocks,
                                               int lane,
                                               PlainPlaces<Config>& places,
                                               const Body& body) {
    for (int left = num_blocks; left > 0; left -= Config::kBlocksPerSlot) {
        const int slot = places.scales.stage;
        ptx::barrier_wait(shared.scales_full(slot), places.scales.phase);
        const uint32_t scales = shared.scales(slot);
#pragma unroll
        for (int i = 0; i < Config::kBlocksPerSlot; ++i) {
            if constexpr (Config::kWholeLaps) {
                body(i, places.tiles.phase, scales + 4 * i);
            } else if (i < left) {
                body(places.tiles.stage, places.tiles.phase, scales + 4 * i);
                places.tiles.advance();
            }
        }
        if constexpr (Config::kWholeLaps)
            places.tiles.phase ^= 1;
        __syncwarp();
        if (lane == 0)
            ptx::barrier_arrive(shared.scales_empty(slot));
        places.scales.advance();
    }
}

template <typename Config>
__device__ __forceinline__ void multiply(const PlainParams& params,
                                         const TileList& list,
                                         const PlainShared<Config>& shared) {
    constexpr uint32_t kEightRows = 8 * kBlockWidth;
    const int num_units = list.first_unit[list.num_experts];
    const int warp = threadIdx.x / kWarpSize;
    const int lane = threadIdx.x % kWarpSize;
    const int group = warp / 4;
    const uint32_t own_scales = (kPlainBlockRows * group + 16 * (warp % 4) + lane / 4) * 16;
    const auto tokens = ptx::Operand<kEightRows>::at(shared.tokens(0, group));
    const auto weights = ptx::Operand<kEightRows>::at(shared.weights(0));

    UnitFeed<Config> feed(shared);
    PlainPlaces<Config> places;
    int expert = 0;
    for (int index = feed.next(); index < num_units; index = feed.next()) {
        const Unit unit =
            locate_unit(list, index, expert, Config::kTileTokens, params.units_across);
        expert = unit.expert;
        if (group >= unit_groups<Config>(params, unit.num_rows)) {
            // Nothing to multiply here, but the rings must not be lapped.
            for_each_block(
                shared, params.num_blocks, lane, places, [&](int stage, uint32_t phase, uint32_t) {
                    ptx::barrier_wait(shared.full(stage), phase);
                    release(shared, stage, lane);
                });
            continue;
        }

        float sums[Config::kColumns / 2] = {};
        for_each_block(shared,
                       params.num_blocks,
                       lane,
                       places,
                       [&](int stage, uint32_t phase, uint32_t scales) {
                           const float weight =
                               ptx::load_shared_float(scales + Config::kTileTokens * 16);
                           const float low = ptx::load_shared_float(scales + own_scales);
                           const float high = ptx::load_shared_float(scales + own_scales + 8 * 16);
                           float product[Config::kColumns / 2];
                           ptx::barrier_wait(shared.full(stage), phase);
                           ptx::pin_registers(product);
                           ptx::wgmma_fence();
#pragma unroll
                           for (uint32_t k = 0; k < kBlockWidth; k += ptx::kProductBytes) {
                               ptx::Wgmma<Config::kColumns>::multiply(
                                   product,
                                   tokens.descriptor(stage * Config::kTokenBytes + k),
                                   weights.descriptor(stage * Config::kWeightBytes + k),
                                   k > 0);
                           }
                           ptx::wgmma_commit();
                           const float low_scale = low * weight;
                           const float high_scale = high * weight;
                           ptx::wgmma_wait<0>();
                           ptx::pin_registers(product);
                           release(shared, stage, lane);
#pragma unroll
                           for (int j = 0; j < Config::kColumns / 2; j += 4) {
                               sums[j] = fmaf(product[j], low_scale, sums[j]);
                               sums[j + 1] = fmaf(product[j + 1], low_scale, sums[j + 1]);
                               sums[j + 2] = fmaf(product[j + 2], high_scale, sums[j + 2]);
                               sums[j + 3] = fmaf(product[j + 3], high_scale, sums[j + 3]);
                           }
                       });

        // Located anew rather than kept through the loop, where every register counts.
        const Unit done =
            locate_unit(list, index, expert, Config::kTileTokens, params.units_across);
        const int warp_row = kPlainBlockRows * group + 16 * (warp % 4);
        const int column = done.column * Config::kColumns;
        store_sums(shared,
                   sums,
                   params.d + static_cast<int64_t>(done.first_row + warp_row) * params.n + column,
                   params.n,
                   done.num_rows - warp_row);
    }
}

template <typename Config>
__global__ void __launch_bounds__(Config::kThreads, 1) plain_kernel(
    const __grid_constant__ PlainParams params) {
    extern __shared__ char raw[];
    char* const base =
        reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(raw) + Config::kAlignment - 1) &
                                ~uintptr_t{Config::kAlignment - 1});
    const PlainShared<Config> shared = {ptx::shared_address(base)};
    const TileList list = carve_tile_list(base + Config::kListOffset, params.num_experts);

    if (threadIdx.x == Config::kThreads - 1) {
        ptx::prefetch_tensor_map(&params.weight_map);
        ptx::prefetch_tensor_map(&params.token_map);
        for (int stage = 0; stage < Config::kStages; ++stage) {
            ptx::barrier_init(shared.full(stage), 1);
            ptx::barrier_init(shared.empty(stage), Config::kConsumerThreads / kWarpSize);
        }
        for (int slot = 0; slot < Config::kScaleSlots; ++slot) {
            ptx::barrier_init(shared.scales_full(slot), kWarpSize);
            ptx::barrier_init(shared.scales_empty(slot), Config::kConsumerThreads / kWarpSize);
        }
        for (int slot = 0; slot < Config::kQueueSlots; ++slot) {
            ptx::barrier_init(shared.queue_full(slot), 1);
            ptx::barrier_init(shared.queue_empty(slot), Config::kConsumerThreads / kWarpSize + 1);
        }
        ptx::fence_barrier_init();
    }
    build_tile_list<Config::kThreads>(
        list, params.offsets, Config::kTileTokens, params.units_across.value);

    if (threadIdx.x >= Config::kConsumerThreads) {
        ptx::lower_registers<Config::kProducerRegisters>();
        const int warp = threadIdx.x / kWarpSize - Config::kConsumerThreads / kWarpSize;
        if (warp == 0) {
            copy_tiles(params, list, shared);
        } else if (warp == 1) {
            copy_scales(params, list, shared);
        }
    } else {
        ptx::raise_registers<Config::kConsumerRegisters>();
        multiply(params, list, shared);
    }
}

}  // namespace moetop::native
