// A grouped FP8 GEMM with block scales of one tile shape, made from the CUTLASS 3.x collectives.
// This is the configuration that sglang deploys: e4m3 operands, fp32 accumulation promoted with the
// scales after each 128-wide block of k, bf16 output, one persistent kernel over all experts.
#pragma once

#include "cute/tensor.hpp"
#include "cutlass/arch/grid_dependency_control.h"
#include "cutlass/cutlass.h"
#include "cutlass/detail/blockwise_scale_layout.hpp"
#include "cutlass/epilogue/collective/collective_builder.hpp"
#include "cutlass/epilogue/dispatch_policy.hpp"
#include "cutlass/epilogue/fusion/sm90_callbacks_tma_warpspecialized.hpp"
#include "cutlass/gemm/collective/collective_builder.hpp"
#include "cutlass/gemm/device/gemm_universal_adapter.h"
#include "cutlass/gemm/dispatch_policy.hpp"
#include "cutlass/gemm/group_array_problem_shape.hpp"
#include "cutlass/gemm/kernel/gemm_universal.hpp"
#include "gemm/cutlass/tile.h"

namespace moetop::cutlass_family {

// Two consumer warpgroups either share a tile (cooperative) or take tiles in turn (ping-pong).
struct Cooperative {
    using Mainloop = cutlass::gemm::KernelPtrArrayTmaWarpSpecializedCooperativeFP8Blockwise;
    using Epilogue = cutlass::epilogue::PtrArrayTmaWarpSpecializedCooperative;
};
struct Pingpong {
    using Mainloop = cutlass::gemm::KernelPtrArrayTmaWarpSpecializedPingpongFP8Blockwise;
    using Epilogue = cutlass::epilogue::PtrArrayTmaWarpSpecializedPingpong;
};

// Which operand stands on which side, and with which scale granularity. Both scale tensors have k
// contiguous.
struct Swapped {
    static constexpr bool kSwapped = true;
    using LayoutD = cutlass::layout::ColumnMajor;
    using Scales = cutlass::detail::
        Sm90BlockwiseScaleConfig<128, 1, 128, cute::GMMA::Major::K, cute::GMMA::Major::K>;
};
struct Plain {
    static constexpr bool kSwapped = false;
    using LayoutD = cutlass::layout::RowMajor;
    using Scales = cutlass::detail::
        Sm90BlockwiseScaleConfig<1, 128, 128, cute::GMMA::Major::K, cute::GMMA::Major::K>;
};

// A link in a chain of programmatic dependent launches. Grouped kernels of this CUTLASS neither
// wait for the grid ahead nor let the next one in, so a dependent launch of them could read the
// problem table before it is written. The first link waits for the table. The links share nothing,
// so each lets the next one in at once, which then fills the SMs as they fall free; and each of
// them waits at its end, so that the last link is complete only when all are. Launched without the
// attribute, all of this costs nothing.
template <class Base>
struct ChainedKernel : Base {
    struct Arguments : Base::Arguments {
        bool is_first;
    };
    struct Params : Base::Params {
        bool is_first;
    };

    static Params to_underlying_arguments(const Arguments& args, void* workspace) {
        return {Base::to_underlying_arguments(args, workspace), args.is_first};
    }

    CUTLASS_DEVICE void operator()(const Params& params, char* smem) {
        if (params.is_first)
            cutlass::arch::wait_on_dependent_grids();
        cutlass::arch::launch_dependent_grids();
        Base::operator()(params, smem);
        if (!params.is_first)
            cutlass::arch::wait_on_dependent_grids();
    }
};

template <class Sides, class TileShape, class ClusterShape, class Schedule>
struct TileKernel {
    using Operand = cutlass::float_e4m3_t;
    using Output = cutlass::bfloat16_t;
    using Accumulator = float;
    using LayoutScaleA = decltype(Sides::Scales::deduce_layoutSFA());
    using LayoutScaleB = decltype(Sides::Scales::deduce_layoutSFB());
    static constexpr int kOperandAlignment = 16;  // elements of a 16-byte TMA granule
    static constexpr int kOutputAlignment = 8;

    // The accumulator is rounded and stored as it is; there is no C operand.
    using Identity = cutlass::epilogue::fusion::Sm90EVT<
        cutlass::epilogue::fusion::Sm90Compute<cutlass::epilogue::thread::Identity,
                                               Output,
                                               Accumulator,
                                               cutlass::FloatRoundStyle::round_to_nearest>,
        cutlass::epilogue::fusion::Sm90AccFetch>;

    using Epilogue = typename cutlass::epilogue::collective::CollectiveBuilder<
        cutlass::arch::Sm90,
        cutlass::arch::OpClassTensorOp,
        TileShape,
        ClusterShape,
        cutlass::epilogue::collective::EpilogueTileAuto,
        Accumulator,
        Accumulator,
        void,
        typename Sides::LayoutD*,
        kOutputAlignment,
        Output,
        typename Sides::LayoutD*,
        kOutputAlignment,
        typename Schedule::Epilogue,
        Identity>::CollectiveOp;

    using Mainloop = typename cutlass::gemm::collective::CollectiveBuilder<
        cutlass::arch::Sm90,
        cutlass::arch::OpClassTensorOp,
        Operand,
        cute::tuple<cutlass::layout::RowMajor*, LayoutScaleA*>,
        kOperandAlignment,
        Operand,
        cute::tuple<cutlass::layout::ColumnMajor*, LayoutScaleB*>,
        kOperandAlignment,
        Accumulator,
        TileShape,
        ClusterShape,
        cutlass::gemm::collective::StageCountAutoCarveout<static_cast<int>(
            sizeof(typename Epilogue::SharedStorage))>,
        typename Schedule::Mainloop>::CollectiveOp;

    using Shapes = cutlass::gemm::GroupProblemShape<cute::Shape<int, int, int>>;
    using Kernel =
        ChainedKernel<cutlass::gemm::kernel::GemmUniversal<Shapes, Mainloop, Epilogue, void>>;
    using Gemm = cutlass::gemm::device::GemmUniversalAdapter<Kernel>;

    static_assert(sizeof(ProblemShape) == sizeof(typename Shapes::UnderlyingProblemShape),
                  "the problem table's shapes are what CUTLASS reads");
    static_assert(sizeof(typename Kernel::InternalStrideA) == sizeof(int64_t) &&
                      sizeof(typename Kernel::InternalStrideB) == sizeof(int64_t) &&
                      sizeof(typename Kernel::InternalStrideD) == sizeof(int64_t),
                  "one 64-bit number a stride, as the problem table has it");

    static typename Kernel::Arguments arguments(const TileLaunch& launch) {
        const ProblemTable& table = launch.table;
        const uint8_t** lhs = Sides::kSwapped ? table.b : table.a;
        const uint8_t** rhs = Sides::kSwapped ? table.a : table.b;
        const float** lhs_scale = Sides::kSwapped ? table.b_scale : table.a_scale;
        const float** rhs_scale = Sides::kSwapped ? table.a_scale : table.b_scale;
        using StrideA = typename Kernel::InternalStrideA;
        using StrideB = typename Kernel::InternalStrideB;
        using StrideD = typename Kernel::InternalStrideD;

        cutlass::KernelHardwareInfo hardware;
        hardware.device_id = 0;  // only used to look up the SM count, which is given
        hardware.sm_count = launch.num_sms;
        // The scale layouts follow from the problem shape; the kernel does not read the arrays.
        return {{cutlass::gemm::GemmUniversalMode::kGrouped,
                 {launch.num_experts,
                  reinterpret_cast<typename Shapes::UnderlyingProblemShape*>(
                      const_cast<ProblemShape*>(launch.shapes)),
                  nullptr},
                 {reinterpret_cast<const Operand**>(lhs),
                  reinterpret_cast<StrideA*>(table.operand_stride),
                  reinterpret_cast<const Operand**>(rhs),
                  reinterpret_cast<StrideB*>(table.operand_stride),
                  lhs_scale,
                  nullptr,
                  rhs_scale,
                  nullptr},
                 {{},
                  nullptr,
                  nullptr,
                  reinterpret_cast<Output**>(table.d),
                  reinterpret_cast<StrideD*>(table.output_stride)},
                 hardware},
                launch.chain != ChainLink::kLater};
    }

    static void check(cutlass::Status status, const char* what) {
        if (status == cutlass::Status::kSuccess)
            return;
        fail(what, cutlassGetStatusString(status));
    }

    static size_t scratch_bytes(int num_experts, int num_sms) {
        TileLaunch launch{};
        launch.num_experts = num_experts;
        launch.num_sms = num_sms;
        return Gemm::get_workspace_size(arguments(launch));
    }

    static void launch(const TileLaunch& launch) {
        Gemm gemm;
        const auto args = arguments(launch);
        check(gemm.can_implement(args), "shape");
        check(gemm.initialize(args, launch.scratch, launch.stream), "initialize");
        check(gemm.run(launch.stream, nullptr, launch.chain != ChainLink::kNone), "launch");
    }

    static TileOps ops() {
        const int m = cute::size<0>(TileShape{});
        const int n = cute::size<1>(TileShape{});
        TileOps ops{};
        ops.swapped = Sides::kSwapped;
        ops.rows = Sides::kSwapped ? n : m;
        ops.columns = Sides::kSwapped ? m : n;
        ops.stages = Mainloop::DispatchPolicy::Stages;
        ops.cluster = cute::size(ClusterShape{});
        ops.warpgroups = static_cast<int>(Kernel::NumMmaWarpGroups);
        ops.function = reinterpret_cast<const void*>(&cutlass::device_kernel<Kernel>);
        ops.scratch_bytes = &scratch_bytes;
        ops.launch = &launch;
        return ops;
    }
};

}  // namespace moetop::cutlass_family
