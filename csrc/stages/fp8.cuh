// Quantization of 1x128 blocks to e4m3, shared by quant and act.
//
// A thread holds 16 neighbouring values, eight lanes a block. All lanes of a warp take part in the
// reductions, those without work holding zeros.
#pragma once

#include <cuda_fp8.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace moetop {

constexpr int kBlockWidth = 128;  // values that share a scale
constexpr int kValuesPerThread = 16;
constexpr int kLanesPerBlock = kBlockWidth / kValuesPerThread;

constexpr float kE4m3Max = 448.0f;
// The smallest amax that counts: the scale of a block of zeros must neither be 0 nor give NaN.
constexpr float kMinAmax = 1e-10f;

// The two bf16 of one word, widened.
__device__ __forceinline__ float2 widen_bf16x2(uint32_t pair) {
    return make_float2(__uint_as_float(pair << 16), __uint_as_float(pair & 0xffff0000u));
}

// Eight bf16 of one 16-byte load, widened.
__device__ __forceinline__ void widen_bf16x8(const uint4& packed, float (&values)[8]) {
    const uint32_t words[4] = {packed.x, packed.y, packed.z, packed.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const float2 pair = widen_bf16x2(words[i]);
        values[2 * i] = pair.x;
        values[2 * i + 1] = pair.y;
    }
}

// The scale of the block that this lane and its seven neighbours hold.
__device__ __forceinline__ float block_scale(const float (&values)[kValuesPerThread]) {
    float amax = kMinAmax;
#pragma unroll
    for (int i = 0; i < kValuesPerThread; ++i) {
        amax = fmaxf(amax, fabsf(values[i]));
    }
#pragma unroll
    for (int distance = kLanesPerBlock / 2; distance > 0; distance /= 2) {
        amax = fmaxf(amax, __shfl_xor_sync(0xffffffffu, amax, distance));
    }
    return amax / kE4m3Max;
}

// values / scale, rounded to nearest even, in memory order.
__device__ __forceinline__ uint4 quantize(const float (&values)[kValuesPerThread], float scale) {
    uint32_t words[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const __nv_fp8x2_storage_t low =
            __nv_cvt_float2_to_fp8x2(make_float2(values[4 * i] / scale, values[4 * i + 1] / scale),
                                     __NV_SATFINITE,
                                     __NV_E4M3);
        const __nv_fp8x2_storage_t high = __nv_cvt_float2_to_fp8x2(
            make_float2(values[4 * i + 2] / scale, values[4 * i + 3] / scale),
            __NV_SATFINITE,
            __NV_E4M3);
        words[i] = static_cast<uint32_t>(low) | static_cast<uint32_t>(high) << 16;
    }
    return make_uint4(words[0], words[1], words[2], words[3]);
}

}  // namespace moetop
