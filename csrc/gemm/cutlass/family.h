// The cutlass family: what sglang deploys on Hopper, as a list of tile classes for each policy.
#pragma once

#include "gemm/grouped_gemm.h"

namespace moetop::cutlass_family {

size_t workspace_bytes(int num_experts, int num_sms);

void launch(GemmPolicy policy, const GroupedGemm& gemm, const GemmLaunch& launch);

// See describe_gemm_tiles().
int describe_tiles(GemmPolicy policy,
                   const GemmShape& shape,
                   moetop_tile_class* classes,
                   int capacity);

// See gemm_kernel_name().
std::string kernel_name(const char* mangled);

}  // namespace moetop::cutlass_family
