// combine: output[t] = sum over j of topk_weights[t,j] * down[token_row[t*k+j]], [T,H] bf16.
//
// Summed in fp32 from j = 0 on, so that the same inputs give the same bits. A thread makes eight
// columns of one token and has the loads of eight rows in flight. Traffic: 2*R*H bytes read, 2*T*H
// written.
#include "common/error.h"
#include "stages/combine.h"
#include "stages/fp8.cuh"

namespace moetop {
namespace {

constexpr int kThreads = 128;
constexpr int kColumns = 8;
constexpr int kRowsInFlight = 8;

__global__ void __launch_bounds__(kThreads) combine_kernel(CombineArgs args, int chunks) {
    const int token = blockIdx.x / chunks;
    const int chunk = blockIdx.x - token * chunks;
    const int column = (chunk * kThreads + static_cast<int>(threadIdx.x)) * kColumns;
    if (column >= args.hidden)
        return;

    const int64_t first = static_cast<int64_t>(token) * args.top_k;
    const int32_t* rows = args.token_row + first;
    const float* weights = args.topk_weights + args.ring->current * args.weights_stride + first;
    float sums[kColumns] = {};
    for (int group = 0; group < args.top_k; group += kRowsInFlight) {
        // All loads of the group first, then the sums in order.
        uint4 packed[kRowsInFlight];
#pragma unroll
        for (int j = 0; j < kRowsInFlight; ++j) {
            packed[j] = make_uint4(0, 0, 0, 0);
            if (group + j < args.top_k) {
                const int64_t row = __ldg(rows + group + j);
                packed[j] =
                    __ldg(reinterpret_cast<const uint4*>(args.down + row * args.hidden + column));
            }
        }
#pragma unroll
        for (int j = 0; j < kRowsInFlight; ++j) {
            if (group + j < args.top_k) {
                const float weight = __ldg(weights + group + j);
                float values[kColumns];
                widen_bf16x8(packed[j], values);
#pragma unroll
                for (int i = 0; i < kColumns; ++i) {
                    sums[i] = fmaf(weight, values[i], sums[i]);
                }
            }
        }
    }

    __nv_bfloat162 rounded[kColumns / 2];
#pragma unroll
    for (int i = 0; i < kColumns / 2; ++i) {
        rounded[i] = __floats2bfloat162_rn(sums[2 * i], sums[2 * i + 1]);
    }
    uint4 result;
    result.x = *reinterpret_cast<const uint32_t*>(&rounded[0]);
    result.y = *reinterpret_cast<const uint32_t*>(&rounded[1]);
    result.z = *reinterpret_cast<const uint32_t*>(&rounded[2]);
    result.w = *reinterpret_cast<const uint32_t*>(&rounded[3]);
    const int64_t destination = static_cast<int64_t>(token) * args.hidden + column;
    *reinterpret_cast<uint4*>(args.output + destination) = result;
}

}  // namespace

void launch_combine(const CombineArgs& args, cudaStream_t stream) {
    const int columns_per_cta = kThreads * kColumns;
    const int chunks = (args.hidden + columns_per_cta - 1) / columns_per_cta;
    combine_kernel<<<args.tokens * chunks, kThreads, 0, stream>>>(args, chunks);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

}  // namespace moetop
