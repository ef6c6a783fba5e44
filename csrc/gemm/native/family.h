// The native family: grouped GEMMs written for Hopper by hand, one persistent launch each.
#pragma once

#include "gemm/grouped_gemm.h"
#include "gemm/native/tile_table.h"

namespace moetop::native {

size_t workspace_bytes(int num_experts, int num_sms);

void launch(GemmPolicy policy, const GroupedGemm& gemm, const GemmLaunch& launch);

// The same with a choice of the caller's: what the tuner compares.
void launch_choice(const TileChoice& choice,
                   GemmPolicy policy,
                   const GroupedGemm& gemm,
                   const GemmLaunch& launch);

}  // namespace moetop::native
