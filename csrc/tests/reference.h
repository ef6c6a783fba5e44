// The layer in double precision on the host, stage by stage, as straightforward as can be. Each
// check takes the stage's real inputs as read from the device, so that one wrong stage does not
// condemn the next.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "moetop.h"

namespace moetop_test {

// The tensors of one step, on the host.
struct Step {
    std::vector<uint16_t> input;
    std::vector<int32_t> ids;
    std::vector<float> weights;
    std::vector<uint8_t> w1;
    std::vector<float> w1_scale;
    std::vector<uint8_t> w2;
    std::vector<float> w2_scale;
    std::vector<int32_t> offsets;
    std::vector<int32_t> row_source;
    std::vector<uint8_t> x;
    std::vector<float> x_scale;
    std::vector<uint16_t> up;
    std::vector<uint8_t> act;
    std::vector<float> act_scale;
    std::vector<uint16_t> down;
    std::vector<uint16_t> output;
};

double from_bf16(uint16_t bits);
double from_e4m3(uint8_t bits);
// Rounded to nearest, ties to even, saturated.
uint8_t to_e4m3(float value);

// Each returns what is wrong first, or nothing. Rows and tokens are sampled where there are many.
std::string check_route(const moetop_config& config, const Step& step);
std::string check_quant(const moetop_config& config, const Step& step);
std::string check_act(const moetop_config& config, const Step& step);
std::string check_combine(const moetop_config& config, const Step& step);
// MOETOP_STAGE_UP or MOETOP_STAGE_DOWN.
std::string check_gemm(const moetop_config& config, const Step& step, int stage);

}  // namespace moetop_test
