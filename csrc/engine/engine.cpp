#include "engine/engine.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "common/error.h"
#include "engine/device.h"

namespace moetop {
namespace {

// MOETOP_ES_LAUNCH_AUTO: the form that was measured to be faster on an H200, dsv3-tp8 with ES at
// 16, 1024, 2048 and 4096 tokens: streams up 97.5, 254.6, 277.2, 363.5, down 73.5, 174.3, 252.8,
// 450.1 us; a PDL chain 106.1, 258.2, 286.1, 362.6 and 74.6, 176.8, 259.4, 459.9. (The generic
// kernel took 99.0, 258.1, 273.2, 363.2 and 89.4, 302.2, 305.6, 454.8.)
constexpr EsLaunch kFasterEsLaunch = EsLaunch::kStreams;

constexpr uint64_t kMasks = MOETOP_NUM_ES_MASKS;

EsLaunch es_launch_of(const moetop_config& config) {
    if (config.es_launch == MOETOP_ES_LAUNCH_AUTO)
        return kFasterEsLaunch;
    return static_cast<EsLaunch>(config.es_launch);
}

GemmFamily family_of(const moetop_config& config) {
    return static_cast<GemmFamily>(config.kernels);
}

// Checks configuration, device and kernels, in this order, and plans the memory.
MemoryPlan plan_checked(const moetop_config& config) {
    validate(config);
    const DeviceShape device = require_device(config.device);
    const char* reason = "";
    if (!gemm_supported(family_of(config), device.compute_major, device.compute_minor, &reason)) {
        throw Error(MOETOP_ERROR_UNSUPPORTED,
                    std::string("kernels: ") +
                        (config.kernels == MOETOP_KERNELS_CUTLASS ? "cutlass" : "native") +
                        " is not allowed: " + reason);
    }
    return plan_memory(config,
                       gemm_workspace_bytes(family_of(config), config.experts, device.num_sms));
}

}  // namespace

moetop_memory Engine::estimate_memory(const moetop_config& config) {
    return plan_checked(config).memory();
}

Engine::Engine(const moetop_config& config) : config_(config), es_launch_(es_launch_of(config)) {
    const MemoryPlan plan = plan_checked(config);
    MOETOP_CHECK_CUDA(cudaSetDevice(config.device));
    // CUPTI must be there before the graphs are instantiated.
    choose_timer();
    stream_ = make_stream();
    for (Event& event : step_done_) {
        event = make_event(cudaEventDisableTiming | cudaEventBlockingSync);
    }
    all_done_ = make_event(cudaEventDisableTiming | cudaEventBlockingSync);
    layer_ = std::make_unique<Layer>(
        config, plan, es_launch_, gemm_device(config.device), stream_.get());

    // Until set_routings() every token visits the next k experts in turn, in every routing alike.
    const auto rows = static_cast<size_t>(num_rows(config));
    const auto elements = rows * static_cast<size_t>(config.num_routings);
    std::vector<int32_t> ids(elements);
    for (size_t i = 0; i < elements; ++i) {
        ids[i] = static_cast<int32_t>((i % rows) % static_cast<size_t>(config.experts));
    }
    const std::vector<float> weights(elements, 1.0f / static_cast<float>(config.top_k));
    layer_->set_routings(ids.data(), weights.data());
    warm_up();
    capture();
    rehearse();
}

Engine::~Engine() {
    // Nothing may be freed under a running kernel. After a failure this fails too, at once.
    if (stream_.get() != nullptr)
        (void)cudaStreamSynchronize(stream_.get());
}

void Engine::choose_timer() {
    switch (config_.timer) {
        case MOETOP_TIMER_NONE:
            timer_ = make_null_timer();
            return;
        case MOETOP_TIMER_EVENTS:
            timer_ = make_event_timer();
            return;
        default:
            break;
    }
    try {
        timer_ = make_cupti_timer();
    } catch (const Error& error) {
        if (config_.timer == MOETOP_TIMER_CUPTI) {
            throw Error(MOETOP_ERROR_UNSUPPORTED,
                        std::string("timer: cupti is not allowed: ") + error.what());
        }
        timer_reason_ = error.what();
        timer_ = make_event_timer();
    }
}

// Runs every stage by itself before it is captured: that loads the kernels, and a kernel that fails
// is named.
void Engine::warm_up() {
    constexpr const char* kStageNames[MOETOP_NUM_STAGES] = {
        "route", "quant", "up", "act", "down", "combine"};
    for (uint32_t mask = 0; mask < MOETOP_NUM_ES_MASKS; ++mask) {
        for (int stage = 0; stage < MOETOP_NUM_STAGES; ++stage) {
            const auto where = std::string("stage ") + kStageNames[stage] + " with es_mask " +
                               std::to_string(mask) + ": ";
            try {
                layer_->launch_stage(stage, mask, stream_.get());
            } catch (const Error& error) {
                throw Error(error.status(), where + error.what());
            }
            check_cuda(cudaStreamSynchronize(stream_.get()), where.c_str());
        }
    }
}

void Engine::capture() {
    for (uint32_t mask = 0; mask < MOETOP_NUM_ES_MASKS; ++mask) {
        graphs_[mask].clear();
        for (int slot = 0; slot < timer_->num_slots(); ++slot) {
            graphs_[mask].push_back(std::make_unique<StepGraph>(
                stream_.get(),
                [&](int stage) { layer_->launch_stage(stage, mask, stream_.get()); },
                [&](int boundary) { timer_->capture_boundary(stream_.get(), slot, boundary); }));
        }
    }
    restart();
}

// The next step is step 0, and no step was before it.
void Engine::restart() {
    StepPlans plans;
    for (uint32_t mask = 0; mask < MOETOP_NUM_ES_MASKS; ++mask) {
        plans[mask] = graphs_[mask].front()->plan();
    }
    timer_->begin(plans);
    layer_->rewind_ring();
    next_step_and_mask_.store(0);
    num_launched_ = 0;
    launched_when_woken_ = 0;
    num_finished_ = 0;
    num_settled_ = 0;
}

// Runs a step with each mask before anybody counts, and takes the events if CUPTI does not time
// them.
void Engine::rehearse() {
    const std::string problem = missing_timings();
    if (!problem.empty()) {
        if (config_.timer == MOETOP_TIMER_CUPTI) {
            throw Error(MOETOP_ERROR_UNSUPPORTED, "timer: cupti is not allowed: " + problem);
        }
        if (timer_->kind() != MOETOP_TIMER_CUPTI)
            throw Error(MOETOP_ERROR_INTERNAL, problem);
        timer_reason_ = problem;
        timer_.reset();
        timer_ = make_event_timer();
        capture();
        const std::string problem_of_events = missing_timings();
        if (!problem_of_events.empty())
            throw Error(MOETOP_ERROR_INTERNAL, problem_of_events);
    }
    restart();
}

// Runs each mask once; returns why the timings of these steps are not good, or nothing.
std::string Engine::missing_timings() {
    for (uint32_t mask = 0; mask < MOETOP_NUM_ES_MASKS; ++mask) {
        set_es_mask(mask);
        launch_step();
    }
    synchronize();
    if (timer_->kind() == MOETOP_TIMER_NONE)
        return "";
    std::array<moetop_step_timing, MOETOP_NUM_ES_MASKS> timings = {};
    const size_t count = timer_->read(timings.data(), timings.size());
    if (count != timings.size()) {
        return "of " + std::to_string(timings.size()) + " steps of trial, " +
               std::to_string(count) +
               " were timed; the others' records did not come or were not "
               "one for each of their graph's kernels";
    }
    for (uint32_t mask = 0; mask < MOETOP_NUM_ES_MASKS; ++mask) {
        if (timings[mask].es_mask != mask || !(timings[mask].step_us > 0)) {
            return "the trial step with mask " + std::to_string(mask) + " was timed as mask " +
                   std::to_string(timings[mask].es_mask) + ", " +
                   std::to_string(timings[mask].step_us) + " us";
        }
    }
    return "";
}

// Makes the device current, and remembers the failure that loses the engine.
template <typename Body>
void Engine::guard(Body body) {
    if (!lost_.empty())
        throw Error(MOETOP_ERROR_CUDA, "the engine is lost: " + lost_);
    try {
        MOETOP_CHECK_CUDA(cudaSetDevice(config_.device));
        body();
    } catch (const Error& error) {
        if (error.status() == MOETOP_ERROR_CUDA)
            lost_ = error.what();
        throw;
    }
}

void Engine::info(moetop_engine_info* info) const {
    info->kernels = config_.kernels;
    info->timer = timer_->kind();
    info->es_launch = static_cast<int32_t>(es_launch_);
    info->memory = layer_->plan().memory();
    std::snprintf(info->timer_reason, sizeof(info->timer_reason), "%s", timer_reason_.c_str());
}

uint64_t Engine::set_es_mask(uint32_t mask) {
    if (mask >= MOETOP_NUM_ES_MASKS) {
        throw Error(
            MOETOP_ERROR_ARGUMENT,
            "es_mask: " + std::to_string(mask) + " is not allowed: 0 to 3, bit 0 up, bit 1 down");
    }
    uint64_t before = next_step_and_mask_.load();
    while (!next_step_and_mask_.compare_exchange_weak(before, before / kMasks * kMasks + mask)) {
    }
    return before / kMasks;
}

void Engine::set_routings(const int32_t* ids, const float* weights) {
    validate_routings(config_, ids, weights);
    guard([&] {
        synchronize();
        layer_->set_routings(ids, weights);
    });
}

void Engine::set_input(const uint16_t* input) {
    guard([&] {
        synchronize();
        layer_->set_input(input);
    });
}

void Engine::run(int32_t num_steps) {
    if (num_steps < 0) {
        throw Error(MOETOP_ERROR_ARGUMENT,
                    "num_steps: " + std::to_string(num_steps) + " is not allowed: 0 or more");
    }
    guard([&] {
        for (int32_t i = 0; i < num_steps; ++i) {
            launch_step();
        }
    });
}

void Engine::launch_step() {
    if (num_launched_ - num_finished_ >= kMaxInFlight)
        wait_for_room();
    const uint64_t step_and_mask = next_step_and_mask_.fetch_add(kMasks);
    const uint64_t step = step_and_mask / kMasks;
    const LaunchedStep launched = {
        step,
        static_cast<uint32_t>(step_and_mask % kMasks),
        static_cast<int32_t>(step % static_cast<uint64_t>(config_.num_routings))};
    const auto& slots = graphs_[launched.mask];
    const StepGraph& graph = *slots[step % slots.size()];
    timer_->launch(launched, [&] { graph.launch(stream_.get()); });
    MOETOP_CHECK_CUDA(cudaEventRecord(step_done_[step % kMaxInFlight].get(), stream_.get()));
    num_launched_ = step + 1;
}

// Sleeps until only steps_to_keep_ of the steps in flight are left. The fewer, the more launches
// share the cost of waking up, most of which is cold caches: at 440 us a step the host takes 50 us
// a step with two kept and 40 us with one. But the GPU must not run dry while the host wakes, so
// short steps keep two.
void Engine::wait_for_room() {
    constexpr auto kShortStep = std::chrono::microseconds(150);
    const uint64_t step = num_launched_ - steps_to_keep_ - 1;
    MOETOP_CHECK_CUDA(cudaEventSynchronize(step_done_[step % kMaxInFlight].get()));
    mark_finished(step + 1);

    const auto now = std::chrono::steady_clock::now();
    const uint64_t num_steps = num_launched_ - launched_when_woken_;
    steps_to_keep_ = now - woken_ < kShortStep * num_steps ? 2 : 1;
    woken_ = now;
    launched_when_woken_ = num_launched_;
}

void Engine::synchronize() {
    guard([&] {
        if (num_settled_ == num_launched_)
            return;
        MOETOP_CHECK_CUDA(cudaEventRecord(all_done_.get(), stream_.get()));
        MOETOP_CHECK_CUDA(cudaEventSynchronize(all_done_.get()));
        mark_finished(num_launched_);
        timer_->settle();
        num_settled_ = num_launched_;
    });
}

// Learns how far the GPU has come, without waiting for it.
void Engine::poll() {
    if (num_settled_ == num_launched_)
        return;
    const cudaError_t state = cudaStreamQuery(stream_.get());
    if (state == cudaSuccess) {
        synchronize();
        return;
    }
    if (state != cudaErrorNotReady)
        check_cuda(state, "cudaStreamQuery");
    (void)cudaGetLastError();
}

void Engine::mark_finished(uint64_t num_finished) {
    if (num_finished <= num_finished_)
        return;
    timer_->finished(num_finished);
    num_finished_ = num_finished;
}

size_t Engine::read_timings(moetop_step_timing* timings, size_t capacity, uint64_t* dropped) {
    size_t count = 0;
    guard([&] {
        poll();
        count = timer_->read(timings, capacity);
        *dropped = timer_->dropped();
    });
    return count;
}

void Engine::read_tensor(int32_t tensor, uint64_t offset, void* destination, uint64_t num_bytes) {
    if (tensor < 0 || tensor >= MOETOP_NUM_TENSORS) {
        throw Error(MOETOP_ERROR_ARGUMENT,
                    "tensor: " + std::to_string(tensor) + " is not allowed: 0 to " +
                        std::to_string(MOETOP_NUM_TENSORS - 1));
    }
    const uint64_t size = layer_->plan().tensor_bytes[static_cast<size_t>(tensor)];
    if (offset > size || num_bytes > size - offset) {
        throw Error(MOETOP_ERROR_ARGUMENT,
                    "offset_bytes: " + std::to_string(offset) + " with num_bytes " +
                        std::to_string(num_bytes) + " is not allowed: the tensor has " +
                        std::to_string(size) + " bytes");
    }
    guard([&] {
        synchronize();
        const uint64_t last = num_launched_ == 0 ? 0 : num_launched_ - 1;
        const auto routing = static_cast<int>(last % static_cast<uint64_t>(config_.num_routings));
        MOETOP_CHECK_CUDA(cudaMemcpyAsync(destination,
                                          layer_->tensor(tensor, routing) + offset,
                                          num_bytes,
                                          cudaMemcpyDeviceToHost,
                                          stream_.get()));
        MOETOP_CHECK_CUDA(cudaStreamSynchronize(stream_.get()));
    });
}

size_t Engine::describe_launches(uint32_t mask, moetop_launch* launches, size_t capacity) {
    if (mask >= MOETOP_NUM_ES_MASKS) {
        throw Error(
            MOETOP_ERROR_ARGUMENT,
            "mask: " + std::to_string(mask) + " is not allowed: 0 to 3, bit 0 up, bit 1 down");
    }
    const StepGraph& graph = *graphs_[mask].front();
    guard([&] {
        for (size_t i = 0; i < std::min(capacity, graph.num_kernels()); ++i) {
            graph.describe(i, &launches[i]);
            launches[i].mean_us = timer_->mean_us(mask, i);
        }
    });
    return graph.num_kernels();
}

int Engine::describe_tiles(int32_t stage,
                           uint32_t is_es,
                           moetop_tile_class* classes,
                           int capacity) const {
    if (stage != MOETOP_STAGE_UP && stage != MOETOP_STAGE_DOWN) {
        throw Error(MOETOP_ERROR_ARGUMENT,
                    "stage: " + std::to_string(stage) + " is not allowed: 2 (up) or 4 (down)");
    }
    if (is_es > 1) {
        throw Error(MOETOP_ERROR_ARGUMENT,
                    "is_es: " + std::to_string(is_es) + " is not allowed: 0 or 1");
    }
    return layer_->describe_tiles(
        stage,
        is_es != 0 ? GemmPolicy::kExpertSpecialized : GemmPolicy::kGeneric,
        classes,
        capacity);
}

}  // namespace moetop
