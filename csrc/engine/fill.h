// Weights and inputs, made on the device from a seed. See fill.cu.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace moetop {

// All enqueue one kernel on the stream, neither allocate nor synchronise, and throw Error. The same
// seed and count give the same bits on every device.

// Bell-shaped e4m3 bytes with a standard deviation of kWeightSigma and no NaN; count is a multiple
// of 16, the pointer 16-byte aligned.
constexpr double kWeightSigma = 110.0;
void fill_e4m3(uint8_t* destination, uint64_t count, uint64_t seed, cudaStream_t stream);

// Log-uniform over the decade [low, 10*low): its root mean square is kDecadeRms * low.
constexpr double kDecadeRms = 4.637;
void fill_scales(float* destination, uint64_t count, float low, uint64_t seed, cudaStream_t stream);

// Standard normal values.
void fill_normal(__nv_bfloat16* destination, uint64_t count, uint64_t seed, cudaStream_t stream);

}  // namespace moetop
