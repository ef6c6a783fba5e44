// What a device reaches at best: the limits that the stages of a layer are held against.
#pragma once

#include <cstdint>

#include "moetop.h"

namespace moetop {

// Fills all but struct_size. Throws Error: MOETOP_ERROR_DEVICE if there is no such device or the
// kernels cannot run on it, MOETOP_ERROR_MEMORY if there is no room for the buffers,
// MOETOP_ERROR_INTERNAL if a measuring kernel computes something wrong.
void measure_ceilings(int32_t device, moetop_ceilings* out);

}  // namespace moetop
