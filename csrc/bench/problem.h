// A grouped GEMM on the device with random operands, over a ring of routings: what the benchmark
// times and checks.
#pragma once

#include <string>
#include <vector>

#include "engine/resources.h"
#include "gemm/grouped_gemm.h"

namespace moetop::bench {

// The native family must find its workspace as it left it: it has the first of a GEMM's, and the
// cutlass family what lies behind.
constexpr size_t kNativeWorkspaceBytes = 256;

// A model's layer, as one rank has it.
struct Model {
    std::string name;
    int experts;
    int top_k;
    int hidden;
    int intermediate;
};

// Top-k ids by expert: counts[e] rows, from T tokens with distinct experts each. Routings: uniform,
// zipf (exponent 1, over shuffled experts), hot (every token visits expert 0).
std::vector<int> draw_counts(const Model& model, int tokens, const std::string& routing, int seed);

// One stage of a model at one batch, with num_sets routings, inputs and outputs of their own.
class Problem {
  public:
    Problem(const Model& model, bool is_up, int num_sms);
    // Draws new inputs; the weights stay.
    void set_batch(const std::vector<std::vector<int>>& counts, int seed, cudaStream_t stream);

    int num_sets() const { return static_cast<int>(sets_.size()); }
    const GroupedGemm& gemm(int set) const { return sets_[set].gemm; }
    // Means over the sets, of one GEMM.
    double floor_us() const;
    double flops() const;

    // Fills the output and the canary rows around it with a pattern that no result has.
    void poison(int set, cudaStream_t stream);
    // Compares every element with a float64 reference; returns what is wrong, or nothing.
    // worst is the largest error over its bound.
    std::string check(int set, double* worst, cudaStream_t stream);
    // A number that two outputs share only if their bits are the same.
    uint64_t fingerprint(int set, cudaStream_t stream);

  private:
    struct Set {
        GroupedGemm gemm;
        DeviceMemory a, a_scale, d, offsets;
        int active_experts;
    };
    int n_, k_, experts_;
    DeviceMemory b_, b_scale_, workspace_, verdict_;
    std::vector<Set> sets_;
};

}  // namespace moetop::bench
