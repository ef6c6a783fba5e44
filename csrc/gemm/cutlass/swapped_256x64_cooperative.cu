#include "gemm/cutlass/tile_kernel.h"

namespace moetop::cutlass_family {

TileOps swapped_256x64_cooperative() {
    return TileKernel<Swapped,
                      cute::Shape<cute::_256, cute::_64, cute::_128>,
                      cute::Shape<cute::_2, cute::_1, cute::_1>,
                      Cooperative>::ops();
}

}  // namespace moetop::cutlass_family
