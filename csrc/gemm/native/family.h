// The native family: grouped GEMMs written for Hopper by hand, one persistent launch each.
#pragma once

#include <string>

#include "gemm/grouped_gemm.h"
#include "gemm/native/tile_table.h"

namespace moetop::native {

size_t workspace_bytes(int num_experts, int num_sms);

void launch(GemmPolicy policy, const GroupedGemm& gemm, const GemmLaunch& launch);

int describe_tiles(GemmPolicy policy,
                   const GemmShape& shape,
                   moetop_tile_class* classes,
                   int capacity);

// What people call a kernel of this family by the name that the compiler gave it; else empty.
std::string kernel_name(const char* mangled);

// As launch(), with a choice of the caller's: what the tuner compares.
void launch_choice(const TileChoice& choice,
                   GemmPolicy policy,
                   const GroupedGemm& gemm,
                   const GemmLaunch& launch);

}  // namespace moetop::native
