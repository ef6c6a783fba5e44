// How the warps of the plain kernel's CTAs come to their units. Units differ in what they take by
// the rows that they have, so that a CTA draws its next one from a counter in global memory shortly
// before it has room for it. A warp of its own draws and locates, since either takes as long as a
// block of k, and hands each unit to the other warps through a queue in shared memory.
#pragma once

#include "common/ptx.cuh"
#include "gemm/native/params.h"
#include "gemm/native/plain_layout.cuh"
#include "gemm/native/ring.cuh"
#include "gemm/native/tile_list.cuh"

namespace moetop::native {

// Rows of one expert times a block of columns. The layout is that of the queue: 16 bytes.
struct PlainUnit {
    int first_row;     // of all rows
    int num_rows;      // 1..kTileTokens; 0 where there are no more units
    int first_column;  // of the output
    int weight_row;    // of all experts' weights, that of the first column
};

// Blocks of 64 tokens that a unit is computed for.
template <typename Config>
__device__ __forceinline__ int unit_groups(const PlainParams& params, int num_rows) {
    return params.is_specialized ? (num_rows + kPlainBlockRows - 1) / kPlainBlockRows
                                 : Config::kGroups;
}

// This CTA's place in its cluster, 0 where there is none.
template <typename Config>
__device__ __forceinline__ int rank_in_cluster() {
    if constexpr (Config::kCluster > 1)
        return static_cast<int>(ptx::cluster_rank());
    return 0;
}

// The unit with this number, by all lanes of a warp; expert is that of the last, and then of this.
//
// Units with the same columns follow each other: they are then read at about the same time, and an
// expert's weights, of which L2 holds few, once from memory.
//
// With expert specialization an expert's blocks of 64 rows are spread evenly over its units: 2 and
// 2 rather than 3 and 1, since a warpgroup alone cannot keep the tensor cores busy.
template <typename Config>
__device__ __forceinline__ PlainUnit
locate_plain_unit(const PlainParams& params, const TileList& list, int index, int& expert) {
    if (index >= list.first_unit[list.num_experts])
        return {};
    expert = expert_of_unit(list, index, expert);
    const int local = index - list.first_unit[expert];
    const int first_row = list.first_row[expert];
    const int num_rows = list.first_row[expert + 1] - first_row;
    const int num_parts = (num_rows + Config::kTileTokens - 1) / Config::kTileTokens;
    const int column =
        (local / num_parts * Config::kCluster + rank_in_cluster<Config>()) * Config::kColumns;
    const int part = local % num_parts;
    int begin = part * Config::kTileTokens;
    int end = begin + Config::kTileTokens;
    if (params.is_specialized) {
        const int num_blocks = (num_rows + kPlainBlockRows - 1) / kPlainBlockRows;
        begin = part * num_blocks / num_parts * kPlainBlockRows;
        end = (part + 1) * num_blocks / num_parts * kPlainBlockRows;
    }
    return {first_row + begin, min(end, num_rows) - begin, column, expert * params.n + column};
}

// In a cluster its first CTA draws for all.
template <typename Config>
__device__ __forceinline__ bool draws_units() {
    return rank_in_cluster<Config>() == 0;
}

// The next unit's number, by one lane: from the counter, or by mail from the CTA that draws.
//
// No more units are ever under way by mail than there are slots: one is drawn when the last is
// being copied, and the copies of the cluster's CTAs are at most a ring apart.
template <typename Config>
__device__ __forceinline__ int draw_unit(const PlainParams& params,
                                         const PlainShared<Config>& shared,
                                         const RingPlace<Config::kQueueSlots>& place,
                                         uint32_t taken_phase) {
    if (!draws_units<Config>()) {
        ptx::barrier_arrive_expect(shared.mail_full(place.stage), 4);
        ptx::barrier_wait(shared.mail_full(place.stage), place.phase);
        return static_cast<int>(ptx::load_shared_word(shared.mail(place.stage)));
    }
    // No further ahead than the copies need, so that the last units are dealt evenly.
    ptx::barrier_wait(shared.taken(), taken_phase);
    const int index =
        static_cast<int>(gridDim.x / Config::kCluster + atomicAdd(&params.counters[0], 1u));
    for (int rank = 1; rank < Config::kCluster; ++rank) {
        ptx::send_word(ptx::map_to_cta(shared.mail(place.stage), rank),
                       static_cast<uint32_t>(index),
                       ptx::map_to_cta(shared.mail_full(place.stage), rank));
    }
    return index;
}

// Deals a CTA's units into its queue, by one warp. The first is the number of the CTA or its
// cluster.
template <typename Config>
__device__ __forceinline__ void deal_units(const PlainParams& params,
                                           const TileList& list,
                                           const PlainShared<Config>& shared) {
    const bool is_leader = threadIdx.x % kWarpSize == 0;
    RingPlace<Config::kQueueSlots> place;
    uint32_t taken_phase = 0;
    int index = static_cast<int>(blockIdx.x / Config::kCluster);
    int expert = 0;
    while (true) {
        const PlainUnit unit = locate_plain_unit<Config>(params, list, index, expert);
        if (is_leader) {
            ptx::barrier_wait(shared.queue_empty(place.stage), place.phase ^ 1);
            ptx::store_shared(shared.queue(place.stage),
                              {static_cast<uint32_t>(unit.first_row),
                               static_cast<uint32_t>(unit.num_rows),
                               static_cast<uint32_t>(unit.first_column),
                               static_cast<uint32_t>(unit.weight_row)});
            ptx::barrier_arrive(shared.queue_full(place.stage));
            ptx::wait_for_kernel_in_front();  // The counters may be its own.
        }
        if (unit.num_rows == 0)
            break;
        if (is_leader)
            index = draw_unit(params, shared, place, taken_phase);
        place.advance();
        taken_phase ^= 1;
        index = __shfl_sync(kAllLanes, index, 0);
    }
    // The last CTA to come here leaves the counters as the next launch wants them.
    if (is_leader && atomicInc(&params.counters[1], gridDim.x - 1) == gridDim.x - 1)
        params.counters[0] = 0;
}

// The same units for the other warps, each until release().
template <typename Config>
class UnitFeed {
  public:
    __device__ __forceinline__ explicit UnitFeed(const PlainShared<Config>& shared)
        : shared_(shared) {}

    __device__ __forceinline__ PlainUnit wait() {
        ptx::barrier_wait(shared_.queue_full(place_.stage), place_.phase);
        return current();
    }

    __device__ __forceinline__ PlainUnit current() const {
        const uint4 words = ptx::load_shared(shared_.queue(place_.stage));
        return {static_cast<int>(words.x),
                static_cast<int>(words.y),
                static_cast<int>(words.z),
                static_cast<int>(words.w)};
    }

    __device__ __forceinline__ void release() {
        __syncwarp();  // The copy warp's other lanes wait for their leader here.
        ptx::barrier_arrive(shared_.queue_empty(place_.stage));
        place_.advance();
    }

  private:
    const PlainShared<Config>& shared_;
    RingPlace<Config::kQueueSlots> place_;
};

}  // namespace moetop::native
