// Native test of the clipped boxes' addresses, against what the copy engine makes of coordinates;
// needs neither a GPU nor CUDA.
#include "gemm/native/clipped_boxes.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>

namespace {

using namespace moetop::native;

int num_failures = 0;

// Where the engine finds a box's row, in bytes behind the matrix's begin; nothing where a
// coordinate is out of bounds. Addresses have 64 bits.
std::optional<uint64_t> address(const ClippedShape& shape,
                                const ClippedPlace& place,
                                int row_of_box,
                                int block) {
    const std::array<int64_t, 5> coordinates = {
        0, int64_t{place.row} + row_of_box, block, place.end, kClipRow};
    uint64_t sum = 0;
    for (size_t i = 0; i < coordinates.size(); ++i) {
        if (coordinates[i] < 0 || coordinates[i] >= static_cast<int64_t>(shape.sizes[i]))
            return std::nullopt;
        if (i > 0)
            sum += static_cast<uint64_t>(coordinates[i]) * shape.strides[i - 1];
    }
    return sum;
}

void expect(std::optional<uint64_t> got, std::optional<uint64_t> want, const std::string& what) {
    if (got == want)
        return;
    const auto text = [](std::optional<uint64_t> value) {
        return value ? std::to_string(*value) : "out of bounds";
    };
    ++num_failures;
    std::printf("FAIL %s: %s, want %s\n", what.c_str(), text(got).c_str(), text(want).c_str());
}

// A matrix of so many rows, from each of which a box of box_rows begins, clipped after each number
// of rows that lies inside.
void check_matrix(int rows, int columns, int box_rows) {
    const ClippedShape shape = clipped_shape(static_cast<uint64_t>(rows), columns);
    const int blocks = columns / 128;
    // All near both ends, some in between.
    constexpr int kEndRows = 80;
    const auto next = [&](int first) {
        const bool is_near_end = first < kEndRows || first >= rows - kEndRows;
        return is_near_end ? first + 1 : std::min(first + 997, rows - kEndRows);
    };
    for (int first = 0; first < rows; first = next(first)) {
        for (int num_rows = 1; num_rows <= box_rows && first + num_rows <= rows; ++num_rows) {
            const ClippedPlace place = clipped_place(first, num_rows);
            for (int r = 0; r < box_rows; ++r) {
                const int block = (first + r) % blocks;
                std::optional<uint64_t> want;
                if (r < num_rows)
                    want = static_cast<uint64_t>(first + r) * columns + 128 * block;
                expect(address(shape, place, r, block),
                       want,
                       "row " + std::to_string(r) + " of " + std::to_string(num_rows) + " from " +
                           std::to_string(first) + ", " + std::to_string(rows) + " x " +
                           std::to_string(columns));
                if (num_failures > 20)
                    return;
            }
        }
    }
    // A box that would end behind the matrix has nothing of it, and nothing else either.
    for (int first = rows - box_rows + 1; first < rows + 2 * box_rows; ++first) {
        for (int r = 0; r < box_rows; ++r) {
            expect(address(shape, clipped_place(first, box_rows), r, 0),
                   std::nullopt,
                   "row " + std::to_string(r) + " of a box from " + std::to_string(first) +
                       ", behind " + std::to_string(rows));
        }
    }
}

// What a tensor map takes: strides are multiples of 16 bytes below 2^40, sizes at most 2^32.
void check_limits(uint64_t rows, uint64_t columns) {
    const ClippedShape shape = clipped_shape(rows, columns);
    const std::string what = std::to_string(rows) + " x " + std::to_string(columns);
    for (const uint64_t stride : shape.strides) {
        if (stride % 16 != 0 || stride >= uint64_t{1} << 40)
            expect(stride, std::nullopt, "a stride of " + what);
    }
    for (const uint64_t size : shape.sizes) {
        if (size == 0 || size > uint64_t{1} << 32)
            expect(size, std::nullopt, "a size of " + what);
    }
}

}  // namespace

int main() {
    for (const int box_rows : {64, 32, 16}) {
        check_matrix(64, 128, box_rows);
        check_matrix(1000, 7168, box_rows);
        check_matrix(262144, 256, box_rows);
    }
    check_limits(1, 128);
    check_limits(262144, 2 * 65536);
    if (num_failures > 0)
        return 1;
    std::printf("clipped_boxes_test: ok\n");
    return 0;
}
