#include "engine_checks.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

namespace moetop_test {
namespace {

size_t rows_of(const moetop_config& config) {
    return static_cast<size_t>(config.tokens) * static_cast<size_t>(config.top_k);
}

template <typename T>
std::string read(moetop_engine* engine, int tensor, size_t count, std::vector<T>* values) {
    values->resize(count);
    return problem_of(moetop_read_tensor(engine, tensor, 0, values->data(), count * sizeof(T)));
}

}  // namespace

std::string problem_of(int32_t status) {
    if (status == MOETOP_OK)
        return "";
    return "status " + std::to_string(status) + ", " + moetop_last_error();
}

Routings make_routings(const moetop_config& config, uint32_t seed) {
    std::mt19937 random(seed);
    const int usable = config.experts > config.top_k ? config.experts - 1 : config.experts;
    Routings routings;
    std::vector<int32_t> order(static_cast<size_t>(usable));
    for (int token = 0; token < config.num_routings * config.tokens; ++token) {
        for (int i = 0; i < usable; ++i) {
            order[static_cast<size_t>(i)] = i;
        }
        const bool is_hot = random() % 2 == 0;
        for (int j = 0; j < config.top_k; ++j) {
            const int skipped = static_cast<int>(random() % static_cast<uint32_t>(usable - j));
            const int chosen = is_hot && j == 0 ? 0 : j + skipped;
            std::swap(order[static_cast<size_t>(j)], order[static_cast<size_t>(chosen)]);
            routings.ids.push_back(order[static_cast<size_t>(j)]);
            routings.weights.push_back(static_cast<float>(random() % 1000 + 1) / 1000.0f);
        }
    }
    return routings;
}

std::string read_step(moetop_engine* engine, const moetop_config& config, Step* step) {
    const size_t rows = rows_of(config);
    const auto experts = static_cast<size_t>(config.experts);
    const auto tokens = static_cast<size_t>(config.tokens);
    const auto hidden = static_cast<size_t>(config.hidden);
    const auto width = static_cast<size_t>(config.intermediate);
    const size_t hidden_blocks = hidden / 128;
    const size_t width_blocks = width / 128;
    const size_t scales = experts * hidden_blocks * width_blocks;
    const std::string problems[] = {
        read(engine, MOETOP_TENSOR_INPUT, tokens * hidden, &step->input),
        read(engine, MOETOP_TENSOR_TOPK_IDS, rows, &step->ids),
        read(engine, MOETOP_TENSOR_TOPK_WEIGHTS, rows, &step->weights),
        read(engine, MOETOP_TENSOR_W1, experts * 2 * width * hidden, &step->w1),
        read(engine, MOETOP_TENSOR_W1_SCALE, 2 * scales, &step->w1_scale),
        read(engine, MOETOP_TENSOR_W2, experts * hidden * width, &step->w2),
        read(engine, MOETOP_TENSOR_W2_SCALE, scales, &step->w2_scale),
        read(engine, MOETOP_TENSOR_OFFSETS, experts + 1, &step->offsets),
        read(engine, MOETOP_TENSOR_ROW_SOURCE, rows, &step->row_source),
        read(engine, MOETOP_TENSOR_X, rows * hidden, &step->x),
        read(engine, MOETOP_TENSOR_X_SCALE, rows * hidden_blocks, &step->x_scale),
        read(engine, MOETOP_TENSOR_UP, rows * 2 * width, &step->up),
        read(engine, MOETOP_TENSOR_ACT, rows * width, &step->act),
        read(engine, MOETOP_TENSOR_ACT_SCALE, rows * width_blocks, &step->act_scale),
        read(engine, MOETOP_TENSOR_DOWN, rows * hidden, &step->down),
        read(engine, MOETOP_TENSOR_OUTPUT, tokens * hidden, &step->output),
    };
    for (const std::string& problem : problems) {
        if (!problem.empty())
            return problem;
    }
    return "";
}

std::string check_ring(const moetop_config& config,
                       const Routings& routings,
                       const Step& step,
                       uint64_t number) {
    const size_t rows = rows_of(config);
    const size_t slot = number % static_cast<uint64_t>(config.num_routings);
    if (!std::equal(step.ids.begin(), step.ids.end(), routings.ids.begin() + slot * rows)) {
        return "the ids are not those of routing " + std::to_string(slot);
    }
    if (!std::equal(
            step.weights.begin(), step.weights.end(), routings.weights.begin() + slot * rows)) {
        return "the weights are not those of routing " + std::to_string(slot);
    }
    return "";
}

std::string same_bits(const Step& a, const Step& b) {
    if (a.row_source != b.row_source)
        return "route differs";
    if (a.x != b.x || a.x_scale != b.x_scale)
        return "quant differs";
    if (a.up != b.up)
        return "up differs";
    if (a.act != b.act || a.act_scale != b.act_scale)
        return "act differs";
    if (a.down != b.down)
        return "down differs";
    return a.output == b.output ? "" : "combine differs";
}

std::string check_timings(moetop_engine* engine,
                          const moetop_config& config,
                          const std::vector<uint32_t>& masks) {
    std::vector<moetop_step_timing> timings(masks.size() + 1);
    int32_t count = 0;
    uint64_t dropped = 0;
    const int32_t status = moetop_read_timings(
        engine, timings.data(), static_cast<int32_t>(timings.size()), &count, &dropped);
    if (status != MOETOP_OK)
        return problem_of(status);
    moetop_engine_info info = {};
    info.struct_size = sizeof(info);
    moetop_get_engine_info(engine, &info);
    if (info.timer == MOETOP_TIMER_NONE)
        return count == 0 ? "" : "a timing without a timer";
    if (dropped != 0)
        return std::to_string(dropped) + " steps were not timed";
    if (static_cast<size_t>(count) != masks.size()) {
        return std::to_string(count) + " timings of " + std::to_string(masks.size()) + " steps";
    }
    for (size_t i = 0; i < masks.size(); ++i) {
        const moetop_step_timing& timing = timings[i];
        const std::string step = "step " + std::to_string(i) + ": ";
        if (timing.step != i)
            return step + "has number " + std::to_string(timing.step);
        if (timing.es_mask != masks[i])
            return step + "has mask " + std::to_string(timing.es_mask);
        if (timing.routing != static_cast<int32_t>(i) % config.num_routings) {
            return step + "has routing " + std::to_string(timing.routing);
        }
        double sum = timing.gap_us;
        for (const float stage : timing.stage_us) {
            if (stage < 0)
                return step + "a stage took less than nothing";
            sum += stage;
        }
        if (!(timing.step_us > 0) || std::fabs(sum - timing.step_us) > 1e-4 * timing.step_us) {
            return step + std::to_string(sum) + " us in stages and gaps of " +
                   std::to_string(timing.step_us);
        }
    }
    return "";
}

std::string check_launches(moetop_engine* engine, uint32_t mask) {
    int32_t count = 0;
    int32_t status = moetop_describe_launches(engine, mask, nullptr, 0, &count);
    if (status != MOETOP_OK)
        return problem_of(status);
    std::vector<moetop_launch> launches(static_cast<size_t>(count));
    for (moetop_launch& launch : launches) {
        launch.struct_size = sizeof(launch);
    }
    status = moetop_describe_launches(engine, mask, launches.data(), count, &count);
    if (status != MOETOP_OK)
        return problem_of(status);
    if (count < MOETOP_NUM_STAGES)
        return std::to_string(count) + " launches in six stages";
    int previous = MOETOP_STAGE_ROUTE;
    for (const moetop_launch& launch : launches) {
        if (launch.stage < previous)
            return std::string(launch.name) + " is out of order";
        previous = launch.stage;
        if (launch.local_bytes_per_thread != 0) {
            return std::string(launch.name) + " uses local memory";
        }
        if (launch.grid[0] == 0 || launch.block[0] == 0 || launch.registers_per_thread == 0) {
            return std::string(launch.name) + " is not described";
        }
    }
    return previous == MOETOP_STAGE_COMBINE ? "" : "the last stage has no launch";
}

std::string check_tiles(moetop_engine* engine, int32_t stage, uint32_t mask) {
    const uint32_t bit = stage == MOETOP_STAGE_UP ? MOETOP_ES_UP : MOETOP_ES_DOWN;
    const uint32_t is_es = (mask & bit) != 0 ? 1 : 0;
    int32_t count = 0;
    int32_t status = moetop_describe_tiles(engine, stage, is_es, nullptr, 0, &count);
    if (status != MOETOP_OK)
        return problem_of(status);
    std::vector<moetop_tile_class> classes(static_cast<size_t>(count));
    for (moetop_tile_class& tile_class : classes) {
        tile_class.struct_size = sizeof(tile_class);
    }
    status = moetop_describe_tiles(engine, stage, is_es, classes.data(), count, &count);
    if (status != MOETOP_OK)
        return problem_of(status);
    if (classes.empty() || classes.back().max_rows != 0)
        return "no class takes the largest expert";
    int32_t below = 0;
    for (const moetop_tile_class& tile_class : classes) {
        const bool is_last = &tile_class == &classes.back();
        if (!is_last && tile_class.max_rows <= below)
            return std::string(tile_class.name) + " takes nothing";
        below = tile_class.max_rows;
        if (tile_class.tile_rows < 1 || tile_class.row_step < 1 || tile_class.tile_columns < 1 ||
            tile_class.stages < 1 || tile_class.cluster < 1 || tile_class.split_k < 1 ||
            tile_class.warpgroups < 1 || tile_class.letter[0] == '\0' ||
            tile_class.name[0] == '\0') {
            return std::string(tile_class.name) + " is not described";
        }
    }
    int32_t num_launches = 0;
    moetop_describe_launches(engine, mask, nullptr, 0, &num_launches);
    std::vector<moetop_launch> launches(static_cast<size_t>(num_launches));
    for (moetop_launch& launch : launches) {
        launch.struct_size = sizeof(launch);
    }
    status = moetop_describe_launches(engine, mask, launches.data(), num_launches, &num_launches);
    if (status != MOETOP_OK)
        return problem_of(status);
    // A native GEMM is one launch, whatever its classes; of the others each has one, in any order.
    const std::string family = "cutlass ";
    std::set<std::string> unmatched;
    for (const moetop_tile_class& tile_class : classes) {
        unmatched.insert(family + tile_class.name);
    }
    size_t matched = 0;
    size_t num_native = 0;
    for (const moetop_launch& launch : launches) {
        if (launch.stage != stage)
            continue;
        num_native += std::string(launch.name).rfind("native ", 0) == 0;
        if (std::string(launch.name).rfind(family, 0) != 0)
            continue;
        if (unmatched.erase(launch.name) == 0)
            return std::string(launch.name) + " is of no class";
        ++matched;
    }
    if (num_native > 1 || (num_native == 1 && matched != 0))
        return std::to_string(num_native) + " native launches in one GEMM";
    if (matched != 0 && matched != classes.size())
        return std::to_string(matched) + " launches of " + std::to_string(classes.size()) +
               " classes";
    return "";
}

}  // namespace moetop_test
