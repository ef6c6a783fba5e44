// stream: source [num_chunks] -> shared memory, num_passes times; every so many-th chunk -> copies.
//
// One warp an SM keeps twelve bulk copies of 16 KiB in flight, 190 KiB: five times what 4.7 TB/s
// and a latency of a microsecond need. Chunks are dealt round robin, so that at any time all SMs
// read one neighbourhood of the memory. Each lane reads one word of each chunk into a checksum,
// which costs nothing beside the copy and proves that the chunk was there. A copy goes out of
// shared memory, too, as the stores of a GEMM's epilogue would at best. Traffic: every byte counted
// once.
#include "ceilings/stream.h"
#include "common/error.h"
#include "common/ptx.cuh"

namespace moetop {
namespace {

constexpr int kWarp = 32;
constexpr int kStages = 12;
constexpr int kChunkWords = kStreamChunkBytes / 4;
constexpr int kLaneWords = kChunkWords / kWarp;
constexpr int kSharedBytes = kStages * kStreamChunkBytes;
constexpr uint32_t kFactor = 2654435761u;

constexpr int kFillThreads = 256;
constexpr int kFillCtasPerChunk = kStreamChunkBytes / 16 / kFillThreads;
static_assert(kFillCtasPerChunk * kFillThreads * 16 == kStreamChunkBytes, "whole chunks");

// The word at an index of the source.
__host__ __device__ __forceinline__ uint32_t word_at(uint32_t index) {
    return index * kFactor;
}

// How many of the chunks before this place of the stream are copied. The chunk at a place is if the
// number rises there, and the number is then the copy's.
__host__ __device__ __forceinline__ uint32_t copies_before(uint64_t place,
                                                           uint32_t num_copies,
                                                           uint64_t num_places) {
    return static_cast<uint32_t>(place * num_copies / num_places);
}

__global__ void __launch_bounds__(kFillThreads) stream_fill_kernel(uint4* destination) {
    const uint32_t store = blockIdx.x * kFillThreads + threadIdx.x;
    destination[store] = make_uint4(
        word_at(store * 4), word_at(store * 4 + 1), word_at(store * 4 + 2), word_at(store * 4 + 3));
}

__global__ void __launch_bounds__(kWarp) stream_kernel(StreamArgs args) {
    extern __shared__ __align__(128) uint8_t chunks[];
    __shared__ __align__(8) uint64_t full[kStages];
    const uint32_t lane = threadIdx.x;
    const uint32_t num_places = args.num_chunks * args.num_passes;
    const uint32_t shared = ptx::shared_address(chunks);
    const uint32_t barriers = ptx::shared_address(full);

    const auto load = [&](uint32_t place, uint32_t stage) {
        const uint64_t chunk = place % args.num_chunks;
        ptx::barrier_arrive_expect(barriers + stage * 8, kStreamChunkBytes);
        ptx::copy_bulk(shared + stage * kStreamChunkBytes,
                       args.source + chunk * kStreamChunkBytes,
                       kStreamChunkBytes,
                       barriers + stage * 8);
    };

    // Fill the pipeline.
    if (lane == 0) {
        for (int stage = 0; stage < kStages; ++stage) {
            ptx::barrier_init(barriers + stage * 8, 1);
        }
        ptx::fence_barrier_init();
        for (uint32_t stage = 0; stage < kStages; ++stage) {
            const uint32_t place = blockIdx.x + stage * gridDim.x;
            if (place < num_places)
                load(place, stage);
        }
    }
    __syncwarp();

    // Use a chunk, and fill its place with the one that is twelve further.
    uint32_t sum = 0;
    uint32_t stage = 0;
    uint32_t phase = 0;
    for (uint32_t place = blockIdx.x; place < num_places; place += gridDim.x) {
        ptx::barrier_wait(barriers + stage * 8, phase);
        const uint32_t* words =
            reinterpret_cast<const uint32_t*>(chunks + stage * kStreamChunkBytes);
        sum += words[lane * kLaneWords];
        __syncwarp();
        if (lane == 0) {
            if (args.num_copies > 0) {
                const uint32_t copy = copies_before(place, args.num_copies, num_places);
                if (copy != copies_before(uint64_t{place} + 1, args.num_copies, num_places)) {
                    ptx::store_bulk(args.copies + uint64_t{copy} * kStreamChunkBytes,
                                    shared + stage * kStreamChunkBytes,
                                    kStreamChunkBytes);
                    ptx::bulk_commit();
                    ptx::bulk_wait_read<0>();
                }
            }
            const uint64_t next = uint64_t{place} + uint64_t{kStages} * gridDim.x;
            if (next < num_places)
                load(static_cast<uint32_t>(next), stage);
        }
        if (++stage == kStages) {
            stage = 0;
            phase ^= 1;
        }
    }

    // Publish the checksum; a CTA's shared memory must outlive its stores.
    sum = __reduce_add_sync(0xffffffffu, sum);
    if (lane == 0) {
        atomicAdd(args.checksum, sum);
        ptx::bulk_wait<0>();
    }
}

// The words of a chunk that the lanes read, added up.
uint32_t chunk_sum(uint32_t chunk) {
    uint32_t sum = 0;
    for (uint32_t lane = 0; lane < kWarp; ++lane) {
        sum += word_at(chunk * kChunkWords + lane * kLaneWords);
    }
    return sum;
}

}  // namespace

void launch_stream_fill(uint8_t* destination, uint32_t num_chunks, cudaStream_t stream) {
    stream_fill_kernel<<<num_chunks * kFillCtasPerChunk, kFillThreads, 0, stream>>>(
        reinterpret_cast<uint4*>(destination));
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

void launch_stream(const StreamArgs& args, int num_sms, cudaStream_t stream) {
    MOETOP_CHECK_CUDA(cudaFuncSetAttribute(
        stream_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, kSharedBytes));
    stream_kernel<<<num_sms, kWarp, kSharedBytes, stream>>>(args);
    MOETOP_CHECK_CUDA(cudaGetLastError());
}

uint32_t stream_checksum(const StreamArgs& args) {
    uint32_t sum = 0;
    for (uint32_t chunk = 0; chunk < args.num_chunks; ++chunk) {
        sum += chunk_sum(chunk);
    }
    return sum * args.num_passes;
}

uint32_t copies_checksum(const StreamArgs& args) {
    const uint64_t num_places = uint64_t{args.num_chunks} * args.num_passes;
    uint32_t sum = 0;
    for (uint64_t place = 0; place < num_places; ++place) {
        if (copies_before(place, args.num_copies, num_places) !=
            copies_before(place + 1, args.num_copies, num_places))
            sum += chunk_sum(static_cast<uint32_t>(place % args.num_chunks));
    }
    return sum;
}

}  // namespace moetop
