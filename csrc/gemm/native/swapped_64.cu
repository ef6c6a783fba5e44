#include "gemm/native/swapped_ops.cuh"

namespace moetop::native {

SwappedOps swapped_64() {
    return swapped_ops<SwappedConfig<64, 3, 64, 2, 1>>();
}

}  // namespace moetop::native
