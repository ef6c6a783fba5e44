#include "gemm/grouped_gemm.h"

#include "common/error.h"
#include "gemm/cutlass/family.h"
#include "gemm/native/family.h"

namespace moetop {

size_t gemm_workspace_bytes(GemmFamily family, int num_experts, int num_sms) {
    switch (family) {
        case GemmFamily::kCutlass:
            return cutlass_family::workspace_bytes(num_experts, num_sms);
        case GemmFamily::kNative:
            return native::workspace_bytes(num_experts, num_sms);
    }
    throw Error(MOETOP_ERROR_INTERNAL, "no such kernel family");
}

GemmDevice gemm_device(int device) {
    GemmDevice result = {};
    MOETOP_CHECK_CUDA(
        cudaDeviceGetAttribute(&result.num_sms, cudaDevAttrMultiProcessorCount, device));
    MOETOP_CHECK_CUDA(cudaDeviceGetAttribute(&result.l2_bytes, cudaDevAttrL2CacheSize, device));
    return result;
}

bool gemm_supported(GemmFamily, int compute_major, int compute_minor, const char** reason) {
    // wgmma is not forward compatible: code for sm_90a runs on compute capability 9.0 alone.
    if (compute_major != 9 || compute_minor != 0) {
        *reason = "these kernels need compute capability 9.0 (Hopper)";
        return false;
    }
    *reason = "";
    return true;
}

void launch_grouped_gemm(GemmFamily family,
                         GemmPolicy policy,
                         const GroupedGemm& gemm,
                         const GemmLaunch& launch) {
    switch (family) {
        case GemmFamily::kCutlass:
            cutlass_family::launch(policy, gemm, launch);
            return;
        case GemmFamily::kNative:
            native::launch(policy, gemm, launch);
            return;
    }
    throw Error(MOETOP_ERROR_INTERNAL, "no such kernel family");
}

int describe_gemm_tiles(GemmFamily family,
                        GemmPolicy policy,
                        const GemmShape& shape,
                        moetop_tile_class* classes,
                        int capacity) {
    switch (family) {
        case GemmFamily::kCutlass:
            return cutlass_family::describe_tiles(policy, shape, classes, capacity);
        case GemmFamily::kNative:
            return native::describe_tiles(policy, shape, classes, capacity);
    }
    throw Error(MOETOP_ERROR_INTERNAL, "no such kernel family");
}

std::string gemm_kernel_name(const char* mangled) {
    const std::string name = native::kernel_name(mangled);
    return name.empty() ? cutlass_family::kernel_name(mangled) : name;
}

}  // namespace moetop
