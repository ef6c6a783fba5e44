#include "gemm/native/tile_table.h"

#include <algorithm>
#include <limits>

namespace moetop::native {
namespace {

// A kernel takes the GEMMs whose experts have at most so many rows on the mean.
struct Bound {
    double max_mean_rows;
    TileChoice choice;
};

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// From here on k is long: a unit lives by its main loop, and below by what it stores.
constexpr int kLongK = 1024;

// For a kind of GPU, from what `make tune` measured; docs/kernels.md says which bound is from
// another run. Other GPUs run with the table whose L2 is nearest: the two kinds below have as many
// SMs, and differ in how much L2 can give them.
struct TileTable {
    const Bound* long_k;
    const Bound* short_k;
};

// NVIDIA H200 (132 SMs, 60 MiB of L2), 2026-11-29.
constexpr Bound kH200Long[] = {
    {5.7, {TileKernel::kSwapped64, true}},
    {45, {TileKernel::kSwapped128, false}},
    {91, {TileKernel::kPlain, false}},
    {kUnbounded, {TileKernel::kPlainPair, false}},
};
constexpr Bound kH200Short[] = {
    {1.4, {TileKernel::kSwapped128, true}},
    {23, {TileKernel::kSwapped128, false}},
    {kUnbounded, {TileKernel::kPlain, false}},
};

// NVIDIA H100 80GB HBM3 (132 SMs, 50 MiB of L2), 2026-11-25.
constexpr Bound kH100Long[] = {
    {2.8, {TileKernel::kSwapped64, true}},
    {11, {TileKernel::kSwapped64, false}},
    {91, {TileKernel::kPlain, false}},
    {kUnbounded, {TileKernel::kPlainPair, false}},
};
constexpr Bound kH100Short[] = {
    {1.4, {TileKernel::kSwapped128, true}},
    {5.7, {TileKernel::kSwapped128, false}},
    {kUnbounded, {TileKernel::kPlain, false}},
};

// Between the two, bytes of L2.
constexpr int kManySlicesBytes = 55 << 20;

TileTable table_for(const GemmDevice& device) {
    if (device.l2_bytes < kManySlicesBytes)
        return {kH100Long, kH100Short};
    return {kH200Long, kH200Short};
}

// Up to this many rows of all experts together the generic policy takes its narrow unit.
constexpr int kGenericNarrowRows = 2048;

}  // namespace

TileChoice choose_tiles(const GemmShape& shape) {
    const bool is_long = shape.k >= kLongK;
    const int num_active = std::min(shape.num_experts, shape.num_rows);
    if (is_long && shape.num_rows <= shape.device.num_sms &&
        num_active * (shape.n / 32) <= shape.device.num_sms)
        return {TileKernel::kSwapped32, true};
    const double mean_rows = static_cast<double>(shape.num_rows) / shape.num_experts;
    const TileTable table = table_for(shape.device);
    const Bound* bound = is_long ? table.long_k : table.short_k;
    while (mean_rows > bound->max_mean_rows) {
        ++bound;
    }
    TileChoice choice = bound->choice;
    // Lower tiles, where there are not enough high ones for every CTA of every SM.
    if (choice.kernel == TileKernel::kSwapped128 &&
        num_active * (shape.n / 128) < 2 * shape.device.num_sms)
        choice.kernel = TileKernel::kSwapped64;
    return choice;
}

int generic_width(TileKernel kernel, const GemmShape& shape) {
    if (kernel == TileKernel::kSwapped32)
        return 8;
    return shape.num_rows <= kGenericNarrowRows ? 32 : 64;
}

}  // namespace moetop::native
