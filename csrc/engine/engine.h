// The engine behind the ABI: one layer, a graph for each ES mask, a timer, and steps in flight.
//
// One thread uses an engine; only set_es_mask() may be called by any. Every failure is an Error.
// After MOETOP_ERROR_CUDA the engine is lost and every call says so.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/config.h"
#include "engine/layer.h"
#include "engine/resources.h"
#include "engine/step_graph.h"
#include "engine/timer.h"
#include "moetop.h"

namespace moetop {

class Engine {
  public:
    // Checks everything that can be checked before it allocates anything.
    explicit Engine(const moetop_config& config);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    // What a configuration would take; touches no device memory.
    static moetop_memory estimate_memory(const moetop_config& config);

    // All but struct_size.
    void info(moetop_engine_info* info) const;
    // Returns the number of the first step that has the mask.
    uint64_t set_es_mask(uint32_t mask);
    void set_routings(const int32_t* ids, const float* weights);
    void set_input(const uint16_t* input);
    void run(int32_t num_steps);
    void synchronize();
    size_t read_timings(moetop_step_timing* timings, size_t capacity, uint64_t* dropped);
    void read_tensor(int32_t tensor, uint64_t offset, void* destination, uint64_t num_bytes);
    // Fills launches up to capacity, all but struct_size, and returns how many there are.
    size_t describe_launches(uint32_t mask, moetop_launch* launches, size_t capacity);
    // The same for the tile classes of up or down.
    int describe_tiles(int32_t stage,
                       uint32_t is_es,
                       moetop_tile_class* classes,
                       int capacity) const;

  private:
    void choose_timer();
    void warm_up();
    void capture();
    void restart();
    void rehearse();
    std::string missing_timings();
    void launch_step();
    void wait_for_room();
    void poll();
    void mark_finished(uint64_t num_finished);
    template <typename Body>
    void guard(Body body);

    const moetop_config config_;
    EsLaunch es_launch_;
    // The stream goes last of what CUDA owns: everything below is used on it.
    Stream stream_;
    std::unique_ptr<StepTimer> timer_;
    std::string timer_reason_;
    std::unique_ptr<Layer> layer_;
    // graphs_[mask][slot]
    std::array<std::vector<std::unique_ptr<StepGraph>>, MOETOP_NUM_ES_MASKS> graphs_;
    std::array<Event, kMaxInFlight> step_done_;  // of step s: [s mod kMaxInFlight]
    Event all_done_;

    // The number of the next step, times four, plus the mask that it will have: one word, so that
    // setting the mask tells exactly which step is the first to have it.
    std::atomic<uint64_t> next_step_and_mask_{0};
    uint64_t num_launched_ = 0;
    uint64_t num_finished_ = 0;  // known to have finished
    // When the host was woken last, and how many steps had been launched then.
    std::chrono::steady_clock::time_point woken_;
    uint64_t launched_when_woken_ = 0;
    uint64_t steps_to_keep_ = 2;
    uint64_t num_settled_ = 0;  // launched when the timer was told last that nothing runs
    std::string lost_;          // why, once the engine is
};

}  // namespace moetop
