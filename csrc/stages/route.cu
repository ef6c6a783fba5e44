// route: top-k ids [T,k] -> expert offsets [E+1], row_source [R] and token_row [R].
//
// A stable counting sort in one kernel without atomics: the CTA of expert e reads all ids, counts
// those below e, which is its offset, and those equal to e, which are its rows. A row's place
// within its expert is the rank of t*k+j among the expert's ids, so that the same ids give the same
// rows.
//
// Each warp owns a contiguous segment of the ids and reads it once, 16 bytes a lane; the matches
// stay in registers as bits until the warp knows where its rows begin. Traffic: 4*E*R bytes from L2
// (33 MB at 4096 tokens of top 8 among 256), 4*R bytes from DRAM at most, 8*R bytes written.
#include "stages/route.h"

#include <algorithm>

#include "common/error.h"

namespace moetop {
namespace {

constexpr int kMaxThreads = 1024;
constexpr int kWarpSize = 32;
constexpr int kMaxWarps = kMaxThreads / kWarpSize;
constexpr int kIdsPerLoad = 4;

// A lane's matches: one bit an id, in words of 64. The largest CTA holds kMaxRouteIds.
constexpr int kLoadsPerWord = 64 / kIdsPerLoad;
constexpr int kWords = kMaxRouteIds / (kMaxThreads * 64);
static_assert(kWords * 64 * kMaxThreads == kMaxRouteIds, "the match bits cover every id");

__device__ __forceinline__ int warp_sum(int value) {
#pragma unroll
    for (int distance = kWarpSize / 2; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    }
    return value;
}

// What one lane found in its part of the ids.
struct Matches {
    uint64_t words[kWords];
    int num_equal;
    int num_less;
};

// Reads the warp's segment: loads [first_load, first_load + 32*num_iterations), lanes interleaved.
__device__ __forceinline__ Matches
scan_ids(const int4* ids, int num_loads, int first_load, int num_iterations, int expert) {
    Matches matches = {};
    const int lane = threadIdx.x % kWarpSize;
#pragma unroll
    for (int word = 0; word < kWords; ++word) {
        matches.words[word] = 0;
        if (word * kLoadsPerWord >= num_iterations)
            continue;
        uint64_t bits = 0;
#pragma unroll 8
        for (int i = 0; i < kLoadsPerWord; ++i) {
            const int iteration = word * kLoadsPerWord + i;
            const int load = first_load + iteration * kWarpSize + lane;
            if (iteration < num_iterations && load < num_loads) {
                const int4 four = __ldg(ids + load);
                const uint32_t equal = (four.x == expert) | (four.y == expert) << 1 |
                                       (four.z == expert) << 2 | (four.w == expert) << 3;
                bits |= static_cast<uint64_t>(equal) << (i * kIdsPerLoad);
                matches.num_less +=
                    (four.x < expert) + (four.y < expert) + (four.z < expert) + (four.w < expert);
            }
        }
        matches.words[word] = bits;
        matches.num_equal += __popcll(bits);
    }
    return matches;
}

// Writes the warp's rows, row numbers rising with the position of the id.
__device__ __forceinline__ void write_rows(const RouteArgs& args,
                                           const Matches& matches,
                                           int first_load,
                                           int num_iterations,
                                           int first_row) {
    const int lane = threadIdx.x % kWarpSize;
    const uint32_t lanes_below = (1u << lane) - 1;
    int row = first_row;
#pragma unroll
    for (int word = 0; word < kWords; ++word) {
        const int remaining = num_iterations - word * kLoadsPerWord;
        const int count = remaining < kLoadsPerWord ? remaining : kLoadsPerWord;
        for (int i = 0; i < count; ++i) {
            const uint32_t equal = (matches.words[word] >> (i * kIdsPerLoad)) & 0xfu;
            if (__ballot_sync(0xffffffffu, equal != 0) == 0)
                continue;
            int below = 0;
            int total = 0;
#pragma unroll
            for (int bit = 0; bit < kIdsPerLoad; ++bit) {
                const uint32_t lanes = __ballot_sync(0xffffffffu, (equal >> bit) & 1u);
                below += __popc(lanes & lanes_below);
                total += __popc(lanes);
            }
            const int load = first_load + (word * kLoadsPerWord + i) * kWarpSize + lane;
            int own_row = row + below;
#pragma unroll
            for (int bit = 0; bit < kIdsPerLoad; ++bit) {
                if (((equal >> bit) & 1u) == 0)
                    continue;
                const int source = load * kIdsPerLoad + bit;
                args.row_source[own_row] = source;
                args.token_row[source] = own_row;
                ++own_row;
            }
            row += total;
        }
    }
}

__global__ void __launch_bounds__(kMaxThreads) route_kernel(RouteArgs args,
                                                            int num_loads,
                                                            int num_iterations) {
    __shared__ int warp_equal[kMaxWarps];
    __shared__ int warp_less[kMaxWarps];
    const int expert = blockIdx.x;
    const int warp = threadIdx.x / kWarpSize;
    const int lane = threadIdx.x % kWarpSize;
    const int num_warps = blockDim.x / kWarpSize;

    // The step's routing; quant and combine read it from current.
    const int slot = args.ring->next;
    if (expert == 0 && threadIdx.x == 0)
        args.ring->current = slot;
    const int4* ids = reinterpret_cast<const int4*>(args.ids + slot * args.ids_stride);

    // Count, each warp in its segment.
    const int first_load = warp * num_iterations * kWarpSize;
    const Matches matches = scan_ids(ids, num_loads, first_load, num_iterations, expert);
    const int equal = warp_sum(matches.num_equal);
    const int less = warp_sum(matches.num_less);
    if (lane == 0) {
        warp_equal[warp] = equal;
        warp_less[warp] = less;
    }
    __syncthreads();

    // The expert's first row, and this warp's first row within it.
    const int offset = warp_sum(lane < num_warps ? warp_less[lane] : 0);
    const int rows_before = warp_sum(lane < warp ? warp_equal[lane] : 0);
    if (threadIdx.x == 0) {
        args.offsets[expert] = offset;
        if (expert == args.num_experts - 1)
            args.offsets[args.num_experts] = args.num_ids;
    }
    if (equal > 0)
        write_rows(args, matches, first_load, num_iterations, offset + rows_before);
}

}  // namespace

void launch_route(const RouteArgs& args, cudaStream_t stream) {
    const int num_loads = (args.num_ids + kIdsPerLoad - 1) / kIdsPerLoad;
    // Few ids take few warps, for a short launch; from 4096 ids on a thread takes more than one
    // load.
    const int threads =
        std::clamp((num_loads + kWarpSize - 1) / kWarpSize * kWarpSize, kWarpSize, kMaxThreads);
    const int num_iterations = (num_loads + threads - 1) / threads;
    route_kernel<<<args.num_experts, threads, 0, stream>>>(args, num_loads, num_iterations);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

}  // namespace moetop
