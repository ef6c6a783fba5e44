#include "engine/layer.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "engine/fill.h"
#include "stages/act.h"
#include "stages/combine.h"
#include "stages/quant.h"
#include "stages/route.h"

namespace moetop {
namespace {

// Left free for the graphs, the timer and the context's own needs.
constexpr uint64_t kSpareBytes = uint64_t{256} << 20;

// The root mean square of silu(gate)*up where gate and up are standard normal.
constexpr double kActRms = 0.6;

void require_free_memory(const MemoryPlan& plan) {
    size_t free_bytes = 0;
    size_t total_bytes = 0;
    MOETOP_CHECK_CUDA(cudaMemGetInfo(&free_bytes, &total_bytes));
    if (plan.total_bytes() + kSpareBytes <= free_bytes)
        return;
    const moetop_memory memory = plan.memory();
    throw Error(MOETOP_ERROR_MEMORY,
                "the workload takes " + format_bytes(plan.total_bytes()) + " (weights " +
                    format_bytes(memory.weights_bytes) + ", activations " +
                    format_bytes(memory.activations_bytes) + ", workspace " +
                    format_bytes(memory.workspace_bytes) + ") and " + format_bytes(kSpareBytes) +
                    " to spare; " + format_bytes(free_bytes) + " of " + format_bytes(total_bytes) +
                    " are free");
}

// Different tensors of one seed get unrelated streams.
uint64_t tensor_seed(uint64_t seed, int tensor) {
    uint64_t state = seed ^ (static_cast<uint64_t>(tensor + 1) * 0xd1342543de82ef95ull);
    state = (state ^ (state >> 33)) * 0xff51afd7ed558ccdull;
    return state ^ (state >> 33);
}

// Scales for which the product over width terms of values with this root mean square has one of 1.
float low_scale(double input_rms, int width) {
    return static_cast<float>(
        1.0 / (kDecadeRms * kWeightSigma * input_rms * std::sqrt(static_cast<double>(width))));
}

}  // namespace

Layer::Layer(const moetop_config& config,
             const MemoryPlan& plan,
             EsLaunch es_launch,
             const GemmDevice& device,
             cudaStream_t stream)
    : config_(config), plan_(plan), es_launch_(es_launch), device_(device), stream_(stream) {
    allocate();
    for (Stream& side : side_streams_) {
        side = make_stream();
    }
    fork_ = make_event(cudaEventDisableTiming);
    for (Event& join : join_) {
        join = make_event(cudaEventDisableTiming);
    }
    fill();
}

void Layer::allocate() {
    require_free_memory(plan_);
    for (int buffer = 0; buffer < kNumBuffers; ++buffer) {
        const uint64_t bytes = plan_.allocated_bytes[buffer];
        if (bytes == 0)
            continue;
        void* pointer = nullptr;
        const cudaError_t error = cudaMalloc(&pointer, bytes);
        if (error == cudaErrorMemoryAllocation) {
            (void)cudaGetLastError();
            throw Error(MOETOP_ERROR_MEMORY,
                        "allocating " + format_bytes(bytes) + " of " +
                            format_bytes(plan_.total_bytes()) + ": out of memory");
        }
        check_cuda(error, "cudaMalloc");
        buffers_[buffer] = DeviceMemory(pointer);
    }
}

void Layer::fill() {
    const cudaStream_t stream = stream_;
    const auto seed = [this](int tensor) { return tensor_seed(config_.seed, tensor); };
    // What the stages have not written yet reads as zeros.
    for (int buffer = 0; buffer < kNumBuffers; ++buffer) {
        const bool is_data = buffer == MOETOP_TENSOR_INPUT || buffer == MOETOP_TENSOR_W1 ||
                             buffer == MOETOP_TENSOR_W1_SCALE || buffer == MOETOP_TENSOR_W2 ||
                             buffer == MOETOP_TENSOR_W2_SCALE;
        const uint64_t bytes = plan_.allocated_bytes[buffer];
        if (is_data || bytes == 0)
            continue;
        MOETOP_CHECK_CUDA(cudaMemsetAsync(buffers_[buffer].get(), 0, bytes, stream));
    }
    const auto bytes = [this](int tensor) { return plan_.allocated_bytes[tensor]; };
    fill_normal(at<__nv_bfloat16>(MOETOP_TENSOR_INPUT),
                bytes(MOETOP_TENSOR_INPUT) / sizeof(__nv_bfloat16),
                seed(MOETOP_TENSOR_INPUT),
                stream);
    for (const int tensor : {MOETOP_TENSOR_W1, MOETOP_TENSOR_W2}) {
        fill_e4m3(at<uint8_t>(tensor), bytes(tensor), seed(tensor), stream);
    }
    fill_scales(at<float>(MOETOP_TENSOR_W1_SCALE),
                bytes(MOETOP_TENSOR_W1_SCALE) / sizeof(float),
                low_scale(1.0, config_.hidden),
                seed(MOETOP_TENSOR_W1_SCALE),
                stream);
    fill_scales(at<float>(MOETOP_TENSOR_W2_SCALE),
                bytes(MOETOP_TENSOR_W2_SCALE) / sizeof(float),
                low_scale(kActRms, config_.intermediate),
                seed(MOETOP_TENSOR_W2_SCALE),
                stream);
}

void Layer::launch_stage(int stage, uint32_t mask, cudaStream_t stream) {
    const int rows = static_cast<int>(num_rows(config_));
    auto* const ring = at<RingState>(kRing);
    switch (stage) {
        case MOETOP_STAGE_ROUTE:
            launch_route({at<int32_t>(MOETOP_TENSOR_TOPK_IDS),
                          plan_.routing_stride,
                          rows,
                          config_.experts,
                          ring,
                          at<int32_t>(MOETOP_TENSOR_OFFSETS),
                          at<int32_t>(MOETOP_TENSOR_ROW_SOURCE),
                          at<int32_t>(kTokenRow)},
                         stream);
            return;
        case MOETOP_STAGE_QUANT:
            launch_quant({at<__nv_bfloat16>(MOETOP_TENSOR_INPUT),
                          plan_.num_inputs,
                          ring,
                          at<int32_t>(kTokenRow),
                          config_.tokens,
                          config_.top_k,
                          config_.hidden,
                          at<uint8_t>(MOETOP_TENSOR_X),
                          at<float>(MOETOP_TENSOR_X_SCALE)},
                         stream);
            return;
        case MOETOP_STAGE_ACT:
            launch_act({at<__nv_bfloat16>(MOETOP_TENSOR_UP),
                        rows,
                        config_.intermediate,
                        at<uint8_t>(MOETOP_TENSOR_ACT),
                        at<float>(MOETOP_TENSOR_ACT_SCALE),
                        ring,
                        config_.num_routings},
                       stream);
            return;
        case MOETOP_STAGE_COMBINE:
            launch_combine({at<__nv_bfloat16>(MOETOP_TENSOR_DOWN),
                            at<float>(MOETOP_TENSOR_TOPK_WEIGHTS),
                            plan_.routing_stride,
                            at<int32_t>(kTokenRow),
                            ring,
                            config_.tokens,
                            config_.top_k,
                            config_.hidden,
                            at<__nv_bfloat16>(MOETOP_TENSOR_OUTPUT)},
                           stream);
            return;
        default: {
            const uint32_t bit = stage == MOETOP_STAGE_UP ? MOETOP_ES_UP : MOETOP_ES_DOWN;
            launch_gemm(stage,
                        (mask & bit) != 0 ? GemmPolicy::kExpertSpecialized : GemmPolicy::kGeneric,
                        stream);
        }
    }
}

GemmShape Layer::gemm_shape(int stage) const {
    const bool is_up = stage == MOETOP_STAGE_UP;
    GemmShape shape = {};
    shape.num_experts = config_.experts;
    shape.num_rows = static_cast<int>(num_rows(config_));
    shape.n = is_up ? 2 * config_.intermediate : config_.hidden;
    shape.k = is_up ? config_.hidden : config_.intermediate;
    shape.device = device_;
    return shape;
}

int Layer::describe_tiles(int stage,
                          GemmPolicy policy,
                          moetop_tile_class* classes,
                          int capacity) const {
    return describe_gemm_tiles(
        static_cast<GemmFamily>(config_.kernels), policy, gemm_shape(stage), classes, capacity);
}

void Layer::launch_gemm(int stage, GemmPolicy policy, cudaStream_t stream) {
    const bool is_up = stage == MOETOP_STAGE_UP;
    const GemmShape shape = gemm_shape(stage);
    GroupedGemm gemm = {};
    gemm.num_experts = shape.num_experts;
    gemm.num_rows = shape.num_rows;
    gemm.n = shape.n;
    gemm.k = shape.k;
    gemm.a = at<uint8_t>(is_up ? MOETOP_TENSOR_X : MOETOP_TENSOR_ACT);
    gemm.a_scale = at<float>(is_up ? MOETOP_TENSOR_X_SCALE : MOETOP_TENSOR_ACT_SCALE);
    gemm.b = at<uint8_t>(is_up ? MOETOP_TENSOR_W1 : MOETOP_TENSOR_W2);
    gemm.b_scale = at<float>(is_up ? MOETOP_TENSOR_W1_SCALE : MOETOP_TENSOR_W2_SCALE);
    gemm.d = at<__nv_bfloat16>(is_up ? MOETOP_TENSOR_UP : MOETOP_TENSOR_DOWN);
    gemm.offsets = at<int32_t>(MOETOP_TENSOR_OFFSETS);
    gemm.workspace = at<void>(is_up ? kUpWorkspace : kDownWorkspace);
    GemmLaunch launch = {};
    launch.stream = stream;
    launch.starts_early = true;
    launch.device = device_;
    launch.es_launch = es_launch_;
    launch.fork = fork_.get();
    for (int i = 0; i < 2; ++i) {
        launch.side_streams[i] = side_streams_[i].get();
        launch.join[i] = join_[i].get();
    }
    launch_grouped_gemm(static_cast<GemmFamily>(config_.kernels), policy, gemm, launch);
}

void Layer::set_routings(const int32_t* ids, const float* weights) {
    const auto rows = static_cast<size_t>(num_rows(config_));
    const auto stride = static_cast<size_t>(plan_.routing_stride);
    const auto routings = static_cast<size_t>(config_.num_routings);
    std::vector<int32_t> padded_ids(routings * stride, kNoExpert);
    std::vector<float> padded_weights(routings * stride, 0.0f);
    for (size_t routing = 0; routing < routings; ++routing) {
        std::copy_n(ids + routing * rows, rows, padded_ids.begin() + routing * stride);
        std::copy_n(weights + routing * rows, rows, padded_weights.begin() + routing * stride);
    }
    upload(MOETOP_TENSOR_TOPK_IDS, padded_ids.data(), padded_ids.size() * sizeof(int32_t));
    upload(
        MOETOP_TENSOR_TOPK_WEIGHTS, padded_weights.data(), padded_weights.size() * sizeof(float));
}

void Layer::set_input(const uint16_t* input) {
    const uint64_t bytes = plan_.tensor_bytes[MOETOP_TENSOR_INPUT];
    for (int i = 0; i < plan_.num_inputs; ++i) {
        upload(MOETOP_TENSOR_INPUT, input, bytes, static_cast<uint64_t>(i) * bytes);
    }
}

void Layer::rewind_ring() {
    const RingState first = {0, 0};
    upload(kRing, &first, sizeof(first));
}

// On the stream of the steps: a copy elsewhere from pageable memory may still be under way when the
// next step begins.
void Layer::upload(int buffer, const void* source, size_t bytes, uint64_t offset) {
    MOETOP_CHECK_CUDA(cudaMemcpyAsync(
        at<uint8_t>(buffer) + offset, source, bytes, cudaMemcpyHostToDevice, stream_));
    MOETOP_CHECK_CUDA(cudaStreamSynchronize(stream_));
}

const uint8_t* Layer::tensor(int tensor, int routing) const {
    const auto* const base = at<const uint8_t>(tensor);
    const auto stride = static_cast<uint64_t>(plan_.routing_stride);
    switch (tensor) {
        case MOETOP_TENSOR_INPUT:
            return base + static_cast<uint64_t>(routing % plan_.num_inputs) *
                              plan_.tensor_bytes[MOETOP_TENSOR_INPUT];
        case MOETOP_TENSOR_TOPK_IDS:
        case MOETOP_TENSOR_TOPK_WEIGHTS:
            return base + static_cast<uint64_t>(routing) * stride * sizeof(int32_t);
        default:
            return base;
    }
}

void validate_routings(const moetop_config& config, const int32_t* ids, const float* weights) {
    const int64_t tokens = static_cast<int64_t>(config.num_routings) * config.tokens;
    // The token that named an expert last; tokens are numbered through all routings.
    std::vector<int64_t> named_by(static_cast<size_t>(config.experts), -1);
    for (int64_t token = 0; token < tokens; ++token) {
        for (int64_t i = token * config.top_k; i < (token + 1) * config.top_k; ++i) {
            const auto refuse =
                [&](const char* field, const std::string& value, const char* allowed) {
                    throw Error(MOETOP_ERROR_ARGUMENT,
                                std::string(field) + " of routing " +
                                    std::to_string(token / config.tokens) + ", token " +
                                    std::to_string(token % config.tokens) + ": " + value +
                                    " is not allowed: " + allowed);
                };
            const int32_t id = ids[i];
            if (id < 0 || id >= config.experts) {
                refuse("topk_ids",
                       std::to_string(id),
                       ("0 to " + std::to_string(config.experts - 1)).c_str());
            }
            if (named_by[static_cast<size_t>(id)] == token) {
                refuse("topk_ids", std::to_string(id) + " twice", "distinct experts");
            }
            named_by[static_cast<size_t>(id)] = token;
            if (!std::isfinite(weights[i])) {
                refuse("topk_weights", std::to_string(weights[i]), "a finite number");
            }
        }
    }
}

}  // namespace moetop
