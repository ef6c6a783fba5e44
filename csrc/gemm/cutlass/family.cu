#include "gemm/cutlass/family.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <cstring>

#include "common/error.h"
#include "gemm/cutlass/tile.h"

namespace moetop::cutlass_family {
namespace {

// A class takes the experts with at most max_rows rows that no class before it took.
struct TileClass {
    char letter;
    int max_rows;
    TileOps ops;
};

constexpr int kMaxClasses = 3;

struct Plan {
    TileClass classes[kMaxClasses];
    int num_classes;
};

// Up to this many rows of all experts together the generic policy takes its small tile. The bounds
// here and below are sglang's for Hopper parts other than the H20.
constexpr int kGenericSmallRows = 2048;

Plan make_plan(GemmPolicy policy, int num_rows) {
    if (policy == GemmPolicy::kExpertSpecialized) {
        return {{{'S', 32, swapped_256x32_cooperative()},
                 {'M', 64, swapped_256x64_cooperative()},
                 {'L', INT_MAX, plain_128x128_cooperative()}},
                3};
    }
    const bool is_small = num_rows <= kGenericSmallRows;
    return {{{'G', INT_MAX, is_small ? swapped_128x32_pingpong() : plain_128x128_cooperative()}},
            1};
}

// The workspace: the problem table, a list of shapes for each class, and each class's scratch.
struct Workspace {
    ProblemTable table;
    ProblemShape* shapes[kMaxClasses];
    void* scratch[kMaxClasses];
    size_t bytes;
};

std::array<TileOps, 4> all_tiles() {
    return {swapped_128x32_pingpong(),
            swapped_256x32_cooperative(),
            swapped_256x64_cooperative(),
            plain_128x128_cooperative()};
}

// The product as the tensor core sees it: with swapped operands the columns come first.
std::string tile_name(const TileOps& ops) {
    const std::string rows = std::to_string(ops.rows);
    const std::string columns = std::to_string(ops.columns);
    return ops.swapped ? columns + "x" + rows + " swapped" : rows + "x" + columns;
}

size_t max_scratch_bytes(int num_experts, int num_sms) {
    size_t bytes = 0;
    for (const TileOps& ops : all_tiles()) {
        bytes = std::max(bytes, ops.scratch_bytes(num_experts, num_sms));
    }
    return bytes;
}

Workspace carve(void* base, int num_experts, int num_sms) {
    constexpr size_t kAlignment = 256;
    Workspace space{};
    auto take = [&](auto*& pointer, size_t bytes) {
        using Pointer = std::remove_reference_t<decltype(pointer)>;
        pointer = reinterpret_cast<Pointer>(static_cast<char*>(base) + space.bytes);
        space.bytes += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    };
    const size_t num = static_cast<size_t>(num_experts);
    ProblemTable& table = space.table;
    take(table.a, num * sizeof(*table.a));
    take(table.b, num * sizeof(*table.b));
    take(table.a_scale, num * sizeof(*table.a_scale));
    take(table.b_scale, num * sizeof(*table.b_scale));
    take(table.d, num * sizeof(*table.d));
    take(table.operand_stride, num * sizeof(*table.operand_stride));
    take(table.output_stride, num * sizeof(*table.output_stride));
    const size_t scratch = max_scratch_bytes(num_experts, num_sms);
    for (int c = 0; c < kMaxClasses; ++c) {
        take(space.shapes[c], num * sizeof(ProblemShape));
        take(space.scratch[c], scratch);
    }
    return space;
}

struct PrepareParams {
    GroupedGemm gemm;
    ProblemTable table;
    ProblemShape* shapes[kMaxClasses];
    int max_rows[kMaxClasses];
    bool swapped[kMaxClasses];
    int num_classes;
};

// One thread an expert: no list needs a scan, because an expert outside a class stands in its list
// with an empty shape, which the tile kernels step over.
__global__ void prepare_problems(const __grid_constant__ PrepareParams params) {
    const int expert = blockIdx.x * blockDim.x + threadIdx.x;
    const GroupedGemm& gemm = params.gemm;
    if (expert >= gemm.num_experts)
        return;
    const int64_t first = gemm.offsets[expert];
    const int rows = gemm.offsets[expert + 1] - static_cast<int>(first);
    const int64_t n = gemm.n;
    const int64_t k = gemm.k;

    params.table.a[expert] = gemm.a + first * k;
    params.table.b[expert] = gemm.b + expert * n * k;
    params.table.a_scale[expert] = gemm.a_scale + first * (k / 128);
    params.table.b_scale[expert] = gemm.b_scale + expert * (n / 128) * (k / 128);
    params.table.d[expert] = gemm.d + first * n;
    params.table.operand_stride[expert] = k;
    params.table.output_stride[expert] = n;

    bool is_taken = rows == 0;
#pragma unroll
    for (int c = 0; c < kMaxClasses; ++c) {
        if (c >= params.num_classes)
            break;
        ProblemShape shape{0, 0, 0};
        if (!is_taken && rows <= params.max_rows[c]) {
            is_taken = true;
            shape = params.swapped[c] ? ProblemShape{gemm.n, rows, gemm.k}
                                      : ProblemShape{rows, gemm.n, gemm.k};
        }
        params.shapes[c][expert] = shape;
    }
}

void launch_prepare(const Plan& plan,
                    const GroupedGemm& gemm,
                    const Workspace& space,
                    cudaStream_t stream) {
    PrepareParams params{};
    params.gemm = gemm;
    params.table = space.table;
    params.num_classes = plan.num_classes;
    for (int c = 0; c < plan.num_classes; ++c) {
        params.shapes[c] = space.shapes[c];
        params.max_rows[c] = plan.classes[c].max_rows;
        params.swapped[c] = plan.classes[c].ops.swapped;
    }
    constexpr int kThreads = 256;
    const int num_blocks = (gemm.num_experts + kThreads - 1) / kThreads;
    prepare_problems<<<num_blocks, kThreads, 0, stream>>>(params);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

// The class that takes an expert of mean rows.
int mean_class(const Plan& plan, const GroupedGemm& gemm) {
    int c = 0;
    while (gemm.num_rows > static_cast<int64_t>(plan.classes[c].max_rows) * gemm.num_experts) {
        ++c;
    }
    return c;
}

ChainLink link(bool is_chained, int position) {
    if (!is_chained)
        return ChainLink::kNone;
    return position == 0 ? ChainLink::kFirst : ChainLink::kLater;
}

}  // namespace

void fail(const char* step, const char* status) {
    const cudaError_t error = cudaGetLastError();
    throw Error(MOETOP_ERROR_CUDA,
                std::string("cutlass grouped gemm, ") + step + ": " + status + ", " +
                    cudaGetErrorString(error));
}

size_t workspace_bytes(int num_experts, int num_sms) {
    return carve(nullptr, num_experts, num_sms).bytes;
}

void launch(GemmPolicy policy, const GroupedGemm& gemm, const GemmLaunch& launch) {
    const Plan plan = make_plan(policy, gemm.num_rows);
    const Workspace space = carve(gemm.workspace, gemm.num_experts, launch.device.num_sms);
    launch_prepare(plan, gemm, space, launch.stream);

    // Several classes either follow each other by programmatic dependent launch or fork into
    // streams of their own. They share nothing but the table, so any order and overlap is right.
    // Forked, the class that has most to do comes first, as far as the mean tells: behind kernels
    // that find their lists empty it would get its SMs late, and its tiles are dealt beforehand.
    const bool is_forked = plan.num_classes > 1 && launch.es_launch == EsLaunch::kStreams;
    const bool is_chained = plan.num_classes > 1 && launch.es_launch == EsLaunch::kPdl;
    if (is_forked)
        MOETOP_CHECK_CUDA(cudaEventRecord(launch.fork, launch.stream));
    const int first = is_forked ? mean_class(plan, gemm) : 0;
    for (int position = 0; position < plan.num_classes; ++position) {
        const int c = (first + position) % plan.num_classes;
        const bool is_side = is_forked && position > 0;
        const cudaStream_t stream = is_side ? launch.side_streams[position - 1] : launch.stream;
        if (is_side)
            MOETOP_CHECK_CUDA(cudaStreamWaitEvent(stream, launch.fork));
        plan.classes[c].ops.launch({space.table,
                                    space.shapes[c],
                                    gemm.num_experts,
                                    launch.device.num_sms,
                                    space.scratch[c],
                                    stream,
                                    link(is_chained, position)});
        if (is_side)
            MOETOP_CHECK_CUDA(cudaEventRecord(launch.join[position - 1], stream));
    }
    for (int side = 0; is_forked && side < plan.num_classes - 1; ++side) {
        MOETOP_CHECK_CUDA(cudaStreamWaitEvent(launch.stream, launch.join[side]));
    }
}

int describe_tiles(GemmPolicy policy,
                   const GemmShape& shape,
                   moetop_tile_class* classes,
                   int capacity) {
    const Plan plan = make_plan(policy, shape.num_rows);
    for (int c = 0; c < std::min(capacity, plan.num_classes); ++c) {
        const TileClass& tile_class = plan.classes[c];
        const TileOps& ops = tile_class.ops;
        moetop_tile_class& out = classes[c];
        std::snprintf(out.letter, sizeof(out.letter), "%c", tile_class.letter);
        out.max_rows = tile_class.max_rows == INT_MAX ? 0 : tile_class.max_rows;
        out.tile_rows = ops.rows;
        out.row_step = ops.rows;
        out.tile_columns = ops.columns;
        out.stages = ops.stages;
        out.cluster = ops.cluster;
        out.split_k = 1;
        out.warpgroups = ops.warpgroups;
        std::snprintf(out.name, sizeof(out.name), "%s", tile_name(ops).c_str());
    }
    return plan.num_classes;
}

std::string kernel_name(const char* mangled) {
    for (const TileOps& ops : all_tiles()) {
        const char* name = nullptr;
        MOETOP_CHECK_CUDA(cudaFuncGetName(&name, ops.function));
        if (std::strcmp(name, mangled) == 0)
            return "cutlass " + tile_name(ops);
    }
    return "";
}

}  // namespace moetop::cutlass_family
