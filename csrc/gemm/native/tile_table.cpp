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

// What `make tune` printed on an NVIDIA H200 (132 SMs), 2026-11-25. Another GPU runs with the same
// bounds.
constexpr Bound kLongBounds[] = {
    {5.7, {TileKernel::kSwapped64, true}},
    {11, {TileKernel::kSwapped128, false}},
    {45, {TileKernel::kSwapped64Wide, false}},
    {kUnbounded, {TileKernel::kPlain, false}},
};
constexpr Bound kShortBounds[] = {
    {0.25, {TileKernel::kSwapped64Wide, true}},
    {1.4, {TileKernel::kSwapped128, true}},
    {23, {TileKernel::kSwapped128, false}},
    {kUnbounded, {TileKernel::kPlain, false}},
};

// Up to this many rows of all experts together the generic policy takes its narrow unit.
constexpr int kGenericNarrowRows = 2048;

}  // namespace

TileChoice choose_tiles(const GemmShape& shape) {
    const bool is_long = shape.k >= kLongK;
    const int num_active = std::min(shape.num_experts, shape.num_rows);
    if (is_long && shape.num_rows <= shape.num_sms && num_active * (shape.n / 32) <= shape.num_sms)
        return {TileKernel::kSwapped32, true};
    const double mean_rows = static_cast<double>(shape.num_rows) / shape.num_experts;
    const Bound* bound = is_long ? kLongBounds : kShortBounds;
    while (mean_rows > bound->max_mean_rows) {
        ++bound;
    }
    TileChoice choice = bound->choice;
    // Lower tiles, where there are not enough high ones for every CTA of every SM.
    if (choice.kernel == TileKernel::kSwapped128 &&
        num_active * (shape.n / 128) < 2 * shape.num_sms)
        choice.kernel = TileKernel::kSwapped64;
    return choice;
}

int generic_width(TileKernel kernel, const GemmShape& shape) {
    if (kernel == TileKernel::kSwapped32)
        return 8;
    return shape.num_rows <= kGenericNarrowRows ? 32 : 64;
}

}  // namespace moetop::native
