// Weights and inputs from a seed, by a counter-based generator: value i is a function of (seed, i)
// alone, so that the launch shape does not show in the data. Traffic: each byte is written once;
// the arithmetic is some 15 instructions a value, which keeps 1.4 GB of weights under 5 ms on an
// H200.
#include <cuda_fp8.h>

#include <algorithm>

#include "common/error.h"
#include "engine/fill.h"

namespace moetop {
namespace {

constexpr int kThreads = 256;
constexpr uint64_t kMaxCtas = 4096;
constexpr int kBytesPerStore = 16;

// 32 well-mixed bits of (seed, index).
__device__ __forceinline__ uint32_t mix(uint64_t seed, uint64_t index) {
    uint64_t state = seed + index * 0x9e3779b97f4a7c15ull;
    state = (state ^ (state >> 32)) * 0xd6e8feb86659fd93ull;
    state = (state ^ (state >> 32)) * 0xd6e8feb86659fd93ull;
    return static_cast<uint32_t>(state >> 32);
}

// Uniform in (0, 1), never either end.
__device__ __forceinline__ float uniform(uint64_t seed, uint64_t index) {
    return (static_cast<float>(mix(seed, index) >> 8) + 0.5f) * (1.0f / 16777216.0f);
}

// The sum of four uniform bytes, centred and scaled: close to normal, within 3.45 sigma.
__device__ __forceinline__ float bell(uint32_t bits) {
    constexpr float kMean = 4 * 127.5f;
    constexpr float kSigma = 147.8f;
    const uint32_t sum = __dp4a(bits, 0x01010101u, 0u);
    return (static_cast<float>(sum) - kMean) * (static_cast<float>(kWeightSigma) / kSigma);
}

__global__ void __launch_bounds__(kThreads) fill_e4m3_kernel(uint8_t* destination,
                                                             uint64_t num_stores,
                                                             uint64_t seed) {
    const uint64_t stride = static_cast<uint64_t>(gridDim.x) * kThreads;
    for (uint64_t i = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x; i < num_stores;
         i += stride) {
        uint32_t words[4];
#pragma unroll
        for (int word = 0; word < 4; ++word) {
            const uint64_t index = i * kBytesPerStore + word * 4;
            const __nv_fp8x2_storage_t low = __nv_cvt_float2_to_fp8x2(
                make_float2(bell(mix(seed, index)), bell(mix(seed, index + 1))),
                __NV_SATFINITE,
                __NV_E4M3);
            const __nv_fp8x2_storage_t high = __nv_cvt_float2_to_fp8x2(
                make_float2(bell(mix(seed, index + 2)), bell(mix(seed, index + 3))),
                __NV_SATFINITE,
                __NV_E4M3);
            words[word] = static_cast<uint32_t>(low) | static_cast<uint32_t>(high) << 16;
        }
        reinterpret_cast<uint4*>(destination)[i] =
            make_uint4(words[0], words[1], words[2], words[3]);
    }
}

__global__ void __launch_bounds__(kThreads) fill_scales_kernel(float* destination,
                                                               uint64_t count,
                                                               float low,
                                                               uint64_t seed) {
    const uint64_t stride = static_cast<uint64_t>(gridDim.x) * kThreads;
    for (uint64_t i = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count;
         i += stride) {
        destination[i] = low * exp10f(uniform(seed, i));
    }
}

__global__ void __launch_bounds__(kThreads) fill_normal_kernel(__nv_bfloat16* destination,
                                                               uint64_t count,
                                                               uint64_t seed) {
    constexpr float kTwoPi = 6.2831853f;
    const uint64_t stride = static_cast<uint64_t>(gridDim.x) * kThreads;
    for (uint64_t i = static_cast<uint64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count;
         i += stride) {
        // Box-Muller: unlike bell(), it has the tails that set the scale of a block.
        const float radius = sqrtf(-2.0f * __logf(uniform(seed, 2 * i)));
        destination[i] = __float2bfloat16_rn(radius * __cosf(kTwoPi * uniform(seed, 2 * i + 1)));
    }
}

unsigned num_ctas(uint64_t items) {
    return static_cast<unsigned>(
        std::clamp<uint64_t>((items + kThreads - 1) / kThreads, 1, kMaxCtas));
}

}  // namespace

void fill_e4m3(uint8_t* destination, uint64_t count, uint64_t seed, cudaStream_t stream) {
    const uint64_t num_stores = count / kBytesPerStore;
    fill_e4m3_kernel<<<num_ctas(num_stores), kThreads, 0, stream>>>(destination, num_stores, seed);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

void fill_scales(
    float* destination, uint64_t count, float low, uint64_t seed, cudaStream_t stream) {
    fill_scales_kernel<<<num_ctas(count), kThreads, 0, stream>>>(destination, count, low, seed);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

void fill_normal(__nv_bfloat16* destination, uint64_t count, uint64_t seed, cudaStream_t stream) {
    fill_normal_kernel<<<num_ctas(count), kThreads, 0, stream>>>(destination, count, seed);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

}  // namespace moetop
