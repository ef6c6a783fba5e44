#include "gemm/native/swapped_ops.cuh"

namespace moetop::native {

SwappedOps swapped_128() {
    return swapped_ops<SwappedConfig<128, 2, 64, 2, 1>>();
}

}  // namespace moetop::native
