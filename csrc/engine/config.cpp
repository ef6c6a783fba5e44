#include "engine/config.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "common/error.h"
#include "gemm/grouped_gemm.h"
#include "stages/ring.h"
#include "stages/route.h"

namespace moetop {
namespace {

static_assert(kMaxRows <= kMaxRouteIds, "route sorts every row");

// Inputs differ from routing to routing as long as they fit here.
constexpr uint64_t kInputBudgetBytes = uint64_t{1} << 30;

constexpr uint64_t kBf16Bytes = 2;
constexpr uint64_t kFloatBytes = 4;
constexpr uint64_t kIndexBytes = 4;
constexpr int64_t kIdsPerLoad = 4;  // route reads 16 bytes at a time

[[noreturn]] void refuse(const char* field, int64_t value, const std::string& allowed) {
    throw Error(MOETOP_ERROR_ARGUMENT,
                std::string(field) + ": " + std::to_string(value) + " is not allowed: " + allowed);
}

void require_range(const char* field, int64_t value, int64_t low, int64_t high) {
    if (value >= low && value <= high)
        return;
    refuse(field, value, std::to_string(low) + " to " + std::to_string(high));
}

void require_width(const char* field, int32_t value) {
    if (value >= kWidthMultiple && value <= kMaxWidth && value % kWidthMultiple == 0)
        return;
    refuse(
        field,
        value,
        "a multiple of " + std::to_string(kWidthMultiple) + " up to " + std::to_string(kMaxWidth));
}

}  // namespace

void validate(const moetop_config& config) {
    require_range("device", config.device, 0, INT32_MAX);
    require_range("experts", config.experts, 1, kMaxExperts);
    if (config.top_k < 1 || config.top_k > std::min(config.experts, kMaxTopK)) {
        refuse("top_k",
               config.top_k,
               "1 to " + std::to_string(std::min(config.experts, kMaxTopK)) +
                   ", the smaller of experts and " + std::to_string(kMaxTopK));
    }
    require_width("hidden", config.hidden);
    require_width("intermediate", config.intermediate);
    if (config.tokens < 1 || num_rows(config) > kMaxRows) {
        refuse("tokens",
               config.tokens,
               "1 to " + std::to_string(kMaxRows / config.top_k) + ", tokens x top_k at most " +
                   std::to_string(kMaxRows));
    }
    require_range("num_routings", config.num_routings, 1, kMaxRoutings);
    if (config.kernels != MOETOP_KERNELS_CUTLASS && config.kernels != MOETOP_KERNELS_NATIVE) {
        refuse("kernels", config.kernels, "0 (cutlass) or 1 (native)");
    }
    if (config.timer < MOETOP_TIMER_AUTO || config.timer > MOETOP_TIMER_NONE) {
        refuse("timer", config.timer, "0 (auto), 1 (cupti), 2 (events) or 3 (none)");
    }
    if (config.es_launch < MOETOP_ES_LAUNCH_AUTO || config.es_launch > MOETOP_ES_LAUNCH_STREAMS) {
        refuse("es_launch", config.es_launch, "0 (auto), 1 (pdl) or 2 (streams)");
    }
    if (config.reserved != 0)
        refuse("reserved", config.reserved, "0");
}

MemoryPlan plan_memory(const moetop_config& config, uint64_t gemm_workspace_bytes) {
    const auto experts = static_cast<uint64_t>(config.experts);
    const auto hidden = static_cast<uint64_t>(config.hidden);
    const auto intermediate = static_cast<uint64_t>(config.intermediate);
    const auto tokens = static_cast<uint64_t>(config.tokens);
    const auto routings = static_cast<uint64_t>(config.num_routings);
    const auto rows = static_cast<uint64_t>(num_rows(config));
    const uint64_t hidden_blocks = hidden / kWidthMultiple;
    const uint64_t intermediate_blocks = intermediate / kWidthMultiple;

    MemoryPlan plan = {};
    auto& bytes = plan.tensor_bytes;
    bytes[MOETOP_TENSOR_INPUT] = tokens * hidden * kBf16Bytes;
    bytes[MOETOP_TENSOR_TOPK_IDS] = rows * kIndexBytes;
    bytes[MOETOP_TENSOR_TOPK_WEIGHTS] = rows * kFloatBytes;
    bytes[MOETOP_TENSOR_W1] = experts * 2 * intermediate * hidden;
    bytes[MOETOP_TENSOR_W1_SCALE] = experts * 2 * intermediate_blocks * hidden_blocks * kFloatBytes;
    bytes[MOETOP_TENSOR_W2] = experts * hidden * intermediate;
    bytes[MOETOP_TENSOR_W2_SCALE] = experts * hidden_blocks * intermediate_blocks * kFloatBytes;
    bytes[MOETOP_TENSOR_OFFSETS] = (experts + 1) * kIndexBytes;
    bytes[MOETOP_TENSOR_ROW_SOURCE] = rows * kIndexBytes;
    bytes[MOETOP_TENSOR_X] = rows * hidden;
    bytes[MOETOP_TENSOR_X_SCALE] = rows * hidden_blocks * kFloatBytes;
    bytes[MOETOP_TENSOR_UP] = rows * 2 * intermediate * kBf16Bytes;
    bytes[MOETOP_TENSOR_ACT] = rows * intermediate;
    bytes[MOETOP_TENSOR_ACT_SCALE] = rows * intermediate_blocks * kFloatBytes;
    bytes[MOETOP_TENSOR_DOWN] = rows * hidden * kBf16Bytes;
    bytes[MOETOP_TENSOR_OUTPUT] = tokens * hidden * kBf16Bytes;

    const uint64_t affordable = kInputBudgetBytes / bytes[MOETOP_TENSOR_INPUT];
    const uint64_t num_inputs = std::clamp<uint64_t>(affordable, 1, routings);
    plan.num_inputs = static_cast<int>(num_inputs);
    plan.routing_stride = (num_rows(config) + kIdsPerLoad - 1) / kIdsPerLoad * kIdsPerLoad;
    std::copy(bytes.begin(), bytes.end(), plan.allocated_bytes.begin());
    const uint64_t ring_elements = routings * static_cast<uint64_t>(plan.routing_stride);
    plan.allocated_bytes[MOETOP_TENSOR_INPUT] *= num_inputs;
    plan.allocated_bytes[MOETOP_TENSOR_TOPK_IDS] = ring_elements * kIndexBytes;
    plan.allocated_bytes[MOETOP_TENSOR_TOPK_WEIGHTS] = ring_elements * kFloatBytes;
    // See kScaleOverhangRows; a row of scales is one float a block of k.
    const uint64_t hidden_overhang = kScaleOverhangRows * hidden_blocks * kFloatBytes;
    const uint64_t intermediate_overhang = kScaleOverhangRows * intermediate_blocks * kFloatBytes;
    plan.allocated_bytes[MOETOP_TENSOR_W1_SCALE] += hidden_overhang;
    plan.allocated_bytes[MOETOP_TENSOR_X_SCALE] += hidden_overhang;
    plan.allocated_bytes[MOETOP_TENSOR_W2_SCALE] += intermediate_overhang;
    plan.allocated_bytes[MOETOP_TENSOR_ACT_SCALE] += intermediate_overhang;
    plan.allocated_bytes[kTokenRow] = rows * kIndexBytes;
    plan.allocated_bytes[kRing] = sizeof(RingState);
    plan.allocated_bytes[kUpWorkspace] = gemm_workspace_bytes;
    plan.allocated_bytes[kDownWorkspace] = gemm_workspace_bytes;
    return plan;
}

moetop_memory MemoryPlan::memory() const {
    moetop_memory memory = {};
    memory.struct_size = sizeof(memory);
    memory.weights_bytes =
        allocated_bytes[MOETOP_TENSOR_W1] + allocated_bytes[MOETOP_TENSOR_W1_SCALE] +
        allocated_bytes[MOETOP_TENSOR_W2] + allocated_bytes[MOETOP_TENSOR_W2_SCALE];
    memory.workspace_bytes = allocated_bytes[kUpWorkspace] + allocated_bytes[kDownWorkspace];
    memory.activations_bytes = total_bytes() - memory.weights_bytes - memory.workspace_bytes;
    return memory;
}

uint64_t MemoryPlan::total_bytes() const {
    return std::accumulate(allocated_bytes.begin(), allocated_bytes.end(), uint64_t{0});
}

std::string format_bytes(uint64_t bytes) {
    constexpr double kUnit = 1024.0;
    constexpr const char* kNames[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(bytes);
    size_t unit = 0;
    while (value >= kUnit && unit + 1 < sizeof(kNames) / sizeof(kNames[0])) {
        value /= kUnit;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", value, kNames[unit]);
    return text;
}

}  // namespace moetop
