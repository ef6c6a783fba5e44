// Stage times from event nodes captured between the stages; and no times at all.
//
// The events of a step are overwritten by the step that uses its slot next, so that there are more
// slots than steps in flight: a step is read when it is known to have finished, together with the
// step before it, from whose end the launch gap runs.
#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "engine/resources.h"
#include "engine/timer.h"

namespace moetop {
namespace {

constexpr int kNumSlots = static_cast<int>(kMaxInFlight) + 2;
constexpr int kNumBoundaries = MOETOP_NUM_STAGES + 1;
constexpr float kUsPerMs = 1000.0f;
constexpr double kNsPerUs = 1000.0;

// The device clock has no known origin for events; the first step starts here, away from 0.
constexpr double kFirstStartNs = 1e9;

class EventTimer final : public StepTimer {
  public:
    EventTimer() {
        for (Slot& slot : slots_) {
            for (Event& event : slot.boundaries) {
                event = make_event(cudaEventDefault);
            }
        }
    }

    int32_t kind() const override { return MOETOP_TIMER_EVENTS; }
    int num_slots() const override { return kNumSlots; }

    void capture_boundary(cudaStream_t stream, int slot, int boundary) override {
        // External: the node records the event at each launch, rather than ordering the capture.
        MOETOP_CHECK_CUDA(cudaEventRecordWithFlags(
            slots_[slot].boundaries[boundary].get(), stream, cudaEventRecordExternal));
    }

    void begin(const StepPlans& /*plans*/) override {
        timings_.clear();
        num_read_ = 0;
        dropped_ = 0;
        start_ns_ = kFirstStartNs;
    }

    void launch(const LaunchedStep& launched, const std::function<void()>& make_launch) override {
        slots_[launched.step % kNumSlots].launched = launched;
        make_launch();
    }

    void finished(uint64_t num_finished) override {
        for (; num_read_ < num_finished; ++num_read_) {
            if (timings_.size() == kMaxTimings) {
                timings_.pop_front();
                ++dropped_;
            }
            timings_.push_back(time_slot(num_read_));
        }
    }

    void settle() override {}

    size_t read(moetop_step_timing* timings, size_t capacity) override {
        size_t count = 0;
        for (; count < capacity && !timings_.empty(); ++count) {
            timings[count] = timings_.front();
            timings_.pop_front();
        }
        return count;
    }

    uint64_t dropped() override { return dropped_; }
    double mean_us(uint32_t /*mask*/, size_t /*index*/) override { return -1; }

  private:
    struct Slot {
        std::array<Event, kNumBoundaries> boundaries;
        LaunchedStep launched = {};
    };

    static float elapsed_us(const Event& from, const Event& to) {
        float ms = 0;
        MOETOP_CHECK_CUDA(cudaEventElapsedTime(&ms, from.get(), to.get()));
        return ms * kUsPerMs;
    }

    // Boundaries are one event each, so that the stages leave no gap between them.
    moetop_step_timing time_slot(uint64_t step) {
        const Slot& slot = slots_[step % kNumSlots];
        moetop_step_timing timing = {};
        timing.step = slot.launched.step;
        timing.es_mask = slot.launched.mask;
        timing.routing = slot.launched.routing;
        for (int stage = 0; stage < MOETOP_NUM_STAGES; ++stage) {
            timing.stage_us[stage] = elapsed_us(slot.boundaries[stage], slot.boundaries[stage + 1]);
            timing.step_us += timing.stage_us[stage];
        }
        if (step > 0) {
            const Slot& before = slots_[(step - 1) % kNumSlots];
            timing.launch_gap_us =
                elapsed_us(before.boundaries[MOETOP_NUM_STAGES], slot.boundaries[0]);
            start_ns_ += elapsed_us(before.boundaries[0], slot.boundaries[0]) * kNsPerUs;
        }
        timing.start_ns = static_cast<uint64_t>(start_ns_);
        return timing;
    }

    std::array<Slot, kNumSlots> slots_;
    std::deque<moetop_step_timing> timings_;
    uint64_t num_read_ = 0;
    uint64_t dropped_ = 0;
    double start_ns_ = kFirstStartNs;
};

class NullTimer final : public StepTimer {
  public:
    int32_t kind() const override { return MOETOP_TIMER_NONE; }
    void begin(const StepPlans& /*plans*/) override {}
    void launch(const LaunchedStep& /*launched*/,
                const std::function<void()>& make_launch) override {
        make_launch();
    }
    void finished(uint64_t /*num_finished*/) override {}
    void settle() override {}
    size_t read(moetop_step_timing* /*timings*/, size_t /*capacity*/) override { return 0; }
    uint64_t dropped() override { return 0; }
    double mean_us(uint32_t /*mask*/, size_t /*index*/) override { return -1; }
};

}  // namespace

std::unique_ptr<StepTimer> make_event_timer() {
    return std::make_unique<EventTimer>();
}

std::unique_ptr<StepTimer> make_null_timer() {
    return std::make_unique<NullTimer>();
}

}  // namespace moetop
