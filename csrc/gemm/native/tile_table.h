// The tile classes of the native family: the one place where its shapes and bounds stand. The
// launcher, describe_tiles() and through it the screens read them from here; the kernels' own sizes
// (stages, warpgroups) are their Config's.
#pragma once

#include "gemm/grouped_gemm.h"

namespace moetop::native {

// The kernels that there are; see swapped_kernel.cuh and plain_kernel.cuh.
enum class TileKernel {
    kSwapped32,   // 32 rows of w x up to 8 tokens: every SM pulls, though the tiles are few
    kSwapped64,   // 64 x up to 64 tokens
    kSwapped128,  // 128 x up to 64 tokens
    kPlain,       // 192 tokens x 128 columns
    kPlainPair,   // the same by two CTAs with the same tokens, where n is a multiple of 256
};

// How a GEMM is run: a kernel and what may vary in it.
struct TileChoice {
    TileKernel kernel;
    bool evicts_weights_first;  // the L2 policy of the swapped kernels' weights
};

// The choice for a shape, which is known before the routing is.
TileChoice choose_tiles(const GemmShape& shape);

// The tokens of every unit of a swapped kernel without expert specialization.
int generic_width(TileKernel kernel, const GemmShape& shape);

}  // namespace moetop::native
