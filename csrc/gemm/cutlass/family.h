// The cutlass family: what sglang deploys on Hopper, as a list of tile classes for each policy.
#pragma once

#include "gemm/grouped_gemm.h"

namespace moetop::cutlass_family {

size_t workspace_bytes(int num_experts, int num_sms);

void launch(GemmPolicy policy, const GroupedGemm& gemm, const GemmLaunch& launch);

}  // namespace moetop::cutlass_family
