// What a CTA of the plain kernel has in shared memory, and who waits for whom there.
#pragma once

#include "common/ptx.cuh"
#include "gemm/native/params.h"
#include "gemm/native/ring.cuh"
#include "gemm/native/tile_list.cuh"

namespace moetop::native {

template <int kNumCtas, bool kHasWholeLaps>
struct PlainConfig {
    // CTAs of a cluster. Each has its own columns of the same tokens, of which each copies a part
    // to all.
    static constexpr int kCluster = kNumCtas;
    static constexpr int kStages = kPlainLapBlocks;
    // Whether k is a whole number of laps of the ring: then a block's place in it is known when the
    // kernel is compiled, which saves a fifth of the instructions of a block.
    static constexpr bool kWholeLaps = kHasWholeLaps;
    static constexpr int kGroups = 3;  // warpgroups that multiply
    static constexpr int kTileTokens = kGroups * kPlainBlockRows;
    static constexpr int kColumns = 128;
    static constexpr int kConsumerThreads = kGroups * 128;
    static constexpr int kThreads = kConsumerThreads + 128;
    // The register file, which a CTA of 512 threads has whole and shares out anew: 3*152 + 56 for
    // each of 128 lanes.
    static constexpr int kConsumerRegisters = 152;
    static constexpr int kProducerRegisters = 56;

    static constexpr int kWeightBytes = kColumns * kBlockWidth;
    static constexpr int kGroupBytes = kPlainBlockRows * kBlockWidth;  // tokens of a warpgroup
    static constexpr int kTokenBytes = kGroups * kGroupBytes;
    static constexpr int kCopyRows = kPlainBlockRows / kCluster;  // of a group, by one CTA
    static constexpr int kCopyBytes = kGroupBytes / kCluster;
    // Of each warp: its tokens x all columns, in boxes whose rows are as wide as the swizzle.
    static constexpr int kStoreBoxPitch = kPlainStoreColumns * 2;
    static constexpr int kStoreBoxBytes = kPlainStoreRows * kStoreBoxPitch;
    static constexpr int kStagingBytes = kColumns / kPlainStoreColumns * kStoreBoxBytes;
    // Scales have a ring of their own: a slot has four blocks of k, 16 bytes a token, then 16 bytes
    // for the weights. It runs further ahead than the tiles, since a row's scales come from DRAM in
    // pieces of 32 bytes, each a long way off; two slots are filled at a time, so that no piece is
    // fetched twice.
    static constexpr int kScaleSlots = 4;
    static constexpr int kBlocksPerSlot = 4;
    static constexpr int kSlotBytes = (kTileTokens + 1) * kBlocksPerSlot * 4;

    static constexpr int kTokensOffset = kStages * kWeightBytes;
    static constexpr int kStagingOffset = kTokensOffset + kStages * kTokenBytes;
    static constexpr int kScalesOffset =
        kStagingOffset + kConsumerThreads / kWarpSize * kStagingBytes;
    // Units that have been dealt and not everybody is done with: as many as there can be where a
    // unit is one block of k.
    static constexpr int kQueueSlots = 8;
    static constexpr int kQueueBytes = 16;
    // In a cluster, units on their way from the CTA that draws them to the others.
    static constexpr int kMailBytes = kCluster > 1 ? kQueueSlots * 4 : 0;
    static constexpr int kNumBarriers =
        2 * (kStages + kScaleSlots + kQueueSlots) + 1 + (kCluster > 1 ? kQueueSlots : 0);

    static constexpr int kBarriersOffset = kScalesOffset + kScaleSlots * kSlotBytes;
    static constexpr int kQueueOffset = (kBarriersOffset + kNumBarriers * 8 + 15) / 16 * 16;
    static constexpr int kMailOffset = kQueueOffset + kQueueSlots * kQueueBytes;
    static constexpr int kListOffset = kMailOffset + kMailBytes;
    static constexpr int kAlignment = 1024;  // of the 128-byte swizzle

    static constexpr int shared_bytes(int num_experts) {
        return kAlignment + kListOffset + tile_list_bytes(num_experts, 1);
    }
    // What a CTA may have, less what build_tile_list() takes.
    static constexpr int kMaxSharedBytes = 227 * 1024 - kThreads / kWarpSize * 4;

    static_assert(!kWholeLaps || kStages == kBlocksPerSlot,
                  "a lap of the ring is a slot of scales");
    static_assert((kGroups * kConsumerRegisters + kProducerRegisters) * 128 <= 65536,
                  "more registers than the CTA has would be waited for in vain");
    static_assert(kListOffset % 16 == 0, "the list is aligned");
    static_assert(kStagingOffset % kAlignment == 0, "the boxes of a store are swizzled too");
};

// Addresses of what the roles share. A stage is full with the copy engine's bytes, announced by one
// arrival, and empty when each consumer warp of the cluster has read it: all of them read what one
// CTA copies.
template <typename Config>
struct PlainShared : RingAddresses<Config> {
    using RingAddresses<Config>::base;
    using RingAddresses<Config>::full;
    __device__ __forceinline__ uint32_t tokens(int stage, int group) const {
        return base + Config::kTokensOffset + stage * Config::kTokenBytes +
               group * Config::kGroupBytes;
    }
    __device__ __forceinline__ uint32_t scales(int slot) const {
        return base + Config::kScalesOffset + slot * Config::kSlotBytes;
    }
    // Filled: the 32 lanes of the scale warp. Read: every lane of the consumers.
    __device__ __forceinline__ uint32_t scales_full(int slot) const {
        return full(2 * Config::kStages + slot);
    }
    __device__ __forceinline__ uint32_t scales_empty(int slot) const {
        return full(2 * Config::kStages + Config::kScaleSlots + slot);
    }
    // Filled: the dealing warp. Read: every lane of all the other warps.
    __device__ __forceinline__ uint32_t queue(int slot) const {
        return base + Config::kQueueOffset + slot * Config::kQueueBytes;
    }
    __device__ __forceinline__ uint32_t queue_full(int slot) const {
        return full(2 * (Config::kStages + Config::kScaleSlots) + slot);
    }
    __device__ __forceinline__ uint32_t queue_empty(int slot) const {
        return queue_full(slot) + Config::kQueueSlots * 8;
    }
    // The copy warp has begun with the unit that was dealt last; only where units are drawn.
    __device__ __forceinline__ uint32_t taken() const { return queue_empty(Config::kQueueSlots); }
    // Filled: the CTA that draws, with the number of a unit. Read: this CTA's dealing warp.
    __device__ __forceinline__ uint32_t mail(int slot) const {
        return base + Config::kMailOffset + slot * 4;
    }
    __device__ __forceinline__ uint32_t mail_full(int slot) const { return taken() + 8 + slot * 8; }
};

}  // namespace moetop::native
