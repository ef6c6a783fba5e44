#include "gemm/native/swapped_ops.cuh"

namespace moetop::native {

SwappedOps swapped_64_wide() {
    return swapped_ops<SwappedConfig<64, 2, 128, 2, 1>>();
}

}  // namespace moetop::native
