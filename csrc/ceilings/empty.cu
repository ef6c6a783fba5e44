// empty: a kernel that does nothing, on every SM.
#include "ceilings/empty.h"
#include "common/error.h"

namespace moetop {
namespace {

constexpr int kThreads = 128;

__global__ void __launch_bounds__(kThreads) empty_kernel() {}

}  // namespace

void launch_empty(int num_sms, cudaStream_t stream) {
    empty_kernel<<<num_sms, kThreads, 0, stream>>>();
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

}  // namespace moetop
