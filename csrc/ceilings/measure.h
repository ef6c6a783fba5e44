// The parts of measure_ceilings(); each fills its fields of the result.
#pragma once

#include "ceilings/bench.h"
#include "moetop.h"

namespace moetop {

void measure_streams(const CeilingBench& bench, moetop_ceilings* out);
void measure_burst(const CeilingBench& bench, moetop_ceilings* out);
void measure_kernel(const CeilingBench& bench, moetop_ceilings* out);

}  // namespace moetop
