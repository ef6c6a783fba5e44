// One MoE layer on the device: its buffers, its data, and its stages as launches.
#pragma once

#include <array>
#include <cstdint>

#include "engine/config.h"
#include "engine/resources.h"
#include "gemm/grouped_gemm.h"

namespace moetop {

class Layer {
  public:
    // config has passed validate() and plan belongs to it; the device is current, and the stream is
    // the one of the steps. Allocates, and makes weights and inputs from the seed on the stream.
    // Throws Error(MOETOP_ERROR_MEMORY) before it allocates anything if the device has too little
    // free.
    Layer(const moetop_config& config,
          const MemoryPlan& plan,
          EsLaunch es_launch,
          const GemmDevice& device,
          cudaStream_t stream);

    // Enqueues one stage. The mask counts for up and down.
    void launch_stage(int stage, uint32_t mask, cudaStream_t stream);

    // Replaces the ring: [num_routings, T, k] each, on the host. The stream must be idle.
    void set_routings(const int32_t* ids, const float* weights);
    // Replaces the input of every routing: bf16 [T, H], on the host. The stream must be idle.
    void set_input(const uint16_t* input);
    // The next step uses routing 0. The stream must be idle.
    void rewind_ring();

    // See describe_gemm_tiles(); stage is up or down.
    int describe_tiles(int stage,
                       GemmPolicy policy,
                       moetop_tile_class* classes,
                       int capacity) const;

    // Where tensor begins for a step that used this routing.
    const uint8_t* tensor(int tensor, int routing) const;
    const MemoryPlan& plan() const { return plan_; }

  private:
    template <typename T>
    T* at(int buffer) const {
        return static_cast<T*>(buffers_[buffer].get());
    }
    void allocate();
    void fill();
    void upload(int buffer, const void* source, size_t bytes, uint64_t offset = 0);
    GemmShape gemm_shape(int stage) const;
    void launch_gemm(int stage, GemmPolicy policy, cudaStream_t stream);

    const moetop_config config_;
    const MemoryPlan plan_;
    const EsLaunch es_launch_;
    const GemmDevice device_;
    const cudaStream_t stream_;
    std::array<DeviceMemory, kNumBuffers> buffers_;
    // For EsLaunch::kStreams.
    std::array<Stream, 2> side_streams_;
    Event fork_;
    std::array<Event, 2> join_;
};

// Throws Error(MOETOP_ERROR_ARGUMENT) unless the k ids of each token are distinct and 0..E-1, and
// the weights finite. Both are [num_routings, T, k].
void validate_routings(const moetop_config& config, const int32_t* ids, const float* weights);

}  // namespace moetop
