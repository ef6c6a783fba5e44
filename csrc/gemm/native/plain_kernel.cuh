// The grouped GEMM for many rows an expert: tokens stand on wgmma's m side, weights on its n side.
// It is bound by the tensor cores, and by the power that they take.
//
//   d[row, n] = sum over blocks of k: (a[row, block] . w[expert, n, block]) * a_scale * w_scale
//
// A unit is 192 tokens x 128 columns, one block of k a stage. Three warpgroups multiply 64 tokens
// each: while one promotes its product into the sums, the others keep the tensor cores busy. What a
// unit has come to is stored under the first product of the next. One warp deals the units
// (plain_units.cuh), one copies tiles, one copies scales.
//
// In pairs, two CTAs of a cluster have the same tokens and neighbouring columns. Each copies half
// of the tokens to both, so that L2 is asked for a quarter less.
//
// Expert specialization: with it, a unit has only as many blocks of 64 tokens as have rows, and an
// expert's blocks are spread evenly over its units; without, every unit is computed whole.
#pragma once

#include <cuda_bf16.h>

#include <type_traits>

#include "common/ptx.cuh"
#include "gemm/native/clipped_boxes.h"
#include "gemm/native/params.h"
#include "gemm/native/plain_layout.cuh"
#include "gemm/native/plain_units.cuh"
#include "gemm/native/ring.cuh"
#include "gemm/native/tile_list.cuh"

namespace moetop::native {

// A block of one part of a unit's tokens, to all CTAs of the cluster.
template <typename Config>
__device__ __forceinline__ void copy_tokens(const PlainParams& params,
                                            const PlainShared<Config>& shared,
                                            int stage,
                                            int part,
                                            int block,
                                            const ClippedPlace& place) {
    const CUtensorMap* const map = &params.token_map;
    const uint32_t tokens = shared.tokens(stage, 0) + part * Config::kCopyBytes;
    const uint32_t full = shared.full(stage);
    if constexpr (Config::kCluster > 1) {
        constexpr uint16_t kAllCtas = (1 << Config::kCluster) - 1;
        ptx::copy_box_multicast(
            tokens, map, full, kAllCtas, 0, place.row, block, place.end, kClipRow);
    } else {
        ptx::copy_box(tokens, map, full, 0, place.row, block, place.end, kClipRow);
    }
}

template <typename Config>
__device__ __forceinline__ void copy_tiles(const PlainParams& params,
                                           const PlainShared<Config>& shared) {
    const bool is_leader = ptx::elect_lane();
    // Announces a stage's bytes and copies its weights.
    const auto begin_stage = [&](int stage, int block, const PlainUnit& unit, int num_parts) {
        const uint32_t full = shared.full(stage);
        ptx::barrier_arrive_expect(full, Config::kWeightBytes + num_parts * Config::kCopyBytes);
        ptx::copy_box(shared.weights(stage), &params.weight_map, full, 0, unit.weight_row, block);
    };
    // The part of a warpgroup's tokens that this CTA copies.
    const auto part_of = [](int group) {
        return group * Config::kCluster + rank_in_cluster<Config>();
    };
    UnitFeed<Config> feed(shared);
    RingPlace<Config::kStages> place;
    bool is_first = true;
    for (PlainUnit unit = feed.wait(); unit.num_rows > 0; unit = feed.wait()) {
        if (is_leader) {
            if (draws_units<Config>())
                ptx::barrier_arrive(shared.taken());
            // Parts without tokens are not copied. Who multiplies there multiplies what is left of
            // another unit, and stores nothing.
            const int num_parts = (unit.num_rows + Config::kCopyRows - 1) / Config::kCopyRows;
            // Blocks of the first unit whose weights are under way before its tokens are there.
            int num_begun = 0;
            if (is_first) {
                num_begun = min(params.num_blocks, Config::kStages);
                for (int block = 0; block < num_begun; ++block) {
                    begin_stage(block, block, unit, num_parts);
                }
                ptx::wait_for_kernel_in_front();
                is_first = false;
            }
            // Within a part, zeros come behind the unit's last token and not the next expert's,
            // since products with zeros take less power.
            ClippedPlace places[Config::kGroups];
#pragma unroll
            for (int group = 0; group < Config::kGroups; ++group) {
                const int first = part_of(group) * Config::kCopyRows;
                places[group] = clipped_place(unit.first_row + first,
                                              min(unit.num_rows - first, Config::kCopyRows));
            }
            for (int block = 0; block < params.num_blocks; ++block) {
                const int stage = place.stage;
                if (block >= num_begun) {
                    ptx::barrier_wait(shared.empty(stage), place.phase ^ 1);
                    begin_stage(stage, block, unit, num_parts);
                }
#pragma unroll
                for (int group = 0; group < Config::kGroups; ++group) {
                    if (part_of(group) < num_parts)
                        copy_tokens(params, shared, stage, part_of(group), block, places[group]);
                }
                place.advance();
            }
        }
        feed.release();
    }
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
                                            const PlainShared<Config>& shared) {
    const int lane = threadIdx.x % kWarpSize;
    const int num_blocks = params.num_blocks;
    UnitFeed<Config> feed(shared);
    RingPlace<Config::kScaleSlots> place;
    // Whether or not there is a unit: the end of a kernel stands for the end of those in front.
    ptx::wait_for_kernel_in_front();
    ptx::let_next_kernel_start();
    for (PlainUnit unit = feed.wait(); unit.num_rows > 0; unit = feed.wait()) {
        const float* const weight_scales =
            params.weight_scales + static_cast<int64_t>(unit.weight_row / kBlockWidth) * num_blocks;
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
        feed.release();
    }
    ptx::copy_async_wait_all();
}

// Where a warp's sums belong.
struct PlainCorner {
    int first_row;  // of all rows
    int first_column;
    int num_tokens;  // that the unit has from there on; none where there is nothing to store
};

// The first step of a store: leaves the sums in shared memory of the warp's own.
template <typename Config>
__device__ __forceinline__ void stage_sums(const PlainShared<Config>& shared,
                                           const float (&sums)[Config::kColumns / 2]) {
    // A box has rows of eight chunks of 16 bytes, swizzled by the row.
    constexpr int kBoxChunks = Config::kStoreBoxPitch / 16;
    constexpr int kChunks = Config::kColumns / 8;  // of a token
    const int lane = threadIdx.x % kWarpSize;
    const uint32_t staging = shared.staging(threadIdx.x / kWarpSize);
    if (ptx::elect_lane())
        ptx::bulk_wait_read<0>();  // the store of the unit before
    __syncwarp();
    // Matrices of 8 tokens x 8 columns, at each step all tokens of the next 16 columns.
    const int row = lane % 16;
    const uint32_t in = staging + row * Config::kStoreBoxPitch;
    const uint32_t in_chunk = 16 * (lane / 16 ^ row % kBoxChunks);
#pragma unroll
    for (int chunk = 0; chunk < kChunks; chunk += 2) {
        const float* const part = &sums[4 * chunk];
        ptx::store_matrices(in + chunk / kBoxChunks * Config::kStoreBoxBytes +
                                (in_chunk ^ 16 * (chunk % kBoxChunks)),
                            ptx::pack_bf16(part[0], part[1]),
                            ptx::pack_bf16(part[2], part[3]),
                            ptx::pack_bf16(part[4], part[5]),
                            ptx::pack_bf16(part[6], part[7]));
    }
}

// The second: the copy engine takes them on, 16 tokens or what the unit has of them.
template <typename Config>
__device__ __forceinline__ void send_sums(const PlainParams& params,
                                          const PlainShared<Config>& shared,
                                          const PlainCorner& corner) {
    ptx::fence_for_bulk_stores();
    __syncwarp();
    if (ptx::elect_lane() && corner.num_tokens > 0) {
        const ClippedPlace place =
            clipped_place(corner.first_row, min(corner.num_tokens, kPlainStoreRows));
        ptx::store_box(&params.result_map,
                       shared.staging(threadIdx.x / kWarpSize),
                       0,
                       place.row,
                       corner.first_column / kPlainStoreColumns,
                       place.end,
                       kClipRow);
        ptx::bulk_commit();
    }
}

// Hands a stage back to the copy warps that fill it: lane r to that of the cluster's CTA r. empties
// is where that CTA's barriers begin.
template <typename Config>
__device__ __forceinline__ void release(uint32_t empties, int stage, int lane) {
    __syncwarp();
    if (lane < Config::kCluster) {
        if constexpr (Config::kCluster > 1) {
            ptx::barrier_arrive_mapped(empties + stage * 8);
        } else {
            ptx::barrier_arrive(empties + stage * 8);
        }
    }
}

// A consumer's places in the two rings.
template <typename Config>
struct PlainPlaces {
    RingPlace<Config::kStages> tiles;
    RingPlace<Config::kScaleSlots> scales;
};

// Walks a unit's blocks, a slot of scales at a time, and hands each slot back. body(is_first,
// stage, phase, scales) takes a block whose scales begin at that address; is_first is a type,
// true_type for the unit's first.
template <typename Config, typename Body>
__device__ __forceinline__ void for_each_block(const PlainShared<Config>& shared,
                                               int num_blocks,
                                               PlainPlaces<Config>& places,
                                               const Body& body) {
    const auto take_slot = [&](auto has_first, int left) {
        const int slot = places.scales.stage;
        ptx::barrier_wait(shared.scales_full(slot), places.scales.phase);
        const uint32_t scales = shared.scales(slot);
        // From one lane, so that the compiler knows a stage to be the same in all. Of whole laps it
        // knows the first as well, 0; but then it would keep what it made of it for the first slot
        // for all others, in registers that the sums need.
        uint32_t stage = __shfl_sync(kAllLanes, Config::kWholeLaps ? 0 : places.tiles.stage, 0);
        body(has_first, stage, places.tiles.phase, scales);
        if constexpr (Config::kWholeLaps) {
#pragma unroll
            for (int i = 1; i < Config::kBlocksPerSlot; ++i) {
                body(std::false_type(), i, places.tiles.phase, scales + 4 * i);
            }
            places.tiles.phase ^= 1;
        } else {
            places.tiles.advance();
#pragma unroll
            for (int i = 1; i < Config::kBlocksPerSlot; ++i) {
                if (i >= left)
                    break;
                stage = (stage + 1) % Config::kStages;
                body(std::false_type(), stage, places.tiles.phase, scales + 4 * i);
                places.tiles.advance();
            }
        }
        // Every lane, as in the swapped kernels: racecheck does not see a __syncwarp of which ptxas
        // leaves no instruction.
        ptx::barrier_arrive(shared.scales_empty(slot));
        places.scales.advance();
    };
    take_slot(std::true_type(), num_blocks);
    for (int left = num_blocks - Config::kBlocksPerSlot; left > 0; left -= Config::kBlocksPerSlot) {
        take_slot(std::false_type(), left);
    }
}

template <typename Config>
__device__ __forceinline__ void multiply(const PlainParams& params,
                                         const PlainShared<Config>& shared) {
    constexpr uint32_t kEightRows = 8 * kBlockWidth;
    const int warp = threadIdx.x / kWarpSize;
    const int lane = threadIdx.x % kWarpSize;
    // The same in all lanes, and known to be: descriptors then live in uniform registers.
    const int group = __shfl_sync(kAllLanes, warp / 4, 0);
    const uint32_t own_scales = (kPlainBlockRows * group + 16 * (warp % 4) + lane / 4) * 16;
    const auto tokens = ptx::Operand<kEightRows>::at(shared.tokens(0, group));
    const auto weights = ptx::Operand<kEightRows>::at(shared.weights(0));
    uint32_t empties = shared.empty(0);
    if constexpr (Config::kCluster > 1)
        empties = ptx::map_to_cta(empties, lane % Config::kCluster);

    UnitFeed<Config> feed(shared);
    PlainPlaces<Config> places;
    float sums[Config::kColumns / 2];
    PlainCorner corner = {};  // of the sums of the unit before, until they are stored
    for (PlainUnit unit = feed.wait(); unit.num_rows > 0; unit = feed.wait()) {
        if (group >= unit_groups<Config>(params, unit.num_rows)) {
            // Nothing to multiply here, but the rings must not be lapped.
            for_each_block(
                shared, params.num_blocks, places, [&](auto, int stage, uint32_t phase, uint32_t) {
                    ptx::barrier_wait(shared.full(stage), phase);
                    release<Config>(empties, stage, lane);
                });
            feed.release();
            continue;
        }

        const auto multiply_block = [&](auto is_first, int stage, uint32_t phase, uint32_t scales) {
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
            if constexpr (is_first)
                stage_sums(shared, sums);
            const float weight = ptx::load_shared_float(scales + Config::kTileTokens * 16);
            const float low_scale = ptx::load_shared_float(scales + own_scales) * weight;
            const float high_scale = ptx::load_shared_float(scales + own_scales + 8 * 16) * weight;
            ptx::wgmma_wait<0>();
            ptx::pin_registers(product);
            release<Config>(empties, stage, lane);
            if constexpr (is_first) {
                // Not before the stage is handed back: it takes as long as a product.
                send_sums(params, shared, corner);
#pragma unroll
                for (float& sum : sums) {
                    sum = 0;
                }
            }
#pragma unroll
            for (int j = 0; j < Config::kColumns / 2; j += 4) {
                sums[j] = fmaf(product[j], low_scale, sums[j]);
                sums[j + 1] = fmaf(product[j + 1], low_scale, sums[j + 1]);
                sums[j + 2] = fmaf(product[j + 2], high_scale, sums[j + 2]);
                sums[j + 3] = fmaf(product[j + 3], high_scale, sums[j + 3]);
            }
        };
        for_each_block(shared, params.num_blocks, places, multiply_block);

        // Read anew rather than kept through the loop, where every register counts.
        const PlainUnit done = feed.current();
        const int warp_row = kPlainBlockRows * group + 16 * (warp % 4);
        corner = {done.first_row + warp_row, done.first_column, done.num_rows - warp_row};
        feed.release();
    }
    stage_sums(shared, sums);
    send_sums(params, shared, corner);
    if (ptx::elect_lane())
        ptx::bulk_wait<0>();  // Its shared memory must be there for as long.
}

template <typename Config>
__global__ void __launch_bounds__(Config::kThreads, 1) plain_kernel(
    const __grid_constant__ PlainParams params) {
    extern __shared__ char raw[];
    char* const base =
        reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(raw) + Config::kAlignment - 1) &
                                ~uintptr_t{Config::kAlignment - 1});
    const PlainShared<Config> shared = {ptx::shared_address(base)};
    const TileList list = {
        params.offsets, reinterpret_cast<int32_t*>(base + Config::kListOffset), params.num_experts};

    if (threadIdx.x == Config::kThreads - 1) {
        ptx::prefetch_tensor_map(&params.weight_map);
        ptx::prefetch_tensor_map(&params.token_map);
        ptx::prefetch_tensor_map(&params.result_map);
        for (int stage = 0; stage < Config::kStages; ++stage) {
            ptx::barrier_init(shared.full(stage), 1);
            ptx::barrier_init(shared.empty(stage),
                              Config::kCluster * Config::kConsumerThreads / kWarpSize);
        }
        for (int slot = 0; slot < Config::kScaleSlots; ++slot) {
            ptx::barrier_init(shared.scales_full(slot), kWarpSize);
            ptx::barrier_init(shared.scales_empty(slot), Config::kConsumerThreads);
        }
        for (int slot = 0; slot < Config::kQueueSlots; ++slot) {
            ptx::barrier_init(shared.queue_full(slot), 1);
            ptx::barrier_init(shared.queue_empty(slot), Config::kConsumerThreads + 2 * kWarpSize);
        }
        ptx::barrier_init(shared.taken(), 1);
        for (int slot = 0; Config::kCluster > 1 && slot < Config::kQueueSlots; ++slot) {
            ptx::barrier_init(shared.mail_full(slot), 1);
        }
        ptx::fence_barrier_init();
    }
    if constexpr (Config::kCluster > 1)
        ptx::cluster_arrive();
    build_tile_list<Config::kThreads>(
        list, params.offsets, Config::kTileTokens, params.units_across, [](int, int32_t) {});
    if constexpr (Config::kCluster > 1)
        ptx::cluster_wait();  // the others' barriers are initialised

    if (threadIdx.x >= Config::kConsumerThreads) {
        ptx::lower_registers<Config::kProducerRegisters>();
        const int warp = threadIdx.x / kWarpSize - Config::kConsumerThreads / kWarpSize;
        if (warp == 0) {
            copy_tiles(params, shared);
        } else if (warp == 1) {
            copy_scales(params, shared);
        } else if (warp == 2) {
            deal_units(params, list, shared);
        }
    } else {
        ptx::raise_registers<Config::kConsumerRegisters>();
        multiply(params, shared);
    }
    if constexpr (Config::kCluster > 1) {
        // A CTA's shared memory must be there as long as the others write to it.
        ptx::cluster_arrive();
        ptx::cluster_wait();
    }
}

}  // namespace moetop::native
