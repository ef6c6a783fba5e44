// Tensor maps for the copy engine, made on the host: they depend on pointers and shapes alone, so
// one map serves all experts, and nothing is prepared on the device.
#pragma once

#include <cuda.h>

#include <cstdint>

namespace moetop::native {

// A matrix of bytes, [rows, columns] row-major. Columns are a multiple of 128 and the base is
// 16-byte aligned. Boxes of it have the 128-byte swizzle; what they have beyond its end reads as
// zeros.
struct ByteMatrix {
    const void* base;
    int64_t rows;
    int64_t columns;
};

// box_rows x box_blocks blocks of 128 bytes, block by block; coordinates {0, row, block}.
CUtensorMap map_block_boxes(const ByteMatrix& matrix, int box_rows, int box_blocks);

// The same in groups of eight rows, in shared memory [group][block][8 rows][128]: one box of a
// stage's blocks with which a wgmma descriptor can still step from group to group. Rows are a
// multiple of eight; coordinates {0, 0, block, row/8}.
CUtensorMap map_grouped_boxes(const ByteMatrix& matrix, int box_rows, int box_blocks);

// Like map_block_boxes(), clipped at a row of each copy's choice; coordinates as clipped_boxes.h
// has them.
CUtensorMap map_clipped_boxes(const ByteMatrix& matrix, int box_rows, int box_blocks);

}  // namespace moetop::native
