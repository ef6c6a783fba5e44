// How the stages of a step are timed: one interface, three ways.
//
// The engine announces each launch, tells how far the GPU has come, and reads what is ready. All
// but the destructor is called on the engine's thread.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "engine/step_assembler.h"
#include "moetop.h"

namespace moetop {

// Steps that may be in flight, whatever the timer.
constexpr uint64_t kMaxInFlight = 4;

// Timings kept for a reader that does not come.
constexpr size_t kMaxTimings = 65536;

class StepTimer {
  public:
    virtual ~StepTimer() = default;

    virtual int32_t kind() const = 0;  // MOETOP_TIMER_*, never AUTO

    // Graphs that a mask needs: step s is launched with the graph of slot s mod num_slots().
    virtual int num_slots() const { return 1; }
    // Called while a slot's graph is captured: before each stage with its number, and at the end
    // with MOETOP_NUM_STAGES.
    virtual void capture_boundary(cudaStream_t /*stream*/, int /*slot*/, int /*boundary*/) {}

    // The graphs are captured, or captured anew; forgets every step before.
    virtual void begin(const StepPlans& plans) = 0;
    // Makes the launch, which times the step.
    virtual void launch(const LaunchedStep& launched, const std::function<void()>& make_launch) = 0;
    // All steps below num_finished have finished.
    virtual void finished(uint64_t num_finished) = 0;
    // All steps that were launched have finished, and nothing is running.
    virtual void settle() = 0;

    // Takes up to capacity timings, oldest first, without waiting for the GPU.
    virtual size_t read(moetop_step_timing* timings, size_t capacity) = 0;
    virtual uint64_t dropped() = 0;
    // See StepAssembler::mean_us.
    virtual double mean_us(uint32_t mask, size_t index) = 0;
};

// Kernel records from CUPTI. Throws Error(MOETOP_ERROR_UNSUPPORTED) with the reason if it cannot be
// used in this process.
std::unique_ptr<StepTimer> make_cupti_timer();

// Event nodes between the stages. They cost more and read long for short stages.
std::unique_ptr<StepTimer> make_event_timer();

// Measures nothing.
std::unique_ptr<StepTimer> make_null_timer();

}  // namespace moetop
