#include "gemm/native/family.h"

#include <cstdio>
#include <cstring>
#include <optional>

#include "common/error.h"
#include "gemm/native/kernels.h"
#include "gemm/native/tensor_map.h"

namespace moetop::native {
namespace {

// The swapped kernel of a choice; nothing if it is a plain one.
std::optional<SwappedOps> swapped_ops_of(TileKernel kernel) {
    switch (kernel) {
        case TileKernel::kSwapped32:
            return swapped_32();
        case TileKernel::kSwapped64:
            return swapped_64();
        case TileKernel::kSwapped128:
            return swapped_128();
        case TileKernel::kPlain:
        case TileKernel::kPlainPair:
            break;
    }
    return std::nullopt;
}

// The plain kernel of a choice, or the one without a cluster where n is not a multiple of its
// cluster's columns.
PlainOps plain_ops_of(TileKernel kernel, const GemmShape& shape) {
    const bool has_whole_laps = shape.k % (kPlainLapBlocks * kBlockWidth) == 0;
    if (kernel == TileKernel::kPlainPair) {
        const PlainOps pair = plain_pair(has_whole_laps);
        if (shape.n % (pair.columns * pair.cluster) == 0)
            return pair;
    }
    return plain(has_whole_laps);
}

GemmShape shape_of(const GroupedGemm& gemm, const GemmLaunch& launch) {
    return {gemm.num_experts, gemm.num_rows, gemm.n, gemm.k, launch.device};
}

ByteMatrix weights_of(const GroupedGemm& gemm) {
    return {gemm.b, static_cast<int64_t>(gemm.num_experts) * gemm.n, gemm.k};
}

ByteMatrix tokens_of(const GroupedGemm& gemm) {
    return {gemm.a, gemm.num_rows, gemm.k};
}

ByteMatrix results_of(const GroupedGemm& gemm) {
    return {gemm.d, gemm.num_rows, gemm.n * static_cast<int64_t>(sizeof(__nv_bfloat16))};
}

// What both kernels' parameters share.
template <typename Params>
Params make_params(GemmPolicy policy, const GroupedGemm& gemm) {
    Params params = {};
    params.token_scales = gemm.a_scale;
    params.weight_scales = gemm.b_scale;
    params.offsets = gemm.offsets;
    params.num_experts = gemm.num_experts;
    params.n = gemm.n;
    params.num_blocks = gemm.k / kBlockWidth;
    params.is_specialized = policy == GemmPolicy::kExpertSpecialized;
    return params;
}

void launch_swapped(const SwappedOps& ops,
                    const TileChoice& choice,
                    GemmPolicy policy,
                    const GroupedGemm& gemm,
                    const GemmLaunch& launch) {
    auto params = make_params<SwappedParams>(policy, gemm);
    params.d = gemm.d;
    params.weight_map = map_grouped_boxes(weights_of(gemm), ops.rows, kSwappedBlocksPerStage);
    for (int width = kWidthStep; width <= kNumWidths * kWidthStep; width += kWidthStep) {
        params.token_maps[width_index(width)] =
            map_block_boxes(tokens_of(gemm), width, kSwappedBlocksPerStage);
    }
    params.units_across = Divisor::of(gemm.n / ops.rows);
    params.tile_tokens = params.is_specialized
                             ? ops.max_tokens
                             : generic_width(choice.kernel, shape_of(gemm, launch));
    params.evicts_weights_first = choice.evicts_weights_first;
    ops.launch(params, launch.device.num_sms, {launch.stream, launch.starts_early});
}

void launch_plain(const PlainOps& ops,
                  GemmPolicy policy,
                  const GroupedGemm& gemm,
                  const GemmLaunch& launch) {
    auto params = make_params<PlainParams>(policy, gemm);
    params.weight_map = map_block_boxes(weights_of(gemm), ops.columns, 1);
    params.token_map = map_clipped_boxes(tokens_of(gemm), kPlainBlockRows / ops.cluster, 1);
    params.result_map =
        map_clipped_boxes(results_of(gemm), kPlainStoreRows, ops.columns / kPlainStoreColumns);
    params.counters = static_cast<uint32_t*>(gemm.workspace);
    params.units_across = gemm.n / (ops.columns * ops.cluster);
    ops.launch(params, launch.device.num_sms, {launch.stream, launch.starts_early});
}

// The name has the rows of w first, as those are on wgmma's m side.
std::string tile_name(const SwappedOps& ops, int tile_rows) {
    return std::to_string(ops.rows) + "x" + std::to_string(tile_rows) + " swapped";
}

std::string tile_name(const PlainOps& ops, int tile_rows) {
    return std::to_string(tile_rows) + "x" + std::to_string(ops.columns) +
           (ops.cluster == 1 ? "" : " pair");
}

// Fills in the classes of one policy, one after the other.
class ClassList {
  public:
    ClassList(moetop_tile_class* classes, int capacity) : classes_(classes), capacity_(capacity) {}
    int count() const { return count_; }

    void add(char letter, int max_rows, int tile_rows, int row_step, const SwappedOps& ops) {
        add(letter,
            max_rows,
            tile_rows,
            row_step,
            ops.rows,
            ops.stages,
            1,
            ops.warpgroups,
            tile_name(ops, tile_rows));
    }
    void add(char letter, int max_rows, int tile_rows, int row_step, const PlainOps& ops) {
        add(letter,
            max_rows,
            tile_rows,
            row_step,
            ops.columns,
            ops.stages,
            ops.cluster,
            ops.warpgroups,
            tile_name(ops, tile_rows));
    }

  private:
    void add(char letter,
             int max_rows,
             int tile_rows,
             int row_step,
             int columns,
             int stages,
             int cluster,
             int warpgroups,
             const std::string& name) {
        const int place = count_++;
        if (place >= capacity_)
            return;
        moetop_tile_class& out = classes_[place];
        std::snprintf(out.letter, sizeof(out.letter), "%c", letter);
        out.max_rows = max_rows;
        out.tile_rows = tile_rows;
        out.row_step = row_step;
        out.tile_columns = columns;
        out.stages = stages;
        out.cluster = cluster;
        out.split_k = 1;
        out.warpgroups = warpgroups;
        std::snprintf(out.name, sizeof(out.name), "%s", name.c_str());
    }

    moetop_tile_class* const classes_;
    const int capacity_;
    int count_ = 0;
};

void describe_swapped(const SwappedOps& ops, GemmPolicy policy, int generic, ClassList& list) {
    if (policy == GemmPolicy::kGeneric) {
        list.add('G', 0, generic, generic, ops);
        return;
    }
    for (int width = kWidthStep; width <= ops.max_tokens; width += kWidthStep) {
        const bool is_last = width == ops.max_tokens;
        // The last takes more in several units, the rest of them in a unit as narrow as will do.
        list.add(static_cast<char>('A' + width_index(width)),
                 is_last ? 0 : width,
                 width,
                 is_last ? kWidthStep : width,
                 ops);
    }
}

void describe_plain(const PlainOps& ops, GemmPolicy policy, ClassList& list) {
    if (policy == GemmPolicy::kGeneric) {
        list.add('G', 0, ops.tile_tokens, ops.tile_tokens, ops);
        return;
    }
    constexpr const char* kLetters = "SML";
    for (int groups = 1; groups <= ops.warpgroups; ++groups) {
        const int rows = groups * kPlainBlockRows;
        list.add(
            kLetters[groups - 1], groups == ops.warpgroups ? 0 : rows, rows, kPlainBlockRows, ops);
    }
}

bool is_named(const void* function, const char* mangled) {
    const char* name = nullptr;
    MOETOP_CHECK_CUDA(cudaFuncGetName(&name, function));
    return std::strcmp(name, mangled) == 0;
}

}  // namespace

// The plain kernel's counters.
size_t workspace_bytes(int, int) {
    return 2 * sizeof(uint32_t);
}

void launch_choice(const TileChoice& choice,
                   GemmPolicy policy,
                   const GroupedGemm& gemm,
                   const GemmLaunch& launch) {
    if (const auto swapped = swapped_ops_of(choice.kernel)) {
        launch_swapped(*swapped, choice, policy, gemm, launch);
    } else {
        launch_plain(plain_ops_of(choice.kernel, shape_of(gemm, launch)), policy, gemm, launch);
    }
}

void launch(GemmPolicy policy, const GroupedGemm& gemm, const GemmLaunch& launch) {
    launch_choice(choose_tiles(shape_of(gemm, launch)), policy, gemm, launch);
}

int describe_tiles(GemmPolicy policy,
                   const GemmShape& shape,
                   moetop_tile_class* classes,
                   int capacity) {
    const TileChoice choice = choose_tiles(shape);
    ClassList list(classes, capacity);
    if (const auto swapped = swapped_ops_of(choice.kernel)) {
        describe_swapped(*swapped, policy, generic_width(choice.kernel, shape), list);
    } else {
        describe_plain(plain_ops_of(choice.kernel, shape), policy, list);
    }
    return list.count();
}

std::string kernel_name(const char* mangled) {
    for (const SwappedOps& ops : {swapped_32(), swapped_64(), swapped_128()}) {
        if (is_named(ops.function, mangled))
            return "native " + tile_name(ops, ops.max_tokens);
    }
    for (const bool has_whole_laps : {true, false}) {
        for (const PlainOps& ops : {plain(has_whole_laps), plain_pair(has_whole_laps)}) {
            if (is_named(ops.function, mangled))
                return "native " + tile_name(ops, ops.tile_tokens);
        }
    }
    return "";
}

}  // namespace moetop::native
