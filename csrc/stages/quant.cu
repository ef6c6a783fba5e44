// quant: hidden [T,H] bf16 -> x [R,H] e4m3 in expert order, x_scale [R,H/128] fp32.
//
// Gather and quantization in one pass: each value is read and quantized once and written to the k
// rows of its token. A scale is amax/448 of its 1x128 block. Traffic: 2*T*H bytes read,
// R*H*(1 + 4/128) written, which is what bounds it.
#include "common/error.h"
#include "common/ptx.cuh"
#include "stages/fp8.cuh"
#include "stages/quant.h"

namespace moetop {
namespace {

constexpr int kThreads = 128;

__global__ void __launch_bounds__(kThreads) quant_kernel(QuantArgs args, int chunks) {
    const int token = blockIdx.x / chunks;
    const int chunk = blockIdx.x - token * chunks;
    const int column = (chunk * kThreads + static_cast<int>(threadIdx.x)) * kValuesPerThread;
    const bool is_active = column < args.hidden;
    ptx::let_next_kernel_start();

    // Read 16 values; lanes past the row hold zeros and only take part in the reduction.
    float values[kValuesPerThread] = {};
    if (is_active) {
        const int slot = args.ring->current % args.num_inputs;
        const int64_t row = static_cast<int64_t>(slot) * args.tokens + token;
        const uint4* source =
            reinterpret_cast<const uint4*>(args.input + row * args.hidden + column);
        const uint4 packed[2] = {__ldg(source), __ldg(source + 1)};
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            float eight[8];
            widen_bf16x8(packed[half], eight);
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                values[half * 8 + i] = eight[i];
            }
        }
    }
    const float scale = block_scale(values);
    if (!is_active)
        return;

    // Write the same bytes to every row of the token.
    const uint4 quantized = quantize(values, scale);
    const bool writes_scale = threadIdx.x % kLanesPerBlock == 0;
    const int scale_columns = args.hidden / kBlockWidth;
    const int32_t* rows = args.token_row + static_cast<int64_t>(token) * args.top_k;
#pragma unroll 4
    for (int j = 0; j < args.top_k; ++j) {
        const int64_t row = __ldg(rows + j);
        *reinterpret_cast<uint4*>(args.x + row * args.hidden + column) = quantized;
        if (writes_scale)
            args.x_scale[row * scale_columns + column / kBlockWidth] = scale;
    }
}

}  // namespace

void launch_quant(const QuantArgs& args, cudaStream_t stream) {
    const int columns_per_cta = kThreads * kValuesPerThread;
    const int chunks = (args.hidden + columns_per_cta - 1) / columns_per_cta;
    quant_kernel<<<args.tokens * chunks, kThreads, 0, stream>>>(args, chunks);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

}  // namespace moetop
