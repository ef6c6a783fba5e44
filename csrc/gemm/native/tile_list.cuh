// Which tiles a grouped GEMM has, found on the device from the experts' offsets: the host does not
// know them when it captures a launch. Every CTA makes the same list and takes its own part of it.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "gemm/native/params.h"

namespace moetop::native {

constexpr int kWarpSize = 32;
constexpr uint32_t kAllLanes = 0xffffffffu;

// Where an expert's rows and units begin: in shared memory, or the rows in the offsets themselves
// for who locates its units well ahead.
struct TileList {
    const int32_t* first_row;  // [num_experts + 1]
    int32_t* first_unit;       // [num_experts + 1], of the expert's units among all
    int num_experts;
};

// Bytes of shared memory for so many arrays of a list, a multiple of 16.
__host__ __device__ constexpr int tile_list_bytes(int num_experts, int num_arrays) {
    return (num_arrays * (num_experts + 1) * static_cast<int>(sizeof(int32_t)) + 15) / 16 * 16;
}

// Fills in the list's units with all kThreads threads of the CTA: an expert with rows has a unit
// for each tile_rows rows it has begun and each of its units_across column units. keep_row(place,
// row) takes each offset as it is read. Ends with the sums in place for every thread.
template <int kThreads, typename KeepRow>
__device__ __forceinline__ void build_tile_list(const TileList& list,
                                                const int32_t* __restrict__ offsets,
                                                int tile_rows,
                                                int units_across,
                                                const KeepRow& keep_row) {
    constexpr int kWarps = kThreads / kWarpSize;
    __shared__ int32_t warp_sums[kWarps];
    const int thread = threadIdx.x;
    const int lane = thread % kWarpSize;
    const int warp = thread / kWarpSize;

    // Each thread takes neighbouring experts, so that one scan over the threads orders them all.
    // All offsets are asked for before the first is waited for: this is the start of every launch.
    constexpr int kMostPerThread = (kMaxExperts + kThreads - 1) / kThreads;
    const int per_thread = (list.num_experts + kThreads - 1) / kThreads;
    const int begin = min(thread * per_thread, list.num_experts);
    const int num_own = min(per_thread, list.num_experts - begin);
    int32_t rows[kMostPerThread + 1];
#pragma unroll
    for (int i = 0; i <= kMostPerThread; ++i) {
        if (i <= num_own)
            rows[i] = __ldg(offsets + begin + i);
    }
    int32_t own_units = 0;
    int32_t units[kMostPerThread];
#pragma unroll
    for (int i = 0; i < kMostPerThread; ++i) {
        units[i] = 0;
        if (i < num_own)
            units[i] = (rows[i + 1] - rows[i] + tile_rows - 1) / tile_rows * units_across;
        own_units += units[i];
    }
    int32_t sum = own_units;
#pragma unroll
    for (int distance = 1; distance < kWarpSize; distance *= 2) {
        const int32_t below = __shfl_up_sync(kAllLanes, sum, distance);
        if (lane >= distance)
            sum += below;
    }
    if (lane == kWarpSize - 1)
        warp_sums[warp] = sum;
    __syncthreads();
    int32_t first = sum - own_units;
    for (int other = 0; other < warp; ++other) {
        first += warp_sums[other];
    }
#pragma unroll
    for (int i = 0; i < kMostPerThread; ++i) {
        if (i < num_own) {
            keep_row(begin + i, rows[i]);
            list.first_unit[begin + i] = first;
            first += units[i];
            if (begin + i == list.num_experts - 1) {
                keep_row(list.num_experts, rows[i + 1]);
                list.first_unit[list.num_experts] = first;
            }
        }
    }
    __syncthreads();
}

// The expert of a unit; all lanes of a warp ask together. from is an expert at or before it: units
// are asked for in rising order, so the last answer will do.
__device__ __forceinline__ int expert_of_unit(const TileList& list, int unit, int from) {
    const int lane = threadIdx.x % kWarpSize;
    for (int base = from;; base += kWarpSize) {
        const int end = min(base + lane + 1, list.num_experts);
        const uint32_t beyond = __ballot_sync(kAllLanes, list.first_unit[end] > unit);
        if (beyond != 0)
            return base + __ffs(static_cast<int>(beyond)) - 1;
    }
}

// A contiguous part of one expert's rows times a unit of columns.
struct Unit {
    int expert;
    int first_row;  // of all rows
    int num_rows;   // 1..tile_rows
    int column;     // unit of columns, 0..units_across-1
};

// Units of an expert: neighbours share their rows and take the next columns.
__device__ __forceinline__ Unit locate_unit(
    const TileList& list, int index, int from_expert, int tile_rows, const Divisor& units_across) {
    Unit unit;
    unit.expert = expert_of_unit(list, index, from_expert);
    const int local = index - list.first_unit[unit.expert];
    const int block = units_across.quotient(local);
    unit.column = local - block * units_across.value;
    unit.first_row = list.first_row[unit.expert] + block * tile_rows;
    unit.num_rows = min(tile_rows, list.first_row[unit.expert + 1] - unit.first_row);
    return unit;
}

}  // namespace moetop::native
