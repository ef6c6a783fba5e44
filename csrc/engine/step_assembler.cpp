#include "engine/step_assembler.h"

#include <algorithm>
#include <utility>

namespace moetop {
namespace {

constexpr double kNsPerUs = 1000.0;

float to_us(uint64_t ns) {
    return static_cast<float>(static_cast<double>(ns) / kNsPerUs);
}

uint64_t last_end(const std::vector<KernelRecord>& records) {
    uint64_t end = 0;
    for (const KernelRecord& record : records) {
        end = std::max(end, record.end_ns);
    }
    return end;
}

}  // namespace

uint64_t hash_name(const char* name) {
    uint64_t hash = 0xcbf29ce484222325ull;
    for (; *name != '\0'; ++name) {
        hash = (hash ^ static_cast<unsigned char>(*name)) * 0x100000001b3ull;
    }
    return hash;
}

moetop_step_timing time_step(const LaunchedStep& launched,
                             const StepPlan& plan,
                             const std::vector<KernelRecord>& records) {
    moetop_step_timing timing = {};
    timing.step = launched.step;
    timing.es_mask = launched.mask;
    timing.routing = launched.routing;
    if (records.empty())
        return timing;

    // The cursor is the end of all that has been given to a stage or to the gap.
    const uint64_t start = records.front().start_ns;
    uint64_t cursor = start;
    uint64_t gap = 0;
    for (size_t first = 0; first < records.size();) {
        const int stage = plan[first].stage;
        const uint64_t stage_start = records[first].start_ns;
        uint64_t stage_end = 0;
        size_t next = first;
        for (; next < records.size() && plan[next].stage == stage; ++next) {
            stage_end = std::max(stage_end, records[next].end_ns);
        }
        if (stage_start > cursor) {
            gap += stage_start - cursor;
            cursor = stage_start;
        }
        if (stage_end > cursor) {
            timing.stage_us[stage] = to_us(stage_end - cursor);
            cursor = stage_end;
        }
        first = next;
    }
    timing.start_ns = start;
    timing.gap_us = to_us(gap);
    timing.step_us = to_us(cursor - start);
    return timing;
}

StepAssembler::StepAssembler(StepPlans plans, size_t max_timings)
    : plans_(std::move(plans)), max_timings_(max_timings) {
    for (size_t mask = 0; mask < plans_.size(); ++mask) {
        totals_[mask].resize(plans_[mask].size());
    }
}

void StepAssembler::announce(const LaunchedStep& launched, uint32_t correlation) {
    sequence_of_[correlation] = head_ + pending_.size();
    Pending pending = {launched, {correlation, 0}, 1, false, {}};
    pending.records.reserve(plans_[launched.mask].size());
    pending_.push_back(std::move(pending));
    release_head();
}

void StepAssembler::alias(uint32_t correlation) {
    if (pending_.empty())
        return;
    Pending& last = pending_.back();
    if (last.num_correlations != 1 || last.correlations[0] == correlation)
        return;
    last.correlations[last.num_correlations++] = correlation;
    sequence_of_[correlation] = head_ + pending_.size() - 1;
}

void StepAssembler::add(const KernelRecord& record) {
    const auto found = sequence_of_.find(record.correlation);
    if (found == sequence_of_.end())
        return;
    Pending& pending = pending_[found->second - head_];
    if (record.start_ns == 0 || record.end_ns < record.start_ns)
        pending.has_unknown_times = true;
    pending.records.push_back(record);
    if (!is_complete(pending))
        return;
    newest_complete_ = std::max(newest_complete_, found->second);
    release_head();
}

void StepAssembler::settle() {
    while (!pending_.empty()) {
        finish_head();
    }
}

size_t StepAssembler::read(moetop_step_timing* timings, size_t capacity) {
    const size_t count = std::min(capacity, timings_.size());
    std::copy_n(timings_.begin(), count, timings);
    timings_.erase(timings_.begin(), timings_.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
}

double StepAssembler::mean_us(uint32_t mask, size_t index) const {
    if (mask >= totals_.size() || index >= totals_[mask].size())
        return -1;
    const Total& total = totals_[mask][index];
    return total.count == 0 ? -1 : total.sum_us / static_cast<double>(total.count);
}

bool StepAssembler::is_complete(const Pending& pending) const {
    return pending.records.size() >= plans_[pending.launched.mask].size();
}

void StepAssembler::release_head() {
    while (!pending_.empty()) {
        const bool is_overdue =
            newest_complete_ >= head_ + kReorderWindow || pending_.size() > max_timings_;
        if (!is_complete(pending_.front()) && !is_overdue)
            return;
        finish_head();
    }
}

// Times the oldest step, or counts it as dropped, and forgets it.
void StepAssembler::finish_head() {
    Pending pending = std::move(pending_.front());
    pending_.pop_front();
    ++head_;
    for (int i = 0; i < pending.num_correlations; ++i) {
        sequence_of_.erase(pending.correlations[i]);
    }
    const StepPlan& plan = plans_[pending.launched.mask];
    if (pending.records.size() != plan.size() || pending.has_unknown_times) {
        ++dropped_;
        is_first_ = false;
        is_previous_end_known_ = false;
        return;
    }
    std::stable_sort(
        pending.records.begin(),
        pending.records.end(),
        [](const KernelRecord& a, const KernelRecord& b) { return a.start_ns < b.start_ns; });
    emit(pending, time_step(pending.launched, plan, pending.records));
}

void StepAssembler::emit(const Pending& pending, moetop_step_timing timing) {
    if (is_previous_end_known_) {
        timing.launch_gap_us =
            timing.start_ns > previous_end_ns_ ? to_us(timing.start_ns - previous_end_ns_) : 0.0f;
    } else {
        timing.launch_gap_us = is_first_ ? 0.0f : -1.0f;
    }
    is_first_ = false;
    is_previous_end_known_ = true;
    previous_end_ns_ = last_end(pending.records);
    add_means(pending.launched.mask, pending.records);
    if (timings_.size() == max_timings_) {
        timings_.pop_front();
        ++dropped_;
    }
    timings_.push_back(timing);
}

// Within a stage the kernels of concurrent streams start in any order, so that names decide; a name
// that the plan does not know takes the first kernel of the stage that is left.
void StepAssembler::add_means(uint32_t mask, const std::vector<KernelRecord>& records) {
    const StepPlan& plan = plans_[mask];
    std::vector<Total>& totals = totals_[mask];
    for (size_t first = 0; first < plan.size();) {
        size_t end = first;
        while (end < plan.size() && plan[end].stage == plan[first].stage) {
            ++end;
        }
        std::vector<bool> is_taken(end - first, false);
        for (size_t i = first; i < end; ++i) {
            size_t chosen = end;
            for (size_t candidate = end; candidate-- > first;) {
                if (is_taken[candidate - first])
                    continue;
                const bool is_better = plan[candidate].name == records[i].name || chosen == end ||
                                       plan[chosen].name != records[i].name;
                if (is_better)
                    chosen = candidate;
            }
            is_taken[chosen - first] = true;
            totals[chosen].sum_us +=
                static_cast<double>(records[i].end_ns - records[i].start_ns) / kNsPerUs;
            ++totals[chosen].count;
        }
        first = end;
    }
}

}  // namespace moetop
