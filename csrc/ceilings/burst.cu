// burst: two warpgroups an SM multiply a [2 x 64, 512] by b [256, 512] out of shared memory, again
// and again, as wgmma m64n256k32 on e4m3 with fp32 results: the largest product there is, with
// nothing beside it. Per product and SM 34 MFLOP, no traffic.
//
// Operands are random, since constant ones switch fewer gates and run 1.2 times as fast. Each
// product starts from zero as a GEMM's tile does, which also keeps it the same however many there
// are: the host works it out once and checks every thread's part of it. Times are taken inside,
// from the first product to the last, by the global timer; the SM's own counter over them is its
// clock.
#include <cmath>

#include "ceilings/burst.h"
#include "common/error.h"
#include "common/ptx.cuh"

namespace moetop {
namespace {

constexpr int kWarpgroups = 2;
constexpr int kTileM = 64;
constexpr int kTileN = 256;
constexpr int kTileK = 128;  // a row of the swizzle
constexpr int kStages = 4;
constexpr int kStepsPerStage = kTileK / ptx::kProductBytes;
constexpr int kABytes = kTileM * kTileK;
constexpr int kBBytes = kTileN * kTileK;
constexpr int kStageBytes = kWarpgroups * kABytes + kBBytes;
constexpr int kGroupStride = 8 * kTileK;  // of eight rows
constexpr int kAlignment = 1024;
constexpr int kLoadBytes = 16 << 10;
constexpr int kSharedBytes = kStages * kStageBytes + kAlignment;
static_assert(kStages * kStageBytes == kBurstOperandBytes, "the operands fill the stages");
static_assert(kBurstOperandBytes % kLoadBytes == 0, "whole loads");
static_assert(kBurstThreads == kWarpgroups * 128, "one thread, one place in a warpgroup");

__global__ void __launch_bounds__(kBurstThreads, 1) burst_kernel(BurstArgs args) {
    extern __shared__ uint8_t unaligned[];
    __shared__ __align__(8) uint64_t loaded;
    const uint32_t shared = (ptx::shared_address(unaligned) + kAlignment - 1) & ~(kAlignment - 1u);
    const uint32_t barrier = ptx::shared_address(&loaded);

    // Load the operands. The copy engine writes them, so that wgmma may read them without a fence.
    if (threadIdx.x == 0) {
        ptx::barrier_init(barrier, 1);
        ptx::fence_barrier_init();
        ptx::barrier_arrive_expect(barrier, kBurstOperandBytes);
        for (uint32_t offset = 0; offset < kBurstOperandBytes; offset += kLoadBytes) {
            ptx::copy_bulk(shared + offset, args.operands + offset, kLoadBytes, barrier);
        }
    }
    __syncthreads();
    ptx::barrier_wait(barrier, 0);

    // Multiply.
    const int warpgroup = threadIdx.x / 128;
    using Operand = ptx::Operand<kGroupStride>;
    const Operand a = Operand::at(shared + warpgroup * kABytes);
    const Operand b = Operand::at(shared + kWarpgroups * kABytes);
    float result[kTileM * kTileN / 128];
#pragma unroll
    for (int i = 0; i < kTileM * kTileN / 128; ++i) {
        result[i] = 0.0f;
    }
    __syncthreads();
    const uint64_t start_ns = ptx::global_timer_ns();
    const int64_t start_cycle = clock64();
#pragma unroll 1
    for (int product = 0; product < args.num_products; ++product) {
        ptx::wgmma_fence();
#pragma unroll
        for (int stage = 0; stage < kStages; ++stage) {
#pragma unroll
            for (int step = 0; step < kStepsPerStage; ++step) {
                const uint32_t offset = stage * kStageBytes + step * ptx::kProductBytes;
                ptx::Wgmma<kTileN>::multiply(
                    result, a.descriptor(offset), b.descriptor(offset), stage + step > 0 ? 1 : 0);
            }
        }
        ptx::wgmma_commit();
        ptx::wgmma_wait<1>();
    }
    ptx::wgmma_wait<0>();
    ptx::pin_registers(result);
    __syncthreads();
    const int64_t end_cycle = clock64();
    const uint64_t end_ns = ptx::global_timer_ns();

    // Use the result.
    float sum = 0.0f;
#pragma unroll
    for (int i = 0; i < kTileM * kTileN / 128; ++i) {
        sum += result[i];
    }
    args.sums[blockIdx.x * kBurstThreads + threadIdx.x] = sum;
    if (threadIdx.x == 0) {
        args.clocks[blockIdx.x] = {
            start_ns, end_ns, static_cast<uint64_t>(end_cycle - start_cycle)};
    }
}

double e4m3_value(uint8_t bits) {
    const int exponent = bits >> 3 & 15;
    const int mantissa = bits & 7;
    const double size =
        exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
    return (bits & 0x80) != 0 ? -size : size;
}

// Element (row, k) of an operand's tile, as wgmma reads it: in each row of 128 bytes the
// sixteen-byte units stand at their place xor the row's place among eight.
double element(const uint8_t* tile, int row, int k) {
    const int unit = (k / 16) ^ (row % 8);
    return e4m3_value(tile[row * kTileK + unit * 16 + k % 16]);
}

}  // namespace

void launch_burst(const BurstArgs& args, int num_sms, cudaStream_t stream) {
    MOETOP_CHECK_CUDA(cudaFuncSetAttribute(
        burst_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes));
    burst_kernel<<<num_sms, kBurstThreads, kSharedBytes, stream>>>(args);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

double burst_flops_per_product() {
    return 2.0 * kWarpgroups * kTileM * kTileN * kStages * kTileK;
}

std::string check_burst(const std::vector<uint8_t>& operands, const std::vector<float>& sums) {
    // A thread has two rows and every fourth pair of columns. The sums over such columns, first.
    constexpr int kColumnSets = 4;
    std::vector<double> columns(static_cast<size_t>(kColumnSets) * kStages * kTileK);
    double squares = 0.0;
    for (int stage = 0; stage < kStages; ++stage) {
        const uint8_t* const tile = operands.data() + stage * kStageBytes + kWarpgroups * kABytes;
        for (int n = 0; n < kTileN; ++n) {
            for (int k = 0; k < kTileK; ++k) {
                const double value = element(tile, n, k);
                columns[(n % 8 / 2 * kStages + stage) * kTileK + k] += value;
                squares += value * value;
            }
        }
    }
    // The tensor cores keep some 14 bits of a sum and cut the rest off, always the same way: over
    // the 128 elements of a thread that comes to about two of them. Operands in another order
    // change the sum by about sixteen, in nearly every thread.
    constexpr double kElements = 8.0;
    const double tolerance = kElements * squares / kTileN / std::sqrt(1.0 * kStages * kTileK);
    for (int thread = 0; thread < kBurstThreads; ++thread) {
        const int row = thread % 128 / 32 * 16 + thread % 32 / 4;
        double want = 0.0;
        for (int stage = 0; stage < kStages; ++stage) {
            const uint8_t* const tile =
                operands.data() + stage * kStageBytes + thread / 128 * kABytes;
            const double* const column = columns.data() + (thread % 4 * kStages + stage) * kTileK;
            for (int k = 0; k < kTileK; ++k) {
                want += (element(tile, row, k) + element(tile, row + 8, k)) * column[k];
            }
        }
        for (size_t i = static_cast<size_t>(thread); i < sums.size(); i += kBurstThreads) {
            if (!(std::fabs(sums[i] - want) <= tolerance)) {
                return "thread " + std::to_string(thread) + " of SM " +
                       std::to_string(i / kBurstThreads) + " has " + std::to_string(sums[i]) +
                       ", want " + std::to_string(want);
            }
        }
    }
    return "";
}

}  // namespace moetop
