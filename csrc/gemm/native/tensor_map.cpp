#include "gemm/native/tensor_map.h"

#include <cuda_runtime.h>

#include <array>
#include <string>

#include "common/error.h"
#include "gemm/native/clipped_boxes.h"

namespace moetop::native {
namespace {

constexpr uint32_t kSwizzleBytes = 128;
constexpr uint32_t kGroupRows = 8;

using EncodeTiled = decltype(&cuTensorMapEncodeTiled);

// By the runtime, so that the library needs no libcuda to link with.
EncodeTiled encode_tiled() {
    static const EncodeTiled function = [] {
        void* entry = nullptr;
        cudaDriverEntryPointQueryResult result = {};
        MOETOP_CHECK_CUDA(cudaGetDriverEntryPointByVersion(
            "cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &result));
        if (result != cudaDriverEntryPointSuccess || entry == nullptr)
            throw Error(MOETOP_ERROR_DEVICE, "the driver has no cuTensorMapEncodeTiled");
        return reinterpret_cast<EncodeTiled>(entry);
    }();
    return function;
}

template <size_t kRank>
CUtensorMap encode(const void* base,
                   const std::array<uint64_t, kRank>& sizes,
                   const std::array<uint64_t, kRank - 1>& strides,
                   const std::array<uint32_t, kRank>& box) {
    std::array<uint32_t, kRank> element_strides;
    element_strides.fill(1);
    CUtensorMap map = {};
    // Promotion to 256-byte sectors in L2 made reading weights 2 to 4.5% slower.
    const CUresult result = encode_tiled()(&map,
                                           CU_TENSOR_MAP_DATA_TYPE_UINT8,
                                           kRank,
                                           const_cast<void*>(base),
                                           sizes.data(),
                                           strides.data(),
                                           box.data(),
                                           element_strides.data(),
                                           CU_TENSOR_MAP_INTERLEAVE_NONE,
                                           CU_TENSOR_MAP_SWIZZLE_128B,
                                           CU_TENSOR_MAP_L2_PROMOTION_NONE,
                                           CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (result != CUDA_SUCCESS) {
        throw Error(MOETOP_ERROR_CUDA,
                    "cuTensorMapEncodeTiled of " + std::to_string(sizes[0]) + " x " +
                        std::to_string(sizes[1]) + ": error " + std::to_string(result));
    }
    return map;
}

}  // namespace

CUtensorMap map_block_boxes(const ByteMatrix& matrix, int box_rows, int box_blocks) {
    const auto columns = static_cast<uint64_t>(matrix.columns);
    return encode<3>(
        matrix.base,
        {kSwizzleBytes, static_cast<uint64_t>(matrix.rows), columns / kSwizzleBytes},
        {columns, kSwizzleBytes},
        {kSwizzleBytes, static_cast<uint32_t>(box_rows), static_cast<uint32_t>(box_blocks)});
}

CUtensorMap map_grouped_boxes(const ByteMatrix& matrix, int box_rows, int box_blocks) {
    const auto columns = static_cast<uint64_t>(matrix.columns);
    return encode<4>(matrix.base,
                     {kSwizzleBytes,
                      kGroupRows,
                      columns / kSwizzleBytes,
                      static_cast<uint64_t>(matrix.rows) / kGroupRows},
                     {columns, kSwizzleBytes, columns * kGroupRows},
                     {kSwizzleBytes,
                      kGroupRows,
                      static_cast<uint32_t>(box_blocks),
                      static_cast<uint32_t>(box_rows) / kGroupRows});
}

CUtensorMap map_clipped_boxes(const ByteMatrix& matrix, int box_rows, int box_blocks) {
    const ClippedShape shape =
        clipped_shape(static_cast<uint64_t>(matrix.rows), static_cast<uint64_t>(matrix.columns));
    return encode<5>(
        matrix.base,
        shape.sizes,
        shape.strides,
        {kSwizzleBytes, static_cast<uint32_t>(box_rows), static_cast<uint32_t>(box_blocks), 1, 1});
}

}  // namespace moetop::native
