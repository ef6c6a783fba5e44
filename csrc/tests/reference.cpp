#include "reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace moetop_test {
namespace {

constexpr int64_t kBlock = 128;
constexpr int64_t kMaxSampledRows = 512;
constexpr double kBf16HalfUlp = 1.0 / 256;  // relative; the largest, of a value just above 2^n
constexpr float kMinAmax = 1e-10f;
constexpr float kE4m3Max = 448.0f;

int64_t rows_of(const moetop_config& config) {
    return static_cast<int64_t>(config.tokens) * config.top_k;
}

int64_t sample_stride(int64_t count) {
    return std::max<int64_t>(1, count / kMaxSampledRows);
}

std::string mismatch(
    const std::string& what, int64_t row, int64_t column, double got, double want) {
    return what + " at row " + std::to_string(row) + ", column " + std::to_string(column) +
           ": got " + std::to_string(got) + ", want " + std::to_string(want);
}

// The row of each t*k+j.
std::vector<int64_t> token_rows(const Step& step) {
    std::vector<int64_t> rows(step.row_source.size());
    for (size_t row = 0; row < rows.size(); ++row) {
        rows[static_cast<size_t>(step.row_source[row])] = static_cast<int64_t>(row);
    }
    return rows;
}

float block_scale(const std::vector<float>& values) {
    float amax = kMinAmax;
    for (const float value : values) {
        amax = std::max(amax, std::fabs(value));
    }
    return amax / kE4m3Max;
}

}  // namespace

double from_bf16(uint16_t bits) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value = 0;
    std::memcpy(&value, &wide, sizeof(value));
    return value;
}

double from_e4m3(uint8_t bits) {
    const int exponent = (bits >> 3) & 0xf;
    const int mantissa = bits & 7;
    if (exponent == 0xf && mantissa == 7)
        return std::nan("");
    const double magnitude =
        exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
    return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

uint8_t to_e4m3(float value) {
    static const std::vector<double> magnitudes = [] {
        std::vector<double> values;
        for (uint8_t code = 0; code < 0x7f; ++code) {
            values.push_back(from_e4m3(code));
        }
        return values;
    }();
    const auto sign = static_cast<uint8_t>(std::signbit(value) ? 0x80 : 0);
    const double magnitude = std::fabs(static_cast<double>(value));
    // The codes below NaN rise with their values; of two neighbours the even code takes a tie.
    uint8_t best = 0;
    double best_distance = magnitude;
    for (uint8_t code = 1; code < magnitudes.size(); ++code) {
        const double distance = std::fabs(magnitudes[code] - magnitude);
        if (distance < best_distance || (distance == best_distance && code % 2 == 0)) {
            best = code;
            best_distance = distance;
        }
    }
    return best | sign;
}

std::string check_route(const moetop_config& config, const Step& step) {
    const auto rows = static_cast<size_t>(rows_of(config));
    std::vector<int32_t> sorted(rows);
    for (size_t i = 0; i < rows; ++i) {
        sorted[i] = static_cast<int32_t>(i);
    }
    std::stable_sort(sorted.begin(), sorted.end(), [&](int32_t a, int32_t b) {
        return step.ids[static_cast<size_t>(a)] < step.ids[static_cast<size_t>(b)];
    });
    for (size_t row = 0; row < rows; ++row) {
        if (step.row_source[row] == sorted[row])
            continue;
        return mismatch(
            "row_source", static_cast<int64_t>(row), 0, step.row_source[row], sorted[row]);
    }
    for (int expert = 0; expert <= config.experts; ++expert) {
        const auto below = std::count_if(
            step.ids.begin(), step.ids.end(), [expert](int32_t id) { return id < expert; });
        const int32_t got = step.offsets[static_cast<size_t>(expert)];
        if (got != below)
            return mismatch("offsets", expert, 0, got, static_cast<double>(below));
    }
    return "";
}

std::string check_quant(const moetop_config& config, const Step& step) {
    const int64_t hidden = config.hidden;
    const int64_t blocks = hidden / kBlock;
    for (int64_t row = 0; row < rows_of(config); row += sample_stride(rows_of(config))) {
        const int64_t token = step.row_source[static_cast<size_t>(row)] / config.top_k;
        for (int64_t block = 0; block < blocks; ++block) {
            std::vector<float> values;
            for (int64_t i = 0; i < kBlock; ++i) {
                values.push_back(static_cast<float>(from_bf16(
                    step.input[static_cast<size_t>(token * hidden + block * kBlock + i)])));
            }
            const float scale = block_scale(values);
            const float got_scale = step.x_scale[static_cast<size_t>(row * blocks + block)];
            if (got_scale != scale)
                return mismatch("x_scale", row, block, got_scale, scale);
            for (int64_t i = 0; i < kBlock; ++i) {
                const int64_t column = block * kBlock + i;
                const uint8_t want = to_e4m3(values[static_cast<size_t>(i)] / scale);
                const uint8_t got = step.x[static_cast<size_t>(row * hidden + column)];
                if (got != want)
                    return mismatch("x", row, column, from_e4m3(got), from_e4m3(want));
            }
        }
    }
    return "";
}

// The device's exponential is not exact, so that a value at a rounding boundary may go either way:
// a result counts as right when it is within half a step and a little of the exact value.
std::string check_act(const moetop_config& config, const Step& step) {
    const int64_t width = config.intermediate;
    const int64_t blocks = width / kBlock;
    for (int64_t row = 0; row < rows_of(config); row += sample_stride(rows_of(config))) {
        for (int64_t block = 0; block < blocks; ++block) {
            std::vector<float> values;
            for (int64_t i = 0; i < kBlock; ++i) {
                const int64_t column = block * kBlock + i;
                const double gate =
                    from_bf16(step.up[static_cast<size_t>(row * 2 * width + column)]);
                const double up =
                    from_bf16(step.up[static_cast<size_t>(row * 2 * width + width + column)]);
                values.push_back(static_cast<float>(gate / (1 + std::exp(-gate)) * up));
            }
            const double scale = block_scale(values);
            const double got_scale = step.act_scale[static_cast<size_t>(row * blocks + block)];
            if (!(std::fabs(got_scale - scale) <= 1e-5 * scale)) {
                return mismatch("act_scale", row, block, got_scale, scale);
            }
            for (int64_t i = 0; i < kBlock; ++i) {
                const int64_t column = block * kBlock + i;
                const double want = values[static_cast<size_t>(i)];
                const double got =
                    from_e4m3(step.act[static_cast<size_t>(row * width + column)]) * got_scale;
                const double half_step =
                    std::max(std::fabs(want) / 16, std::ldexp(got_scale, -10)) * 1.001;
                if (!(std::fabs(got - want) <= half_step)) {
                    return mismatch("act", row, column, got, want);
                }
            }
        }
    }
    return "";
}

std::string check_combine(const moetop_config& config, const Step& step) {
    const int64_t hidden = config.hidden;
    const std::vector<int64_t> rows = token_rows(step);
    for (int64_t token = 0; token < config.tokens; token += sample_stride(config.tokens)) {
        for (int64_t column = 0; column < hidden; ++column) {
            double want = 0;
            double magnitude = 0;
            for (int64_t i = token * config.top_k; i < (token + 1) * config.top_k; ++i) {
                const int64_t row = rows[static_cast<size_t>(i)];
                const double term =
                    step.weights[static_cast<size_t>(i)] *
                    from_bf16(step.down[static_cast<size_t>(row * hidden + column)]);
                want += term;
                magnitude += std::fabs(term);
            }
            const double got = from_bf16(step.output[static_cast<size_t>(token * hidden + column)]);
            if (!(std::fabs(got - want) <= kBf16HalfUlp * std::fabs(want) + 1e-6 * magnitude)) {
                return mismatch("output", token, column, got, want);
            }
        }
    }
    return "";
}

std::string check_gemm(const moetop_config& config, const Step& step, int stage) {
    // The tensor cores sum 128 products in four steps and keep some 13 bits after each.
    constexpr double kSumError = 4.0 / 8192;
    const bool is_up = stage == MOETOP_STAGE_UP;
    const int64_t n = is_up ? 2 * config.intermediate : config.hidden;
    const int64_t k = is_up ? config.hidden : config.intermediate;
    const int64_t blocks = k / kBlock;
    const auto& a = is_up ? step.x : step.act;
    const auto& a_scale = is_up ? step.x_scale : step.act_scale;
    const auto& b = is_up ? step.w1 : step.w2;
    const auto& b_scale = is_up ? step.w1_scale : step.w2_scale;
    const auto& d = is_up ? step.up : step.down;
    double decoded[256];
    for (int code = 0; code < 256; ++code) {
        decoded[code] = from_e4m3(static_cast<uint8_t>(code));
    }
    for (int64_t row = 0; row < rows_of(config); row += sample_stride(rows_of(config))) {
        const int64_t expert =
            step.ids[static_cast<size_t>(step.row_source[static_cast<size_t>(row)])];
        for (int64_t column = 0; column < n; ++column) {
            const uint8_t* const a_row = &a[static_cast<size_t>(row * k)];
            const uint8_t* const b_row = &b[static_cast<size_t>((expert * n + column) * k)];
            double want = 0;
            double magnitude = 0;
            for (int64_t block = 0; block < blocks; ++block) {
                double sum = 0;
                double sum_of_magnitudes = 0;
                for (int64_t i = block * kBlock; i < (block + 1) * kBlock; ++i) {
                    const double product = decoded[a_row[i]] * decoded[b_row[i]];
                    sum += product;
                    sum_of_magnitudes += std::fabs(product);
                }
                const double scale =
                    static_cast<double>(a_scale[static_cast<size_t>(row * blocks + block)]) *
                    b_scale[static_cast<size_t>((expert * (n / kBlock) + column / kBlock) * blocks +
                                                block)];
                want += sum * scale;
                magnitude += sum_of_magnitudes * scale;
            }
            const double got = from_bf16(d[static_cast<size_t>(row * n + column)]);
            if (!(std::fabs(got - want) <=
                  kBf16HalfUlp * std::fabs(want) + kSumError * magnitude)) {
                return mismatch(is_up ? "up" : "down", row, column, got, want);
            }
        }
    }
    return "";
}

}  // namespace moetop_test
