// Which configurations are allowed, and what each buffer of one takes.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "moetop.h"

namespace moetop {

constexpr int kMaxExperts = 1024;
constexpr int kMaxTopK = 32;
constexpr int kMaxRows = 262144;
constexpr int kMaxRoutings = 64;
constexpr int kWidthMultiple = 128;
constexpr int kMaxWidth = 131072;  // of hidden and intermediate

// The engine's buffers: those that moetop_read_tensor() offers under their own number, then the
// rest.
enum Buffer : int {
    kTokenRow = MOETOP_NUM_TENSORS,  // int32 [R], t*k+j -> row
    kRing,                           // RingState
    kUpWorkspace,
    kDownWorkspace,
    kNumBuffers
};

struct MemoryPlan {
    std::array<uint64_t, kNumBuffers> allocated_bytes;
    // What can be read of each tensor: of input, ids and weights, the part of one routing.
    std::array<uint64_t, MOETOP_NUM_TENSORS> tensor_bytes;
    int num_inputs;          // routing r uses input r mod num_inputs
    int64_t routing_stride;  // elements from one routing's ids or weights to the next one's

    moetop_memory memory() const;
    uint64_t total_bytes() const;
};

inline int64_t num_rows(const moetop_config& config) {
    return static_cast<int64_t>(config.tokens) * config.top_k;
}

// Throws Error(MOETOP_ERROR_ARGUMENT) naming the first field that is not allowed, its value and
// what is allowed. Touches no device.
void validate(const moetop_config& config);

// config must have passed validate(). gemm_workspace_bytes is that of one GEMM.
MemoryPlan plan_memory(const moetop_config& config, uint64_t gemm_workspace_bytes);

// Bytes for people, such as "1.6 GiB".
std::string format_bytes(uint64_t bytes);

}  // namespace moetop
