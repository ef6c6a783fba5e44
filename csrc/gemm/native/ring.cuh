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

}  // namespace moetop::native
