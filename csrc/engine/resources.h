// Owners of what CUDA hands out. Destructors ignore errors: after a failed launch every call fails,
// and the first failure has been reported already.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <utility>

#include "common/error.h"

namespace moetop {

// A handle of type T that kDestroy gives back; movable, empty by default.
template <typename T, cudaError_t (*kDestroy)(T)>
class Handle {
  public:
    Handle() = default;
    explicit Handle(T value) : value_(value) {}
    Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, T{})) {}
    Handle& operator=(Handle&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() {
        if (value_ != T{})
            (void)kDestroy(value_);
    }
    T get() const { return value_; }

  private:
    T value_{};
};

using Stream = Handle<cudaStream_t, cudaStreamDestroy>;
using Event = Handle<cudaEvent_t, cudaEventDestroy>;
using Graph = Handle<cudaGraph_t, cudaGraphDestroy>;
using GraphExec = Handle<cudaGraphExec_t, cudaGraphExecDestroy>;
using DeviceMemory = Handle<void*, cudaFree>;

inline Stream make_stream() {
    cudaStream_t stream = nullptr;
    MOETOP_CHECK_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
    return Stream(stream);
}

inline Event make_event(unsigned flags) {
    cudaEvent_t event = nullptr;
    MOETOP_CHECK_CUDA(cudaEventCreateWithFlags(&event, flags));
    return Event(event);
}

}  // namespace moetop
