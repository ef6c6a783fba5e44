#include "gemm/cutlass/tile_kernel.h"

namespace moetop::cutlass_family {

TileOps swapped_128x32_pingpong() {
    return TileKernel<Swapped,
                      cute::Shape<cute::_128, cute::_32, cute::_128>,
                      cute::Shape<cute::_2, cute::_1, cute::_1>,
                      Pingpong>::ops();
}

}  // namespace moetop::cutlass_family
