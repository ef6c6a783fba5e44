#include "gemm/native/family.h"

#include <algorithm>

#include "common/error.h"
#include "gemm/native/kernels.h"
#include "gemm/native/tensor_map.h"

namespace moetop::native {
namespace {

constexpr int kPlainColumns = 128;

GemmShape shape_of(const GroupedGemm& gemm, const GemmLaunch& launch) {
    return {gemm.num_experts, gemm.num_rows, gemm.n, gemm.k, launch.num_sms};
}

bool has_whole_laps(const GroupedGemm& gemm) {
    return gemm.k % (4 * kBlockWidth) == 0;
}

// Clusters need pairs of column tiles, and are built for whole laps of the ring alone: where k is
// not even a lap long, what a cluster saves is not what a GEMM waits for.
bool has_clusters(const GroupedGemm& gemm) {
    return gemm.n % (2 * kPlainColumns) == 0 && has_whole_laps(gemm);
}

void run_swapped(const TileChoice& choice,
                 GemmPolicy policy,
                 const GroupedGemm& gemm,
                 const GemmLaunch& launch,
                 int rows_of_weights,
                 int max_tokens,
                 void (*kernel)(const SwappedParams&, int, cudaStream_t)) {
    const ByteMatrix weights = {gemm.b, static_cast<int64_t>(gemm.num_experts) * gemm.n, gemm.k};
    const ByteMatrix tokens = {gemm.a, gemm.num_rows, gemm.k};
    SwappedParams params = {};
    params.weight_map = map_grouped_boxes(weights, rows_of_weights, kSwappedBlocksPerStage);
    for (int tokens_wide = 8; tokens_wide <= kMaxWidth; tokens_wide += 8) {
        const int width = width_for(tokens_wide);
        params.token_maps[width_index(width)] =
            map_block_boxes(tokens, width, kSwappedBlocksPerStage);
    }
    params.token_scales = gemm.a_scale;
    params.weight_scales = gemm.b_scale;
    params.d = gemm.d;
    params.offsets = gemm.offsets;
    params.num_experts = gemm.num_experts;
    params.n = gemm.n;
    params.num_blocks = gemm.k / kBlockWidth;
    params.units_across = Divisor::of(gemm.n / rows_of_weights);
    params.is_specialized = policy == GemmPolicy::kExpertSpecialized;
    params.tile_tokens =
        params.is_specialized ? max_tokens : generic_width(choice.kernel, shape_of(gemm, launch));
    params.evicts_weights_first = choice.evicts_weights_first;
    kernel(params, launch.num_sms, launch.stream);
}

void run_plain(GemmPolicy policy,
               const GroupedGemm& gemm,
               const GemmLaunch& launch,
               int cluster,
               void (*kernel)(const PlainParams&, int, cudaStream_t)) {
    const ByteMatrix weights = {gemm.b, static_cast<int64_t>(gemm.num_experts) * gemm.n, gemm.k};
    const ByteMatrix tokens = {gemm.a, gemm.num_rows, gemm.k};
    PlainParams params = {};
    params.weight_map = map_boxes(weights, kPlainColumns);
    params.token_map = map_boxes(tokens, kPlainBlockRows / cluster);
    params.token_scales = gemm.a_scale;
    params.weight_scales = gemm.b_scale;
    params.d = gemm.d;
    params.offsets = gemm.offsets;
    params.num_experts = gemm.num_experts;
    params.n = gemm.n;
    params.num_blocks = gemm.k / kBlockWidth;
    params.units_across = Divisor::of(gemm.n / (kPlainColumns * cluster));
    params.is_specialized = policy == GemmPolicy::kExpertSpecialized;
    kernel(params, launch.num_sms, launch.stream);
}

}  // namespace

// Nothing is prepared on the device.
size_t workspace_bytes(int, int) {
    return 0;
}

void launch_choice(const TileChoice& choice,
                   GemmPolicy policy,
                   const GroupedGemm& gemm,
                   const GemmLaunch& launch) {
    switch (choice.kernel) {
        case TileKernel::kSwapped32:
            run_swapped(choice, policy, gemm, launch, 32, 8, &launch_swapped_32);
            return;
        case TileKernel::kSwapped64:
            run_swapped(choice, policy, gemm, launch, 64, 64, &launch_swapped_64);
            return;
        case TileKernel::kSwapped64Wide:
            run_swapped(choice, policy, gemm, launch, 64, 128, &launch_swapped_64_wide);
            return;
        case TileKernel::kSwapped128:
            run_swapped(choice, policy, gemm, launch, 128, 64, &launch_swapped_128);
            return;
        case TileKernel::kPlain:
            run_plain(policy, gemm, launch, 1, &launch_plain);
            return;
        case TileKernel::kPlainCluster:
            if (!has_clusters(gemm)) {
                run_plain(policy, gemm, launch, 1, &launch_plain);
            } else {
                run_plain(policy, gemm, launch, 2, &launch_plain_cluster);
            }
            return;
    }
    throw Error(MOETOP_ERROR_INTERNAL, "no such tile kernel");
}

void launch(GemmPolicy policy, const GroupedGemm& gemm, const GemmLaunch& launch) {
    launch_choice(choose_tiles(shape_of(gemm, launch)), policy, gemm, launch);
}

}  // namespace moetop::native
