// From kernel records to step timings: pure, without CUDA or CUPTI, so that it can be tested
// anywhere.
//
// A step is one graph launch, known by the correlation ids that CUPTI gave that launch. Its kernel
// records may arrive late, in any order and mixed with those of other steps; a step is timed once
// as many records have come as its graph has kernels. Steps come out in the order of their launch.
// One whose records do not come is given up when later steps are long complete, and counted as
// dropped.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <vector>

#include "moetop.h"

namespace moetop {

// A kernel of a step's graph, in the order of capture; stages rise.
struct PlannedKernel {
    int stage;
    uint64_t name;  // hash_name() of the mangled name
};
using StepPlan = std::vector<PlannedKernel>;
using StepPlans = std::array<StepPlan, MOETOP_NUM_ES_MASKS>;

// One kernel that ran, as CUPTI reports it.
struct KernelRecord {
    uint64_t start_ns;  // 0: the time is not known
    uint64_t end_ns;
    uint32_t correlation;
    uint64_t name;
};

struct LaunchedStep {
    uint64_t step;
    uint32_t mask;
    int32_t routing;
};

// FNV-1a; two kernels of one stage with equal hashes would only swap their means.
uint64_t hash_name(const char* name);

// Stage times, gap and step time by the definition in moetop.h, and start_ns. records has as many
// elements as plan and is sorted by start; the k-th belongs to the stage of the k-th planned
// kernel.
moetop_step_timing time_step(const LaunchedStep& launched,
                             const StepPlan& plan,
                             const std::vector<KernelRecord>& records);

// Not thread-safe.
class StepAssembler {
  public:
    // How many steps later a step may complete before the one that is missing is given up.
    static constexpr uint64_t kReorderWindow = 256;

    // max_timings bounds what is kept when nobody reads, and the steps that wait for records.
    StepAssembler(StepPlans plans, size_t max_timings);

    // Steps are announced in the order of their launch, before their first record can arrive.
    void announce(const LaunchedStep& launched, uint32_t correlation);
    // Another id of the step announced last: a runtime call and the driver call within it may
    // differ.
    void alias(uint32_t correlation);
    // Records of unknown correlation are somebody else's and ignored.
    void add(const KernelRecord& record);
    // Every announced step has finished and its records have been delivered: what is incomplete is
    // lost.
    void settle();

    // Takes up to capacity timings, oldest first, and returns their number.
    size_t read(moetop_step_timing* timings, size_t capacity);
    uint64_t dropped() const { return dropped_; }
    // Steps that were announced and wait for records, or for an earlier step's.
    size_t num_pending() const { return pending_.size(); }
    // Mean time of the index-th planned kernel over the timed steps; negative if there is none.
    double mean_us(uint32_t mask, size_t index) const;

  private:
    struct Pending {
        LaunchedStep launched;
        uint32_t correlations[2];
        int num_correlations;
        bool has_unknown_times;
        std::vector<KernelRecord> records;
    };
    struct Total {
        double sum_us = 0;
        uint64_t count = 0;
    };

    bool is_complete(const Pending& pending) const;
    void release_head();
    void finish_head();
    void emit(const Pending& pending, moetop_step_timing timing);
    void add_means(uint32_t mask, const std::vector<KernelRecord>& records);

    const StepPlans plans_;
    const size_t max_timings_;
    std::deque<Pending> pending_;
    uint64_t head_ = 0;  // sequence number of pending_.front()
    uint64_t newest_complete_ = 0;
    std::unordered_map<uint32_t, uint64_t> sequence_of_;  // correlation -> sequence number
    std::deque<moetop_step_timing> timings_;
    std::array<std::vector<Total>, MOETOP_NUM_ES_MASKS> totals_;
    uint64_t dropped_ = 0;
    bool is_first_ = true;
    bool is_previous_end_known_ = false;
    uint64_t previous_end_ns_ = 0;
};

}  // namespace moetop
