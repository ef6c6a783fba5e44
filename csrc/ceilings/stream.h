// A stream of bulk copies through shared memory, over a buffer of words that tell their place.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace moetop {

// Buffers consist of whole chunks.
constexpr int kStreamChunkBytes = 16 << 10;

struct StreamArgs {
    const uint8_t* source;
    uint32_t num_chunks;  // of the source
    uint32_t num_passes;  // how often the source is read from end to end
    uint8_t* copies;      // nullptr if num_copies is 0
    uint32_t num_copies;  // chunks that are written on the way, spread evenly; at most
                          // num_chunks * num_passes
    uint32_t* checksum;   // is added to
};

// Fills num_chunks chunks with words that are a function of their index.
void launch_stream_fill(uint8_t* destination, uint32_t num_chunks, cudaStream_t stream);

void launch_stream(const StreamArgs& args, int num_sms, cudaStream_t stream);

// What a launch adds to the checksum of a source that was filled, and what reading the copies adds
// to it: copy i is the chunk copied_chunk(args, i).
uint32_t stream_checksum(const StreamArgs& args);
uint32_t copies_checksum(const StreamArgs& args);

}  // namespace moetop
