// Checks of an engine's behaviour through the C ABI. Each returns what is wrong, or nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "moetop.h"
#include "reference.h"

namespace moetop_test {

struct Routings {
    std::vector<int32_t> ids;
    std::vector<float> weights;
};

// The library's own words if the call failed.
std::string problem_of(int32_t status);

// Skewed: expert 0 is popular, and where there are more than enough experts the last has no rows.
Routings make_routings(const moetop_config& config, uint32_t seed);

// Every tensor of the step that finished last.
std::string read_step(moetop_engine* engine, const moetop_config& config, Step* step);

// The ring: the step of this number must have used its routing.
std::string check_ring(const moetop_config& config,
                       const Routings& routings,
                       const Step& step,
                       uint64_t number);

std::string same_bits(const Step& a, const Step& b);

// Takes the timings of all steps since create, which ran with these masks, and checks each of them.
std::string check_timings(moetop_engine* engine,
                          const moetop_config& config,
                          const std::vector<uint32_t>& masks);

std::string check_launches(moetop_engine* engine, uint32_t mask);

// The tile classes of a stage must hold every expert, and be what the launches of the mask are
// named after where a launch is named after its class.
std::string check_tiles(moetop_engine* engine, int32_t stage, uint32_t mask);

}  // namespace moetop_test
