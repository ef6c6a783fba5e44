#include "gemm/native/swapped_ops.cuh"

namespace moetop::native {

SwappedOps swapped_32() {
    return swapped_ops<SwappedConfig<32, 8, 8, 1, 2>>();
}

}  // namespace moetop::native
