// act: up [R,2I] bf16 -> silu(gate)*up in fp32 -> act [R,I] e4m3, act_scale [R,I/128] fp32.
//
// A scale is amax/448 of its 1x128 block. Traffic: 4*R*I bytes read, R*I*(1 + 4/128) written.
// One thread moves the ring on: see ring.h for why that is safe here.
#include "common/error.h"
#include "common/ptx.cuh"
#include "stages/act.h"
#include "stages/fp8.cuh"

namespace moetop {
namespace {

constexpr int kThreads = 128;

// Items of 16 values; keeps the index arithmetic in 32 bits.
constexpr int64_t kMaxActItems = int64_t{1} << 31;

__device__ __forceinline__ float silu(float gate) {
    // A quotient by 2^126 and more is 0 here, and so it is in the limit.
    return __fdividef(gate, 1.0f + __expf(-gate));
}

__global__ void __launch_bounds__(kThreads) act_kernel(ActArgs args, uint32_t num_items) {
    ptx::let_next_kernel_start();
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        const int next = args.ring->current + 1;
        args.ring->next = next < args.num_routings ? next : 0;
    }
    const uint32_t item = blockIdx.x * kThreads + threadIdx.x;
    const bool is_active = item < num_items;
    const uint32_t items_per_row = static_cast<uint32_t>(args.intermediate) / kValuesPerThread;
    const uint32_t row = item / items_per_row;
    const uint32_t column = (item - row * items_per_row) * kValuesPerThread;

    // Gate and up of 16 columns; lanes past the end hold zeros and only take part in the reduction.
    float values[kValuesPerThread] = {};
    if (is_active) {
        const __nv_bfloat16* source =
            args.up + static_cast<int64_t>(row) * 2 * args.intermediate + column;
        const uint4* gate = reinterpret_cast<const uint4*>(source);
        const uint4* up = reinterpret_cast<const uint4*>(source + args.intermediate);
        const uint4 packed_gate[2] = {__ldg(gate), __ldg(gate + 1)};
        const uint4 packed_up[2] = {__ldg(up), __ldg(up + 1)};
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float gates[8];
            float ups[8];
            widen_bf16x8(packed_gate[half], gates);
            widen_bf16x8(packed_up[half], ups);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                values[half * 8 + i] = silu(gates[i]) * ups[i];
            }
        }
    }
    const float scale = block_scale(values);
    if (!is_active)
        return;

    const int64_t first = static_cast<int64_t>(row) * args.intermediate + column;
    *reinterpret_cast<uint4*>(args.act + first) = quantize(values, scale);
    if (threadIdx.x % kLanesPerBlock == 0)
        args.act_scale[first / kBlockWidth] = scale;
}

}  // namespace

void launch_act(const ActArgs& args, cudaStream_t stream) {
    const int64_t num_items =
        static_cast<int64_t>(args.rows) * args.intermediate / kValuesPerThread;
    if (num_items > kMaxActItems) {
        throw Error(MOETOP_ERROR_INTERNAL, "act: more values than one launch indexes");
    }
    const auto num_ctas = static_cast<unsigned>((num_items + kThreads - 1) / kThreads);
    act_kernel<<<num_ctas, kThreads, 0, stream>>>(args, static_cast<uint32_t>(num_items));
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

}  // namespace moetop
