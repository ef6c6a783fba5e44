// Stage times from CUPTI's kernel records.
#include <chrono>
#include <memory>
#include <mutex>

#include "engine/cupti_collector.h"
#include "engine/timer.h"

namespace moetop {
namespace {

using Clock = std::chrono::steady_clock;

// CUPTI delivers full buffers by itself. Records that are out for longer than this are asked for:
// the flush blocks the thread that launches, so that it must be rare.
constexpr std::chrono::milliseconds kOverdue(50);

class CuptiTimer final : public StepTimer, private CuptiCollector::Sink {
  public:
    CuptiTimer() { CuptiCollector::instance().attach(this); }
    ~CuptiTimer() override { CuptiCollector::instance().detach(this); }
    CuptiTimer(const CuptiTimer&) = delete;
    CuptiTimer& operator=(const CuptiTimer&) = delete;

    int32_t kind() const override { return MOETOP_TIMER_CUPTI; }

    void begin(const StepPlans& plans) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        assembler_ = std::make_unique<StepAssembler>(plans, kMaxTimings);
        num_unseen_ = 0;
    }

    void launch(const LaunchedStep& launched, const std::function<void()>& make_launch) override {
        launching_ = launched;
        is_announced_ = false;
        {
            const CuptiCollector::LaunchScope scope(&CuptiTimer::on_launch, this);
            make_launch();
        }
        // A launch that CUPTI did not report can never be matched with its records.
        if (!is_announced_)
            ++num_unseen_;
    }

    void finished(uint64_t /*num_finished*/) override {}

    void settle() override {
        CuptiCollector::instance().flush(false);
        if (num_pending() == 0)
            return;
        CuptiCollector::instance().flush(true);
        const std::lock_guard<std::mutex> lock(mutex_);
        assembler_->settle();
    }

    size_t read(moetop_step_timing* timings, size_t capacity) override {
        if (is_overdue())
            CuptiCollector::instance().flush(false);
        const std::lock_guard<std::mutex> lock(mutex_);
        return assembler_->read(timings, capacity);
    }

    uint64_t dropped() override {
        const std::lock_guard<std::mutex> lock(mutex_);
        return assembler_->dropped() + num_unseen_;
    }

    double mean_us(uint32_t mask, size_t index) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        return assembler_->mean_us(mask, index);
    }

  private:
    // Within cudaGraphLaunch on the engine's thread, before any kernel of it can run.
    static void on_launch(void* user, uint32_t correlation) {
        auto* const timer = static_cast<CuptiTimer*>(user);
        const std::lock_guard<std::mutex> lock(timer->mutex_);
        if (timer->is_announced_) {
            timer->assembler_->alias(correlation);
        } else {
            timer->assembler_->announce(timer->launching_, correlation);
            timer->is_announced_ = true;
        }
    }

    void add_records(const std::vector<KernelRecord>& records) override {
        const std::lock_guard<std::mutex> lock(mutex_);
        last_delivery_ = Clock::now();
        if (assembler_ == nullptr)
            return;
        for (const KernelRecord& record : records) {
            assembler_->add(record);
        }
    }

    size_t num_pending() {
        const std::lock_guard<std::mutex> lock(mutex_);
        return assembler_->num_pending();
    }

    // Whether to flush now; then not again before the records are overdue once more.
    bool is_overdue() {
        const std::lock_guard<std::mutex> lock(mutex_);
        const Clock::time_point now = Clock::now();
        if (assembler_->num_pending() == 0 || now - last_delivery_ < kOverdue)
            return false;
        last_delivery_ = now;
        return true;
    }

    LaunchedStep launching_ = {};
    bool is_announced_ = false;

    std::mutex mutex_;
    std::unique_ptr<StepAssembler> assembler_;
    Clock::time_point last_delivery_;
    uint64_t num_unseen_ = 0;
};

}  // namespace

std::unique_ptr<StepTimer> make_cupti_timer() {
    return std::make_unique<CuptiTimer>();
}

}  // namespace moetop
