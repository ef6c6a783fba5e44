// The FP8 block-scaled grouped GEMM of one stage, behind one call for every kernel family and
// policy.
//
// For each expert e with rows [offsets[e], offsets[e+1]):
//   d[rows, n] = (a[rows, k] x b[e, n, k]^T), bf16, accumulated in fp32 with the scales
//   a_scale[row, k/128] and b_scale[e, n/128, k/128] applied to each 128-wide block of k.
// n and k are multiples of 128. Rows are sorted by expert and not padded; experts may have no rows.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "moetop.h"

namespace moetop {

enum class GemmFamily { kCutlass = MOETOP_KERNELS_CUTLASS, kNative = MOETOP_KERNELS_NATIVE };

// What expert specialization (ES) switches: one tile shape for all experts, or a shape for each
// expert by its number of rows.
enum class GemmPolicy { kGeneric = 0, kExpertSpecialized = 1 };

enum class EsLaunch { kPdl = MOETOP_ES_LAUNCH_PDL, kStreams = MOETOP_ES_LAUNCH_STREAMS };

// A tile that hangs over the end of n or of the rows reads the scales there, too, though not what
// they belong to, and drops the result. Behind the last expert these reads must meet memory: both
// scale arrays are followed by this many rows of k/128 floats. (CUTLASS predicates these copies,
// but its predicate lets the overhang in the weights' scales pass.)
constexpr int kScaleOverhangRows = 256;

// All pointers are on the device.
struct GroupedGemm {
    int num_experts;
    int num_rows;  // of all experts together
    int n;
    int k;
    const uint8_t* a;        // e4m3 [num_rows, k]
    const float* a_scale;    // [num_rows, k/128]
    const uint8_t* b;        // e4m3 [num_experts, n, k]
    const float* b_scale;    // [num_experts, n/128, k/128]
    __nv_bfloat16* d;        // [num_rows, n]
    const int32_t* offsets;  // [num_experts + 1], complete before the kernel in front starts
    // gemm_workspace_bytes(), 256-byte aligned, this GEMM's own, zeros before its first launch.
    void* workspace;
};

// What kernels are chosen by. GPUs of one compute capability and number of SMs differ in their L2.
struct GemmDevice {
    int num_sms;
    int l2_bytes;
};

// Throws Error.
GemmDevice gemm_device(int device);

// Where and how to launch. The side streams and events serve EsLaunch::kStreams, which forks from
// stream and joins it again; both forms can be captured into a graph.
struct GemmLaunch {
    cudaStream_t stream;
    // Whether the GEMM may start while the kernel in front of it still runs: it then reads offsets
    // and weights at once, and waits with all else. Native only; CUTLASS's kernels never do.
    bool starts_early;
    GemmDevice device;
    EsLaunch es_launch;
    cudaStream_t side_streams[2];
    cudaEvent_t fork;
    cudaEvent_t join[2];
};

// What a policy chooses its tile classes by.
struct GemmShape {
    int num_experts;
    int num_rows;  // of all experts together
    int n;
    int k;
    GemmDevice device;
};

// Bytes of workspace that one GEMM of either policy needs.
size_t gemm_workspace_bytes(GemmFamily family, int num_experts, int num_sms);

// Whether the family is in this build and runs on this device; the reason is for people.
bool gemm_supported(GemmFamily family, int compute_major, int compute_minor, const char** reason);

// Enqueues the GEMM on launch.stream; neither allocates nor synchronises. Throws moetop::Error.
void launch_grouped_gemm(GemmFamily family,
                         GemmPolicy policy,
                         const GroupedGemm& gemm,
                         const GemmLaunch& launch);

// The classes that launch_grouped_gemm() takes for this shape, in the order in which an expert is
// matched. Fills classes up to capacity, all but struct_size, and returns how many there are.
// Throws moetop::Error.
int describe_gemm_tiles(GemmFamily family,
                        GemmPolicy policy,
                        const GemmShape& shape,
                        moetop_tile_class* classes,
                        int capacity);

// What people call a family's kernel, such as "cutlass 256x32 swapped", by the name that the
// compiler gave it; empty for a kernel whose own name is good enough.
std::string gemm_kernel_name(const char* mangled);

}  // namespace moetop
