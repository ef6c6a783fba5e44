// A ring of stages in shared memory between the warps that copy and those that multiply. A stage
// has two barriers, "full" and "empty"; who fills waits for the parity before its own lap's.
#pragma once

#include <cstdint>

namespace moetop::native {

// A place in the ring, and the parity of its lap.
template <int kStages>
struct RingPlace {
    int stage = 0;
    uint32_t phase = 0;
    __device__ __forceinline__ void advance() {
        if (++stage == kStages) {
            stage = 0;
            phase ^= 1;
        }
    }
};

// Where a kernel's ring lies from its base on: the stages' weights, its warps' staging, and the
// stages' barriers.
template <typename Config>
struct RingAddresses {
    uint32_t base;
    __device__ __forceinline__ uint32_t weights(int stage) const {
        return base + stage * Config::kWeightBytes;
    }
    __device__ __forceinline__ uint32_t staging(int warp) const {
        return base + Config::kStagingOffset + warp * Config::kStagingBytes;
    }
    __device__ __forceinline__ uint32_t full(int stage) const {
        return base + Config::kBarriersOffset + stage * 8;
    }
    __device__ __forceinline__ uint32_t empty(int stage) const {
        return full(stage) + Config::kStages * 8;
    }
};

}  // namespace moetop::native
