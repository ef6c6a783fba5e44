// Native test of the step assembler; needs neither a GPU nor CUDA.
#include "engine/step_assembler.h"

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace {

using moetop::KernelRecord;
using moetop::LaunchedStep;
using moetop::StepAssembler;
using moetop::StepPlan;
using moetop::StepPlans;

int num_failures = 0;

void expect(bool is_ok, const std::string& what) {
    if (is_ok)
        return;
    ++num_failures;
    std::printf("FAIL %s\n", what.c_str());
}

void expect_near(double got, double want, const std::string& what) {
    expect(std::fabs(got - want) < 1e-4,
           what + ": got " + std::to_string(got) + ", want " + std::to_string(want));
}

enum Name : uint64_t { kA = 1, kB, kC, kD, kE, kF, kG, kH };

// Masks 1 and 3 have a step of eight kernels, three of them in up; the others one a stage.
StepPlans plans() {
    const StepPlan plain = {{MOETOP_STAGE_ROUTE, kA},
                            {MOETOP_STAGE_QUANT, kB},
                            {MOETOP_STAGE_UP, kC},
                            {MOETOP_STAGE_ACT, kD},
                            {MOETOP_STAGE_DOWN, kE},
                            {MOETOP_STAGE_COMBINE, kF}};
    const StepPlan split = {{MOETOP_STAGE_ROUTE, kA},
                            {MOETOP_STAGE_QUANT, kB},
                            {MOETOP_STAGE_UP, kC},
                            {MOETOP_STAGE_UP, kG},
                            {MOETOP_STAGE_UP, kH},
                            {MOETOP_STAGE_ACT, kD},
                            {MOETOP_STAGE_DOWN, kE},
                            {MOETOP_STAGE_COMBINE, kF}};
    return {plain, split, plain, split};
}

// Six kernels back to back, 10 us each, with 1 us between them, from start on; 65 us in all.
std::vector<KernelRecord> plain_records(uint64_t start_ns, uint32_t correlation) {
    std::vector<KernelRecord> records;
    for (uint64_t i = 0; i < 6; ++i) {
        const uint64_t start = start_ns + i * 11000;
        records.push_back({start, start + 10000, correlation, kA + i});
    }
    return records;
}

void add_all(StepAssembler& assembler, const std::vector<KernelRecord>& records) {
    for (const KernelRecord& record : records) {
        assembler.add(record);
    }
}

std::vector<moetop_step_timing> read_all(StepAssembler& assembler) {
    std::vector<moetop_step_timing> timings(1024);
    timings.resize(assembler.read(timings.data(), timings.size()));
    return timings;
}

double sum(const moetop_step_timing& timing) {
    double total = timing.gap_us;
    for (const float stage : timing.stage_us) {
        total += stage;
    }
    return total;
}

void test_gaps() {
    StepAssembler assembler(plans(), 16);
    assembler.announce({0, 0, 5}, 7);
    add_all(assembler, plain_records(1000, 7));
    assembler.announce({1, 0, 6}, 9);
    add_all(assembler, plain_records(68000, 9));
    const auto timings = read_all(assembler);
    expect(timings.size() == 2, "gaps: two steps");
    if (timings.size() != 2)
        return;
    expect(timings[0].step == 0 && timings[0].routing == 5, "gaps: step and routing");
    expect(timings[0].start_ns == 1000, "gaps: start");
    for (const float stage : timings[0].stage_us) {
        expect_near(stage, 10, "gaps: stage");
    }
    expect_near(timings[0].gap_us, 5, "gaps: gap");
    expect_near(timings[0].step_us, 65, "gaps: step");
    expect_near(timings[0].launch_gap_us, 0, "gaps: nothing before the first step");
    expect_near(timings[1].launch_gap_us, 2, "gaps: between the steps");
    expect_near(sum(timings[1]), timings[1].step_us, "gaps: sum");
    expect(read_all(assembler).empty(), "gaps: each step once");
}

// The kernels of up overlap each other and the end of quant; the last of them ends first. act
// begins while up runs and ends before it, so that nothing is left for it.
void test_overlap() {
    StepAssembler assembler(plans(), 16);
    assembler.announce({0, 1, 0}, 3);
    add_all(assembler,
            {{1000, 2000, 3, kA},
             {2000, 6000, 3, kB},
             {5000, 9000, 3, kG},
             {5500, 12000, 3, kC},
             {6500, 8000, 3, kH},
             {11000, 11500, 3, kD},
             {12000, 15000, 3, kE},
             {16000, 17000, 3, kF}});
    const auto timings = read_all(assembler);
    expect(timings.size() == 1, "overlap: one step");
    if (timings.size() != 1)
        return;
    const double want[MOETOP_NUM_STAGES] = {1, 4, 6, 0, 3, 1};
    for (int stage = 0; stage < MOETOP_NUM_STAGES; ++stage) {
        expect_near(
            timings[0].stage_us[stage], want[stage], "overlap: stage " + std::to_string(stage));
    }
    expect_near(timings[0].gap_us, 1, "overlap: gap");
    expect_near(timings[0].step_us, 16, "overlap: step");
    expect_near(sum(timings[0]), 16, "overlap: sum");
    expect_near(assembler.mean_us(1, 2), 6.5, "overlap: kernel C by its name");
    expect_near(assembler.mean_us(1, 3), 4, "overlap: kernel G by its name");
    expect_near(assembler.mean_us(1, 4), 1.5, "overlap: kernel H by its name");
    expect(assembler.mean_us(0, 0) < 0, "overlap: a mask that has not run has no means");
    expect(assembler.mean_us(1, 8) < 0, "overlap: no such kernel");
}

// Two steps' records interleaved, the later step complete first, with a change of mask between
// them.
void test_order_and_mask_change() {
    StepAssembler assembler(plans(), 16);
    assembler.announce({0, 0, 0}, 20);
    assembler.announce({1, 3, 1}, 22);
    const auto first = plain_records(1000, 20);
    for (size_t i = 0; i < 5; ++i) {
        assembler.add(first[i]);
    }
    for (uint64_t i = 0; i < 8; ++i) {
        assembler.add({70000 + i * 1000, 71000 + i * 1000, 22, kA});
    }
    expect(read_all(assembler).empty(), "order: the later step waits");
    assembler.add(first[5]);
    const auto timings = read_all(assembler);
    expect(timings.size() == 2, "order: both steps");
    if (timings.size() != 2)
        return;
    expect(timings[0].step == 0 && timings[0].es_mask == 0, "order: first step");
    expect(timings[1].step == 1 && timings[1].es_mask == 3, "order: second step");
    expect_near(timings[1].stage_us[MOETOP_STAGE_UP], 3, "order: three kernels in up");
    expect_near(timings[1].launch_gap_us, 4, "order: gap");
}

void test_correlations() {
    StepAssembler assembler(plans(), 16);
    assembler.alias(5);
    assembler.announce({0, 0, 0}, 30);
    assembler.alias(31);
    add_all(assembler, plain_records(1000, 99));
    expect(read_all(assembler).empty(), "correlation: somebody else's records");
    add_all(assembler, plain_records(1000, 31));
    expect(read_all(assembler).size() == 1, "correlation: the driver's id counts too");
    add_all(assembler, plain_records(1000, 31));
    expect(read_all(assembler).empty() && assembler.dropped() == 0, "correlation: late records");
}

void test_lost_records() {
    StepAssembler assembler(plans(), 4096);
    assembler.announce({0, 0, 0}, 1);
    assembler.add(plain_records(1000, 1)[0]);
    uint64_t step = 1;
    for (; step < StepAssembler::kReorderWindow; ++step) {
        assembler.announce({step, 0, 0}, static_cast<uint32_t>(step + 1));
        add_all(assembler, plain_records(step * 100000, static_cast<uint32_t>(step + 1)));
    }
    expect(read_all(assembler).empty(), "lost: inside the window");
    assembler.announce({step, 0, 0}, static_cast<uint32_t>(step + 1));
    add_all(assembler, plain_records(step * 100000, static_cast<uint32_t>(step + 1)));
    const auto timings = read_all(assembler);
    expect(timings.size() == StepAssembler::kReorderWindow, "lost: the others come out");
    expect(assembler.dropped() == 1, "lost: counted");
    if (timings.empty())
        return;
    expect(timings[0].step == 1, "lost: in order");
    expect(timings[0].launch_gap_us < 0, "lost: the gap after it is not known");
    expect(timings[1].launch_gap_us > 0, "lost: the next gap is");
}

void test_settle_and_unknown_times() {
    StepAssembler assembler(plans(), 16);
    assembler.announce({0, 0, 0}, 1);
    auto records = plain_records(1000, 1);
    records[3].start_ns = records[3].end_ns = 0;
    add_all(assembler, records);
    expect(read_all(assembler).empty() && assembler.dropped() == 1, "settle: times not known");
    assembler.announce({1, 0, 0}, 2);
    assembler.announce({2, 0, 0}, 3);
    add_all(assembler, plain_records(200000, 3));
    assembler.settle();
    const auto timings = read_all(assembler);
    expect(timings.size() == 1 && timings[0].step == 2, "settle: what is complete comes out");
    expect(assembler.dropped() == 2, "settle: what is not is lost");
}

void test_bounded() {
    StepAssembler assembler(plans(), 4);
    for (uint32_t step = 0; step < 10; ++step) {
        assembler.announce({step, 0, 0}, step + 1);
        add_all(assembler, plain_records(1000 + step * 100000ull, step + 1));
    }
    moetop_step_timing timings[3];
    expect(assembler.read(timings, 3) == 3, "bounded: as many as asked for");
    expect(timings[0].step == 6, "bounded: the newest are kept");
    expect(assembler.dropped() == 6, "bounded: the rest is counted");
    expect(assembler.read(timings, 3) == 1 && timings[0].step == 9, "bounded: the rest is next");
    for (uint32_t step = 10; step < 30; ++step) {
        assembler.announce({step, 0, 0}, step + 1);
    }
    expect(assembler.dropped() == 6 + 16, "bounded: steps that wait are bounded too");
}

void test_hash() {
    expect(moetop::hash_name("a") != moetop::hash_name("b"), "hash: differs");
    expect(moetop::hash_name("") == 0xcbf29ce484222325ull, "hash: of nothing");
}

}  // namespace

int main() {
    test_gaps();
    test_overlap();
    test_order_and_mask_change();
    test_correlations();
    test_lost_records();
    test_settle_and_unknown_times();
    test_bounded();
    test_hash();
    if (num_failures == 0)
        std::printf("step_assembler_test: ok\n");
    return num_failures == 0 ? 0 : 1;
}
