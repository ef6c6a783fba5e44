// How errors travel inside the library: as exceptions of one type, caught where the C ABI begins.
#pragma once

#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

#include "moetop.h"

namespace moetop {

class Error : public std::runtime_error {
  public:
    Error(moetop_status status, const std::string& text)
        : std::runtime_error(text), status_(status) {}
    moetop_status status() const { return status_; }

  private:
    moetop_status status_;
};

inline void check_cuda(cudaError_t error, const char* what) {
    if (error == cudaSuccess)
        return;
    throw Error(MOETOP_ERROR_CUDA, std::string(what) + ": " + cudaGetErrorString(error));
}

}  // namespace moetop

// Names the failed call in the error.
#define MOETOP_CHECK_CUDA(call) ::moetop::check_cuda((call), #call)
