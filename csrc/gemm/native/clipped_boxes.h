// Boxes of a matrix of bytes that are clipped at a row of the kernel's choice: what they have from
// there on reads as zeros and is not stored. Free of CUDA, so that a test can count its addresses.
//
// The copy engine clips at a tensor's size and nowhere else. So rows are counted from kClipRow rows
// in front of the end, which makes kClipRow the size for every end; one dimension more moves this
// window to the end, and another, whose stride is kClipRow rows short of 2^64 at coordinate
// kClipRow, takes it back by as much: addresses wrap around. (A base in front of the matrix would
// do as well, but the engine faults if there is no memory.)
//
// Coordinates {0, row, block of 128 bytes, end, kClipRow}.
#pragma once

#include <array>
#include <cstdint>

namespace moetop::native {

constexpr int kClipRow = 1 << 30;

// The tensor map's; strides in bytes, of all dimensions but the first.
struct ClippedShape {
    std::array<uint64_t, 5> sizes;
    std::array<uint64_t, 4> strides;
};

// Columns are bytes, a multiple of 128.
inline ClippedShape clipped_shape(uint64_t rows, uint64_t columns) {
    constexpr uint64_t kBlockBytes = 128;
    constexpr uint64_t kWrap = (uint64_t{1} << 63) / kClipRow * 2;
    return {{kBlockBytes, kClipRow, columns / kBlockBytes, rows + 1, kClipRow + 1},
            {columns, kBlockBytes, columns, kWrap - columns}};
}

// Where a box begins: two of its coordinates.
struct ClippedPlace {
    int row;
    int end;
};

// Of a box that begins at first_row and has num_rows before it is clipped.
constexpr ClippedPlace clipped_place(int first_row, int num_rows) {
    return {kClipRow - num_rows, first_row + num_rows};
}

}  // namespace moetop::native
