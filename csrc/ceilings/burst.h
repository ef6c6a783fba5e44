// The rate of the tensor cores on FP8, in bursts.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace moetop {

// A burst multiplies this many bytes of e4m3 operands, the same on all SMs, again and again.
constexpr size_t kBurstOperandBytes = 192 << 10;
constexpr int kBurstThreads = 256;

// What one CTA tells of its burst.
struct BurstClock {
    uint64_t start_ns;  // of the GPU's global timer
    uint64_t end_ns;
    uint64_t cycles;  // of the SM's clock
};

struct BurstArgs {
    const uint8_t* operands;  // [kBurstOperandBytes], random
    int num_products;         // of the whole operands
    BurstClock* clocks;       // [num_sms]
    float* sums;              // [num_sms, kBurstThreads]: each thread's part of the last product
};

void launch_burst(const BurstArgs& args, int num_sms, cudaStream_t stream);

// The arithmetic of one product on one SM.
double burst_flops_per_product();

// Compares the sums with the product worked out in double, and says what is wrong with them.
std::string check_burst(const std::vector<uint8_t>& operands, const std::vector<float>& sums);

}  // namespace moetop
