#include "bench/problem.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "engine/fill.h"

namespace moetop::bench {
namespace {

// Ceilings of an H200: bulk copies into shared memory, and FP8 wgmma on random data in a short
// burst (KERNELS in docs/kernels.md).
constexpr double kReadBytesPerUs = 4.65e6;
constexpr double kFlopsPerUs = 1760e6;

constexpr int kCanaryRows = 64;
constexpr uint8_t kPoison = 0xff;  // as bf16, a NaN
constexpr int kThreads = 256;

// fp32 within a block of k and in what order the tensor core adds: this much of an element, and of
// its row's root mean square.
constexpr float kElementBound = 1.0f / 256;
constexpr float kRowBound = 0.004f;

DeviceMemory allocate(size_t bytes) {
    void* pointer = nullptr;
    MOETOP_CHECK_CUDA(cudaMalloc(&pointer, bytes));
    return DeviceMemory(pointer);
}

struct Verdict {
    unsigned long long num_wrong;
    unsigned long long num_canaries;
    unsigned long long fingerprint;
    float worst;
    int row;
    int column;
};

__device__ float from_e4m3(uint8_t bits) {
    const int exponent = (bits >> 3) & 15;
    const float mantissa = static_cast<float>(bits & 7);
    const float value =
        exponent == 0 ? ldexpf(mantissa, -9) : ldexpf(8.0f + mantissa, exponent - 10);
    return (bits & 0x80) != 0 ? -value : value;
}

// A CTA a row: the reference of every column, then its error. Double across blocks of k, and within
// a block the sum of 128 products in double, too: they are exact in fp32 apart from the sum.
__global__ void __launch_bounds__(kThreads) check_kernel(GroupedGemm gemm, Verdict* verdict) {
    extern __shared__ float shared[];
    __shared__ float table[256];
    __shared__ double square_sum;
    float* const a = shared;
    float* const reference = shared + gemm.k;
    const int row = blockIdx.x;
    const int lane = threadIdx.x % 32;
    const int warp = threadIdx.x / 32;
    const int num_blocks = gemm.k / 128;
    table[threadIdx.x] = from_e4m3(static_cast<uint8_t>(threadIdx.x));
    if (threadIdx.x == 0)
        square_sum = 0;
    int low = 0;
    int high = gemm.num_experts;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        (gemm.offsets[middle] <= row ? low : high) = middle;
    }
    // Of experts without rows at the same offset the last one has the row.
    const int64_t expert = low;
    __syncthreads();
    for (int i = threadIdx.x; i < gemm.k; i += kThreads) {
        a[i] = table[gemm.a[static_cast<int64_t>(row) * gemm.k + i]];
    }
    __syncthreads();
    double own_squares = 0;
    for (int column = warp; column < gemm.n; column += kThreads / 32) {
        const auto* const b =
            reinterpret_cast<const uint32_t*>(gemm.b + (expert * gemm.n + column) * gemm.k);
        const float* const b_scale =
            gemm.b_scale + (expert * (gemm.n / 128) + column / 128) * num_blocks;
        double sum = 0;
        for (int block = 0; block < num_blocks; ++block) {
            const uint32_t four = b[block * 32 + lane];
            const float* const x = a + block * 128 + lane * 4;
            float part = x[0] * table[four & 255] + x[1] * table[four >> 8 & 255] +
                         x[2] * table[four >> 16 & 255] + x[3] * table[four >> 24];
            sum +=
                static_cast<double>(part) *
                (static_cast<double>(gemm.a_scale[static_cast<int64_t>(row) * num_blocks + block]) *
                 b_scale[block]);
        }
        for (int distance = 16; distance > 0; distance /= 2) {
            sum += __shfl_xor_sync(0xffffffffu, sum, distance);
        }
        if (lane == 0) {
            reference[column] = static_cast<float>(sum);
            own_squares += sum * sum;
        }
    }
    if (lane == 0)
        atomicAdd(&square_sum, own_squares);
    __syncthreads();
    const float row_rms = static_cast<float>(sqrt(square_sum / gemm.n));
    for (int column = threadIdx.x; column < gemm.n; column += kThreads) {
        const float value = __bfloat162float(gemm.d[static_cast<int64_t>(row) * gemm.n + column]);
        const float error = fabsf(value - reference[column]);
        const float ratio =
            error / (fabsf(reference[column]) * kElementBound + kRowBound * row_rms);
        if (!(ratio <= 1.0f) && atomicAdd(&verdict->num_wrong, 1ull) == 0) {
            verdict->row = row;
            verdict->column = column;
        }
        if (ratio == ratio)
            atomicMax(reinterpret_cast<int*>(&verdict->worst), __float_as_int(ratio));
    }
}

__global__ void __launch_bounds__(kThreads) count_changed_kernel(const uint8_t* bytes,
                                                                 size_t count,
                                                                 Verdict* verdict) {
    const size_t i = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x;
    if (i < count && bytes[i] != kPoison)
        atomicAdd(&verdict->num_canaries, 1ull);
}

__global__ void __launch_bounds__(kThreads) fingerprint_kernel(const uint32_t* words,
                                                               size_t count,
                                                               Verdict* verdict) {
    unsigned long long sum = 0;
    const size_t stride = static_cast<size_t>(gridDim.x) * kThreads;
    for (size_t i = static_cast<size_t>(blockIdx.x) * kThreads + threadIdx.x; i < count;
         i += stride) {
        sum += (words[i] + 0x9e3779b97f4a7c15ull) * (2 * i + 1) * 0xd6e8feb86659fd93ull;
    }
    atomicAdd(&verdict->fingerprint, sum);
}

size_t output_bytes(const GroupedGemm& gemm) {
    return sizeof(__nv_bfloat16) * static_cast<size_t>(gemm.num_rows) * gemm.n;
}

size_t canary_bytes(const GroupedGemm& gemm) {
    return sizeof(__nv_bfloat16) * static_cast<size_t>(kCanaryRows) * gemm.n;
}

}  // namespace

std::vector<int> draw_counts(const Model& model, int tokens, const std::string& routing, int seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> uniform(1e-12, 1.0);
    std::vector<double> log_weight(model.experts, 0.0);
    if (routing == "zipf") {
        std::vector<int> rank(model.experts);
        std::iota(rank.begin(), rank.end(), 1);
        std::shuffle(rank.begin(), rank.end(), random);
        for (int e = 0; e < model.experts; ++e) {
            log_weight[e] = -std::log(static_cast<double>(rank[e]));
        }
    } else if (routing == "hot") {
        log_weight[0] = 1e9;
    }
    std::vector<int> counts(model.experts, 0);
    std::vector<std::pair<double, int>> keys(model.experts);
    for (int t = 0; t < tokens; ++t) {
        // Gumbel top-k: k experts without replacement, by their weights.
        for (int e = 0; e < model.experts; ++e) {
            keys[e] = {log_weight[e] - std::log(-std::log(uniform(random))), e};
        }
        std::partial_sort(keys.begin(), keys.begin() + model.top_k, keys.end(), std::greater<>());
        for (int j = 0; j < model.top_k; ++j) {
            ++counts[keys[j].second];
        }
    }
    return counts;
}

Problem::Problem(const Model& model, bool is_up, int num_sms)
    : n_(is_up ? 2 * model.intermediate : model.hidden),
      k_(is_up ? model.hidden : model.intermediate),
      experts_(model.experts) {
    const size_t elements = static_cast<size_t>(experts_) * n_ * k_;
    const size_t overhang = static_cast<size_t>(kScaleOverhangRows) * (k_ / 128);
    const size_t scales = elements / (128 * 128) + overhang;
    b_ = allocate(elements);
    b_scale_ = allocate(scales * sizeof(float));
    const size_t workspace_bytes =
        kNativeWorkspaceBytes + gemm_workspace_bytes(GemmFamily::kCutlass, experts_, num_sms);
    workspace_ = allocate(workspace_bytes);
    MOETOP_CHECK_CUDA(cudaMemset(workspace_.get(), 0, workspace_bytes));
    verdict_ = allocate(sizeof(Verdict));
    fill_e4m3(static_cast<uint8_t*>(b_.get()), elements, 1, nullptr);
    fill_scales(static_cast<float*>(b_scale_.get()), scales, 0.001f, 2, nullptr);
    MOETOP_CHECK_CUDA(cudaDeviceSynchronize());
}

void Problem::set_batch(const std::vector<std::vector<int>>& counts,
                        int seed,
                        cudaStream_t stream) {
    sets_.clear();
    for (size_t s = 0; s < counts.size(); ++s) {
        Set set;
        std::vector<int32_t> offsets = {0};
        set.active_experts = 0;
        for (const int count : counts[s]) {
            offsets.push_back(offsets.back() + count);
            set.active_experts += count > 0;
        }
        const size_t rows = static_cast<size_t>(offsets.back());
        const size_t elements = (rows * k_ + 15) / 16 * 16;
        const size_t scales = (rows + kScaleOverhangRows) * (k_ / 128);
        set.a = allocate(elements);
        set.a_scale = allocate(scales * sizeof(float));
        set.d = allocate(sizeof(__nv_bfloat16) * (rows + 2 * kCanaryRows) * n_);
        set.offsets = allocate(offsets.size() * sizeof(int32_t));
        fill_e4m3(static_cast<uint8_t*>(set.a.get()), elements, 100 + seed + s, stream);
        fill_scales(static_cast<float*>(set.a_scale.get()), scales, 0.001f, 200 + seed + s, stream);
        MOETOP_CHECK_CUDA(cudaMemcpyAsync(set.offsets.get(),
                                          offsets.data(),
                                          offsets.size() * sizeof(int32_t),
                                          cudaMemcpyHostToDevice,
                                          stream));
        MOETOP_CHECK_CUDA(cudaStreamSynchronize(stream));
        GroupedGemm& gemm = set.gemm;
        gemm = {};
        gemm.num_experts = experts_;
        gemm.num_rows = static_cast<int>(rows);
        gemm.n = n_;
        gemm.k = k_;
        gemm.a = static_cast<uint8_t*>(set.a.get());
        gemm.a_scale = static_cast<float*>(set.a_scale.get());
        gemm.b = static_cast<uint8_t*>(b_.get());
        gemm.b_scale = static_cast<float*>(b_scale_.get());
        gemm.d = static_cast<__nv_bfloat16*>(set.d.get()) + static_cast<size_t>(kCanaryRows) * n_;
        gemm.offsets = static_cast<int32_t*>(set.offsets.get());
        gemm.workspace = workspace_.get();
        sets_.push_back(std::move(set));
    }
}

double Problem::flops() const {
    double sum = 0;
    for (const Set& set : sets_) {
        sum += 2.0 * set.gemm.num_rows * n_ * k_;
    }
    return sum / num_sets();
}

double Problem::floor_us() const {
    double sum = 0;
    for (const Set& set : sets_) {
        const double rows = set.gemm.num_rows;
        const double weights = static_cast<double>(set.active_experts) * n_ * k_;
        const double bytes =
            weights * (1 + 4.0 / (128 * 128)) + rows * k_ * (1 + 4.0 / 128) + 2 * rows * n_;
        sum += std::max(bytes / kReadBytesPerUs, 2 * rows * n_ * k_ / kFlopsPerUs);
    }
    return sum / num_sets();
}

void Problem::poison(int set, cudaStream_t stream) {
    const GroupedGemm& gemm = sets_[set].gemm;
    MOETOP_CHECK_CUDA(cudaMemsetAsync(
        sets_[set].d.get(), kPoison, output_bytes(gemm) + 2 * canary_bytes(gemm), stream));
}

std::string Problem::check(int set, double* worst, cudaStream_t stream) {
    const GroupedGemm& gemm = sets_[set].gemm;
    auto* const verdict = static_cast<Verdict*>(verdict_.get());
    MOETOP_CHECK_CUDA(cudaMemsetAsync(verdict, 0, sizeof(Verdict), stream));
    const int shared_bytes = static_cast<int>((gemm.k + gemm.n) * sizeof(float));
    MOETOP_CHECK_CUDA(cudaFuncSetAttribute(
        check_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes));
    if (gemm.num_rows > 0)
        check_kernel<<<gemm.num_rows, kThreads, shared_bytes, stream>>>(gemm, verdict);
    MOETOP_CHECK_CUDA(cudaGetLastError());
    const size_t canaries = canary_bytes(gemm);
    const auto* const bytes = static_cast<const uint8_t*>(sets_[set].d.get());
    const auto num_ctas = static_cast<unsigned>((canaries + kThreads - 1) / kThreads);
    for (const uint8_t* canary : {bytes, bytes + canaries + output_bytes(gemm)}) {
        count_changed_kernel<<<num_ctas, kThreads, 0, stream>>>(canary, canaries, verdict);
    }
    Verdict result;
    MOETOP_CHECK_CUDA(
        cudaMemcpyAsync(&result, verdict, sizeof(result), cudaMemcpyDeviceToHost, stream));
    MOETOP_CHECK_CUDA(cudaStreamSynchronize(stream));
    *worst = std::max(*worst, static_cast<double>(result.worst));
    if (result.num_wrong > 0) {
        return std::to_string(result.num_wrong) + " elements out of bounds, one at row " +
               std::to_string(result.row) + " column " + std::to_string(result.column);
    }
    if (result.num_canaries > 0)
        return std::to_string(result.num_canaries) + " bytes outside the output written";
    return "";
}

uint64_t Problem::fingerprint(int set, cudaStream_t stream) {
    const GroupedGemm& gemm = sets_[set].gemm;
    auto* const verdict = static_cast<Verdict*>(verdict_.get());
    MOETOP_CHECK_CUDA(cudaMemsetAsync(verdict, 0, sizeof(Verdict), stream));
    fingerprint_kernel<<<1024, kThreads, 0, stream>>>(
        reinterpret_cast<const uint32_t*>(gemm.d), output_bytes(gemm) / 4, verdict);
    Verdict result;
    MOETOP_CHECK_CUDA(
        cudaMemcpyAsync(&result, verdict, sizeof(result), cudaMemcpyDeviceToHost, stream));
    MOETOP_CHECK_CUDA(cudaStreamSynchronize(stream));
    return result.fingerprint;
}

}  // namespace moetop::bench
