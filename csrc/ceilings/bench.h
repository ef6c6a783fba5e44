// What the measurements share: a stream with a pair of events, and buffers.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>

#include "ceilings/repeats.h"
#include "common/error.h"
#include "engine/resources.h"
#include "moetop.h"

namespace moetop {

class CeilingBench {
  public:
    CeilingBench(int num_sms, size_t l2_bytes)
        : num_sms_(num_sms),
          l2_bytes_(l2_bytes),
          stream_(make_stream()),
          start_(make_event(cudaEventDefault)),
          end_(make_event(cudaEventDefault)) {}

    int num_sms() const { return num_sms_; }
    size_t l2_bytes() const { return l2_bytes_; }
    cudaStream_t stream() const { return stream_.get(); }

    // Microseconds from one event to another around what the body launches. It is launched once
    // before, unmeasured, so that it meets the caches and the memory's queues as it leaves them.
    double time_us(const std::function<void()>& body) const {
        body();
        MOETOP_CHECK_CUDA(cudaEventRecord(start_.get(), stream()));
        body();
        MOETOP_CHECK_CUDA(cudaEventRecord(end_.get(), stream()));
        synchronize();
        float milliseconds = 0.0f;
        MOETOP_CHECK_CUDA(cudaEventElapsedTime(&milliseconds, start_.get(), end_.get()));
        return 1e3 * milliseconds;
    }

    void synchronize() const { MOETOP_CHECK_CUDA(cudaStreamSynchronize(stream())); }

  private:
    int num_sms_;
    size_t l2_bytes_;
    Stream stream_;
    Event start_;
    Event end_;
};

// The median of the repeats; the result remembers the largest spread of all.
inline double settle(const Repeats& repeats, moetop_ceilings* out) {
    out->spread_percent = std::max(out->spread_percent, repeats.spread_percent());
    return repeats.median();
}

// Throws Error(MOETOP_ERROR_MEMORY) if there is no room.
inline DeviceMemory allocate_for_ceilings(size_t bytes) {
    void* memory = nullptr;
    if (cudaMalloc(&memory, bytes) == cudaSuccess)
        return DeviceMemory(memory);
    (void)cudaGetLastError();
    throw Error(MOETOP_ERROR_MEMORY,
                "no room on the device for a buffer of " + std::to_string(bytes >> 20) +
                    " MiB to measure the ceilings with");
}

template <typename T>
T* pointer_to(const DeviceMemory& memory) {
    return static_cast<T*>(memory.get());
}

}  // namespace moetop
