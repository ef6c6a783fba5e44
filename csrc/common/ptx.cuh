// The PTX that the kernels of this library use, each instruction behind one function: barriers in
// shared memory (mbarrier), the tensor copy engine (TMA), asynchronous copies, and the FP8 tensor
// core product of a warpgroup (wgmma). All of it needs sm_90a.
//
// Addresses of shared memory are 32-bit (shared_address()). A "phase" is a barrier's parity bit: it
// starts at 0 and flips each time the barrier completes.
#pragma once

#include <cuda.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace moetop::ptx {

__device__ __forceinline__ uint32_t shared_address(const void* pointer) {
    return static_cast<uint32_t>(__cvta_generic_to_shared(pointer));
}

// The GPU's clock, the same on all SMs.
__device__ __forceinline__ uint64_t global_timer_ns() {
    uint64_t ns;
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(ns));
    return ns;
}

// --- Barriers in shared memory ---------------------------------------------------------------

__device__ __forceinline__ void barrier_init(uint32_t barrier, uint32_t count) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(count) : "memory");
}

// Makes initialised barriers visible to the copy engine.
__device__ __forceinline__ void fence_barrier_init() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

__device__ __forceinline__ void barrier_arrive(uint32_t barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// Arrives and announces bytes that the copy engine will deliver.
__device__ __forceinline__ void barrier_arrive_expect(uint32_t barrier, uint32_t bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
                 : "memory");
}

// Returns when the phase with this parity has completed. With a time limit the warp sleeps until
// then; without one it would ask again and again, and take power and issue slots from others.
__device__ __forceinline__ void barrier_wait(uint32_t barrier, uint32_t phase) {
    constexpr uint32_t kLimitNs = 10'000'000;
    uint32_t is_done = 0;
    while (is_done == 0) {
        asm volatile(
            "{\n.reg .pred p;\n"
            "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2, %3;\n"
            "selp.b32 %0, 1, 0, p;\n}\n"
            : "=r"(is_done)
            : "r"(barrier), "r"(phase), "r"(kLimitNs)
            : "memory");
    }
}

// Waits for num_threads threads of the CTA, whole warps, at the barrier id 1..15.
__device__ __forceinline__ void named_barrier(int id, int num_threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(num_threads) : "memory");
}

// Whether this lane is the one of its warp that acts for all. Where the choice is made so, and not
// by the lane's number, ptxas knows that there is one: otherwise it puts a loop over the lanes
// around each bulk copy, which takes 180 cycles.
__device__ __forceinline__ bool elect_lane() {
    uint32_t is_elected;
    asm volatile("{\n.reg .pred p;\nelect.sync _|p, 0xffffffff;\nselp.u32 %0, 1, 0, p;\n}\n"
                 : "=r"(is_elected));
    return is_elected != 0;
}

// --- Clusters of CTAs -------------------------------------------------------------------------

// This CTA's place in its cluster.
__device__ __forceinline__ uint32_t cluster_rank() {
    uint32_t rank;
    asm volatile("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// Where an address of this CTA's shared memory is in that of another CTA of the cluster.
__device__ __forceinline__ uint32_t map_to_cta(uint32_t address, uint32_t rank) {
    uint32_t mapped;
    asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(mapped) : "r"(address), "r"(rank));
    return mapped;
}

// As barrier_arrive(), at a barrier of any CTA of the cluster.
__device__ __forceinline__ void barrier_arrive_mapped(uint32_t mapped_barrier) {
    asm volatile("mbarrier.arrive.shared::cluster.b64 _, [%0];" ::"r"(mapped_barrier) : "memory");
}

// Stores a word in another CTA's shared memory; its four bytes count towards a barrier there.
__device__ __forceinline__ void send_word(uint32_t mapped_address,
                                          uint32_t value,
                                          uint32_t mapped_barrier) {
    asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.u32 [%0], %1, [%2];" ::"r"(
                     mapped_address),
                 "r"(value),
                 "r"(mapped_barrier)
                 : "memory");
}

// All threads of all CTAs of the cluster arrive,
__device__ __forceinline__ void cluster_arrive() {
    asm volatile("barrier.cluster.arrive;" ::: "memory");
}

// and wait for each other.
__device__ __forceinline__ void cluster_wait() {
    asm volatile("barrier.cluster.wait;" ::: "memory");
}

// --- Kernels on the same stream (launch.h) ---------------------------------------------------

// Returns when the kernel in front has ended and its memory can be read. Nothing where this one was
// not launched to start early.
__device__ __forceinline__ void wait_for_kernel_in_front() {
    asm volatile("griddepcontrol.wait;" ::: "memory");
}

// The next kernel's CTAs may start where there is room, once every CTA of this one has said so.
__device__ __forceinline__ void let_next_kernel_start() {
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
}

// --- The tensor copy engine ------------------------------------------------------------------

__device__ __forceinline__ void prefetch_tensor_map(const CUtensorMap* map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

// An L2 policy for data that is read once.
__device__ __forceinline__ uint64_t evict_first_policy() {
    uint64_t policy;
    asm volatile("createpolicy.fractional.L2::evict_first.b64 %0, 1.0;" : "=l"(policy));
    return policy;
}

// Copies a box of a tensor to shared memory; its bytes count towards the barrier. Coordinates in
// elements, innermost first.
__device__ __forceinline__ void copy_box(
    uint32_t destination, const CUtensorMap* map, uint32_t barrier, int c0, int c1, int c2) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes"
        " [%0], [%1, {%3, %4, %5}], [%2];" ::"r"(destination),
        "l"(map),
        "r"(barrier),
        "r"(c0),
        "r"(c1),
        "r"(c2)
        : "memory");
}

__device__ __forceinline__ void copy_box(uint32_t destination,
                                         const CUtensorMap* map,
                                         uint32_t barrier,
                                         int c0,
                                         int c1,
                                         int c2,
                                         int c3) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes"
        " [%0], [%1, {%3, %4, %5, %6}], [%2];" ::"r"(destination),
        "l"(map),
        "r"(barrier),
        "r"(c0),
        "r"(c1),
        "r"(c2),
        "r"(c3)
        : "memory");
}

__device__ __forceinline__ void copy_box(uint32_t destination,
                                         const CUtensorMap* map,
                                         uint32_t barrier,
                                         int c0,
                                         int c1,
                                         int c2,
                                         int c3,
                                         int c4) {
    asm volatile(
        "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes"
        " [%0], [%1, {%3, %4, %5, %6, %7}], [%2];" ::"r"(destination),
        "l"(map),
        "r"(barrier),
        "r"(c0),
        "r"(c1),
        "r"(c2),
        "r"(c3),
        "r"(c4)
        : "memory");
}

// The same to this place in the shared memory of each CTA of the cluster whose bit is set, and to
// the barrier there.
__device__ __forceinline__ void copy_box_multicast(uint32_t destination,
                                                   const CUtensorMap* map,
                                                   uint32_t barrier,
                                                   uint16_t ctas,
                                                   int c0,
                                                   int c1,
                                                   int c2,
                                                   int c3,
                                                   int c4) {
    asm volatile(
        "cp.async.bulk.tensor.5d.shared::cluster.global.mbarrier::complete_tx::bytes"
        ".multicast::cluster [%0], [%1, {%4, %5, %6, %7, %8}], [%2], %3;" ::"r"(destination),
        "l"(map),
        "r"(barrier),
        "h"(ctas),
        "r"(c0),
        "r"(c1),
        "r"(c2),
        "r"(c3),
        "r"(c4)
        : "memory");
}

// With an L2 policy, to this CTA.
__device__ __forceinline__ void copy_box_hinted(uint32_t destination,
                                                const CUtensorMap* map,
                                                uint32_t barrier,
                                                uint64_t policy,
                                                int c0,
                                                int c1,
                                                int c2,
                                                int c3) {
    asm volatile(
        "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes"
        ".L2::cache_hint [%0], [%1, {%4, %5, %6, %7}], [%2], %3;" ::"r"(destination),
        "l"(map),
        "r"(barrier),
        "l"(policy),
        "r"(c0),
        "r"(c1),
        "r"(c2),
        "r"(c3)
        : "memory");
}

// --- Bulk copies -----------------------------------------------------------------------------

// Copies bytes, a multiple of 16, to shared memory; they count towards the barrier. Both ends are
// 16-byte aligned.
__device__ __forceinline__ void copy_bulk(uint32_t destination,
                                          const void* source,
                                          uint32_t bytes,
                                          uint32_t barrier) {
    asm volatile(
        "cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes"
        " [%0], [%1], %2, [%3];" ::"r"(destination),
        "l"(source),
        "r"(bytes),
        "r"(barrier)
        : "memory");
}

// The other way, as part of the thread's current group of bulk stores.
__device__ __forceinline__ void store_bulk(void* destination, uint32_t source, uint32_t bytes) {
    asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(destination),
                 "r"(source),
                 "r"(bytes)
                 : "memory");
}

// Likewise a box of a tensor.
__device__ __forceinline__ void store_box(
    const CUtensorMap* map, uint32_t source, int c0, int c1, int c2, int c3, int c4) {
    asm volatile(
        "cp.async.bulk.tensor.5d.global.shared::cta.bulk_group"
        " [%0, {%2, %3, %4, %5, %6}], [%1];" ::"l"(map),
        "r"(source),
        "r"(c0),
        "r"(c1),
        "r"(c2),
        "r"(c3),
        "r"(c4)
        : "memory");
}

// Makes what this thread has written to shared memory visible to the copy engine.
__device__ __forceinline__ void fence_for_bulk_stores() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ __forceinline__ void bulk_commit() {
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
}

// Waits until at most kPending committed groups still read shared memory,
template <int kPending>
__device__ __forceinline__ void bulk_wait_read() {
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(kPending) : "memory");
}

// or are unfinished.
template <int kPending>
__device__ __forceinline__ void bulk_wait() {
    asm volatile("cp.async.bulk.wait_group %0;" ::"n"(kPending) : "memory");
}

// --- Small asynchronous copies ---------------------------------------------------------------

// Copies kBytes (4, 8 or 16) to shared memory, or zeros if is_valid is false.
template <int kBytes>
__device__ __forceinline__ void copy_async(uint32_t destination,
                                           const void* source,
                                           bool is_valid) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(destination),
                 "l"(source),
                 "n"(kBytes),
                 "r"(is_valid ? kBytes : 0)
                 : "memory");
}

// The thread arrives at the barrier when its copies so far are complete. Such an arrival is one of
// those that the barrier was initialised with.
__device__ __forceinline__ void copy_async_arrive(uint32_t barrier) {
    asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(barrier) : "memory");
}

// Waits for the thread's own copies: a thread must not exit before they have landed.
__device__ __forceinline__ void copy_async_wait_all() {
    asm volatile("cp.async.wait_all;" ::: "memory");
}

// --- Register budgets -------------------------------------------------------------------------

template <int kRegisters>
__device__ __forceinline__ void raise_registers() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

template <int kRegisters>
__device__ __forceinline__ void lower_registers() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(kRegisters));
}

// --- Storing fragments ------------------------------------------------------------------------

// Four 8x8 matrices of 16-bit elements; lane l gives the address of row l%8 of matrix l/8.
__device__ __forceinline__ void store_matrices(
    uint32_t address, uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
                 "r"(r0),
                 "r"(r1),
                 "r"(r2),
                 "r"(r3)
                 : "memory");
}

__device__ __forceinline__ void store_matrices_transposed(
    uint32_t address, uint32_t r0, uint32_t r1, uint32_t r2, uint32_t r3) {
    asm volatile(
        "stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
        "r"(r0),
        "r"(r1),
        "r"(r2),
        "r"(r3)
        : "memory");
}

__device__ __forceinline__ void store_matrices_transposed(uint32_t address,
                                                          uint32_t r0,
                                                          uint32_t r1) {
    asm volatile("stmatrix.sync.aligned.m8n8.x2.trans.shared.b16 [%0], {%1, %2};" ::"r"(address),
                 "r"(r0),
                 "r"(r1)
                 : "memory");
}

__device__ __forceinline__ void store_shared(uint32_t address, const uint4& values) {
    asm volatile("st.shared.v4.u32 [%0], {%1, %2, %3, %4};" ::"r"(address),
                 "r"(values.x),
                 "r"(values.y),
                 "r"(values.z),
                 "r"(values.w)
                 : "memory");
}

__device__ __forceinline__ float load_shared_float(uint32_t address) {
    float value;
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(value) : "r"(address) : "memory");
    return value;
}

__device__ __forceinline__ uint32_t load_shared_word(uint32_t address) {
    uint32_t value;
    asm volatile("ld.shared.u32 %0, [%1];" : "=r"(value) : "r"(address) : "memory");
    return value;
}

__device__ __forceinline__ uint4 load_shared(uint32_t address) {
    uint4 values;
    asm volatile("ld.shared.v4.u32 {%0, %1, %2, %3}, [%4];"
                 : "=r"(values.x), "=r"(values.y), "=r"(values.z), "=r"(values.w)
                 : "r"(address)
                 : "memory");
    return values;
}

__device__ __forceinline__ uint32_t pack_bf16(float low, float high) {
    uint32_t packed;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
    return packed;
}

// --- The tensor core product of a warpgroup --------------------------------------------------

// An operand of wgmma in shared memory: rows of 128 bytes along k in the 128-byte swizzle, in
// groups of eight rows that are kGroupStride bytes apart; the base is 1024-aligned. Only the low
// word of the descriptor depends on the address, and no address carries out of its field, so that
// stepping is one 32-bit addition of bytes/16: along k 32/16, by tiles likewise.
template <uint32_t kGroupStride>
struct Operand {
    uint32_t low;

    static __device__ __forceinline__ Operand at(uint32_t address) {
        constexpr uint32_t kIgnoredLeadingOffset = 1u << 16;
        return {kIgnoredLeadingOffset | (address >> 4)};
    }
    __device__ __forceinline__ uint64_t descriptor(uint32_t bytes) const {
        constexpr uint64_t kSwizzle128 = uint64_t{1} << 62;
        constexpr uint64_t kHigh = kSwizzle128 | static_cast<uint64_t>(kGroupStride >> 4) << 32;
        return kHigh | (low + bytes / 16);
    }
};

// Bytes of an operand's row that one product consumes.
constexpr uint32_t kProductBytes = 32;

// Before the first product that touches registers which were written since the last one.
__device__ __forceinline__ void wgmma_fence() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

__device__ __forceinline__ void wgmma_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

// Waits until at most kPending committed groups are unfinished.
template <int kPending>
__device__ __forceinline__ void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

// Pins registers that wgmma writes behind the compiler's back: without it ptxas may move their
// other uses across the product, or serialize the products.
template <int kCount>
__device__ __forceinline__ void pin_registers(float (&values)[kCount]) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
        asm volatile("" : "+f"(values[i])::"memory");
    }
}

#define MOETOP_ACC4(d, i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define MOETOP_ACC8(d, i) MOETOP_ACC4(d, i), MOETOP_ACC4(d, i + 4)

// d[64, kN] = a[64, 32] x b[kN, 32]^T, plus d where keep is not 0; e4m3 operands, fp32 result. A
// thread's d[4j + i] is at row 16*warp + lane/4 + 8*(i/2), column 8j + 2*(lane%4) + i%2.
template <int kN>
struct Wgmma;

// clang-format off
template <>
struct Wgmma<8> {
    static __device__ __forceinline__ void multiply(float (&d)[4], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %6, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n8k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3"
            "}, %4, %5, p, 1, 1;\n}\n"
            : MOETOP_ACC4(d, 0)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<16> {
    static __device__ __forceinline__ void multiply(float (&d)[8], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %10, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n16k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7"
            "}, %8, %9, p, 1, 1;\n}\n"
            : MOETOP_ACC8(d, 0)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<24> {
    static __device__ __forceinline__ void multiply(float (&d)[12], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %14, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n24k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11"
            "}, %12, %13, p, 1, 1;\n}\n"
            : MOETOP_ACC4(d, 0), MOETOP_ACC4(d, 4), MOETOP_ACC4(d, 8)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<32> {
    static __device__ __forceinline__ void multiply(float (&d)[16], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %18, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n32k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11, %12, %13, %14, %15"
            "}, %16, %17, p, 1, 1;\n}\n"
            : MOETOP_ACC8(d, 0), MOETOP_ACC8(d, 8)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<40> {
    static __device__ __forceinline__ void multiply(float (&d)[20], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %22, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n40k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19"
            "}, %20, %21, p, 1, 1;\n}\n"
            : MOETOP_ACC4(d, 0), MOETOP_ACC4(d, 4), MOETOP_ACC4(d, 8), MOETOP_ACC4(d, 12), MOETOP_ACC4(d, 16)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<48> {
    static __device__ __forceinline__ void multiply(float (&d)[24], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %26, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n48k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23"
            "}, %24, %25, p, 1, 1;\n}\n"
            : MOETOP_ACC8(d, 0), MOETOP_ACC8(d, 8), MOETOP_ACC8(d, 16)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<56> {
    static __device__ __forceinline__ void multiply(float (&d)[28], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %30, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n56k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23, "
            "%24, %25, %26, %27"
            "}, %28, %29, p, 1, 1;\n}\n"
            : MOETOP_ACC4(d, 0), MOETOP_ACC4(d, 4), MOETOP_ACC4(d, 8), MOETOP_ACC4(d, 12), MOETOP_ACC4(d, 16), MOETOP_ACC4(d, 20), MOETOP_ACC4(d, 24)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<64> {
    static __device__ __forceinline__ void multiply(float (&d)[32], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %34, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n64k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23, "
            "%24, %25, %26, %27, %28, %29, %30, %31"
            "}, %32, %33, p, 1, 1;\n}\n"
            : MOETOP_ACC8(d, 0), MOETOP_ACC8(d, 8), MOETOP_ACC8(d, 16), MOETOP_ACC8(d, 24)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<128> {
    static __device__ __forceinline__ void multiply(float (&d)[64], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %66, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23, "
            "%24, %25, %26, %27, %28, %29, %30, %31, "
            "%32, %33, %34, %35, %36, %37, %38, %39, "
            "%40, %41, %42, %43, %44, %45, %46, %47, "
            "%48, %49, %50, %51, %52, %53, %54, %55, "
            "%56, %57, %58, %59, %60, %61, %62, %63"
            "}, %64, %65, p, 1, 1;\n}\n"
            : MOETOP_ACC8(d, 0), MOETOP_ACC8(d, 8), MOETOP_ACC8(d, 16), MOETOP_ACC8(d, 24), MOETOP_ACC8(d, 32), MOETOP_ACC8(d, 40), MOETOP_ACC8(d, 48), MOETOP_ACC8(d, 56)
            : "l"(a), "l"(b), "r"(keep));
    }
};

template <>
struct Wgmma<256> {
    static __device__ __forceinline__ void multiply(float (&d)[128], uint64_t a, uint64_t b, int keep) {
        asm volatile(
            "{\n.reg .pred p;\nsetp.ne.b32 p, %130, 0;\n"
            "wgmma.mma_async.sync.aligned.m64n256k32.f32.e4m3.e4m3 {"
            "%0, %1, %2, %3, %4, %5, %6, %7, "
            "%8, %9, %10, %11, %12, %13, %14, %15, "
            "%16, %17, %18, %19, %20, %21, %22, %23, "
            "%24, %25, %26, %27, %28, %29, %30, %31, "
            "%32, %33, %34, %35, %36, %37, %38, %39, "
            "%40, %41, %42, %43, %44, %45, %46, %47, "
            "%48, %49, %50, %51, %52, %53, %54, %55, "
            "%56, %57, %58, %59, %60, %61, %62, %63, "
            "%64, %65, %66, %67, %68, %69, %70, %71, "
            "%72, %73, %74, %75, %76, %77, %78, %79, "
            "%80, %81, %82, %83, %84, %85, %86, %87, "
            "%88, %89, %90, %91, %92, %93, %94, %95, "
            "%96, %97, %98, %99, %100, %101, %102, %103, "
            "%104, %105, %106, %107, %108, %109, %110, %111, "
            "%112, %113, %114, %115, %116, %117, %118, %119, "
            "%120, %121, %122, %123, %124, %125, %126, %127"
            "}, %128, %129, p, 1, 1;\n}\n"
            : MOETOP_ACC8(d, 0), MOETOP_ACC8(d, 8), MOETOP_ACC8(d, 16), MOETOP_ACC8(d, 24), MOETOP_ACC8(d, 32), MOETOP_ACC8(d, 40), MOETOP_ACC8(d, 48), MOETOP_ACC8(d, 56), MOETOP_ACC8(d, 64), MOETOP_ACC8(d, 72), MOETOP_ACC8(d, 80), MOETOP_ACC8(d, 88), MOETOP_ACC8(d, 96), MOETOP_ACC8(d, 104), MOETOP_ACC8(d, 112), MOETOP_ACC8(d, 120)
            : "l"(a), "l"(b), "r"(keep));
    }
};

// clang-format on

#undef MOETOP_ACC8
#undef MOETOP_ACC4

}  // namespace moetop::ptx
