#include "gemm/cutlass/tile_kernel.h"

namespace moetop::cutlass_family {

TileOps plain_128x128_cooperative() {
    return TileKernel<Plain,
                      cute::Shape<cute::_128, cute::_128, cute::_128>,
                      cute::Shape<cute::_1, cute::_2, cute::_1>,
                      Cooperative>::ops();
}

}  // namespace moetop::cutlass_family
