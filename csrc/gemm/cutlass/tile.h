// What the planner of the cutlass family needs to know of a tile shape, free of CUTLASS itself:
// each shape is compiled in a file of its own, because one takes over a minute.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace moetop::cutlass_family {

// One expert's product as a tile kernel sees it: m x n x k, all zero for "nothing to do".
struct ProblemShape {
    int32_t m;
    int32_t n;
    int32_t k;
};

// Arrays of num_experts on the device, written by prepare_problems() in front of the tile kernels.
struct ProblemTable {
    const uint8_t** a;
    const uint8_t** b;
    const float** a_scale;
    const float** b_scale;
    __nv_bfloat16** d;
    int64_t* operand_stride;  // k: elements between two rows of a, and of b
    int64_t* output_stride;   // n: elements between two rows of d
};

// A place in a chain of programmatic dependent launches; the one ahead of the first is what writes
// the problem table.
enum class ChainLink { kNone, kFirst, kLater };

struct TileLaunch {
    ProblemTable table;
    const ProblemShape* shapes;  // [num_experts], on the device
    int num_experts;
    int num_sms;
    void* scratch;  // TileOps::scratch_bytes(), for tensor maps
    cudaStream_t stream;
    ChainLink chain;
};

// A tile shape, as its kernel was compiled. With swapped operands the weights stand on the m side
// of the tensor core's product and the tokens on its n side, whose granularity is finer: few tokens
// then waste less.
struct TileOps {
    bool swapped;
    int rows;              // of the batch
    int columns;           // of the output
    int stages;            // of the pipeline through shared memory
    int cluster;           // thread blocks
    int warpgroups;        // of a thread block that multiply
    const void* function;  // the kernel's address on the host
    size_t (*scratch_bytes)(int num_experts, int num_sms);
    void (*launch)(const TileLaunch& launch);
};

// Throws what a step of a launch came to. Declared here and not taken from common/error.h, so that
// a change of the ABI does not compile the tiles anew, which takes minutes.
[[noreturn]] void fail(const char* step, const char* status);

TileOps swapped_128x32_pingpong();
TileOps swapped_256x32_cooperative();
TileOps swapped_256x64_cooperative();
TileOps plain_128x128_cooperative();

}  // namespace moetop::cutlass_family
