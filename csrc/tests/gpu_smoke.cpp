// A native check of the whole library on a GPU, through the C ABI alone; small enough to run under
// compute-sanitizer.
//
//   gpu_smoke LIBRARY [--small] [--family NAME]
//
// --small is for such tools: it leaves out the workloads with many rows, and all timers but events,
// since they own CUPTI themselves. --family checks the workloads of one kernel family and nothing
// else, which lets a slow tool come to its end. Prints a line a check and exits 1 if one failed.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "engine_checks.h"
#include "library.h"
#include "moetop.h"
#include "reference.h"

namespace {

using namespace moetop_test;

int num_failures = 0;

bool report(const std::string& check, const std::string& problem) {
    std::printf("%s %s%s%s\n",
                problem.empty() ? "ok  " : "FAIL",
                check.c_str(),
                problem.empty() ? "" : ": ",
                problem.c_str());
    std::fflush(stdout);
    if (!problem.empty())
        ++num_failures;
    return problem.empty();
}

moetop_config make_config(int experts, int top_k, int hidden, int intermediate, int tokens) {
    moetop_config config = {};
    config.struct_size = sizeof(config);
    config.experts = experts;
    config.top_k = top_k;
    config.hidden = hidden;
    config.intermediate = intermediate;
    config.tokens = tokens;
    config.num_routings = 3;
    config.timer = MOETOP_TIMER_NONE;
    config.seed = 42;
    return config;
}

void check_stages(const std::string& name, const moetop_config& config, const Step& step) {
    // A wrong route would send the checks after it out of bounds.
    if (!report(name + " route", check_route(config, step)))
        return;
    report(name + " quant", check_quant(config, step));
    report(name + " up", check_gemm(config, step, MOETOP_STAGE_UP));
    report(name + " act", check_act(config, step));
    report(name + " down", check_gemm(config, step, MOETOP_STAGE_DOWN));
    report(name + " combine", check_combine(config, step));
}

// All masks on one engine: results, ring, repeatability, timings, launches, and new routings.
void check_workload(const std::string& name, const moetop_config& config) {
    moetop_engine* engine = nullptr;
    if (!report(name + " create", problem_of(moetop_create(&config, &engine))))
        return;
    std::vector<uint32_t> masks;
    for (uint32_t round = 0; round < 2; ++round) {
        const Routings routings = make_routings(config, 7 + round);
        report(
            name + " set_routings",
            problem_of(moetop_set_routings(engine, routings.ids.data(), routings.weights.data())));
        for (uint32_t mask = 0; mask < MOETOP_NUM_ES_MASKS; ++mask) {
            const std::string here =
                name + " routings " + std::to_string(round) + " mask " + std::to_string(mask);
            moetop_set_es_mask(engine, mask, nullptr);
            Step steps[2];
            for (Step& step : steps) {
                // A whole turn of the ring between the two, so that their inputs are the same.
                report(here + " run", problem_of(moetop_run(engine, config.num_routings)));
                masks.insert(masks.end(), static_cast<size_t>(config.num_routings), mask);
                const std::string problem = read_step(engine, config, &step);
                if (!report(here + " read", problem))
                    return;
            }
            report(here + " ring", check_ring(config, routings, steps[1], masks.size() - 1));
            report(here + " repeat", same_bits(steps[0], steps[1]));
            check_stages(here, config, steps[1]);
            // One step more, so that each mask ends at another place in the ring.
            report(here + " step", problem_of(moetop_run(engine, 1)));
            masks.push_back(mask);
        }
    }
    report(name + " synchronize", problem_of(moetop_synchronize(engine)));
    report(name + " timings", check_timings(engine, config, masks));
    for (uint32_t mask = 0; mask < MOETOP_NUM_ES_MASKS; ++mask) {
        report(name + " launches of mask " + std::to_string(mask), check_launches(engine, mask));
        for (const int32_t stage : {MOETOP_STAGE_UP, MOETOP_STAGE_DOWN}) {
            report(
                name + " tiles of stage " + std::to_string(stage) + " mask " + std::to_string(mask),
                check_tiles(engine, stage, mask));
        }
    }
    report(name + " destroy", problem_of(moetop_destroy(engine)));
}

std::string expect_refusal(int32_t status, int32_t want, const char* field) {
    if (status != want)
        return "status " + std::to_string(status) + ", want " + std::to_string(want);
    const char* const text = moetop_last_error();
    if (std::strstr(text, field) != nullptr)
        return "";
    return std::string("the text does not name ") + field + ": " + text;
}

void check_refusals() {
    struct Case {
        const char* field;
        void (*spoil)(moetop_config*);
    };
    const Case cases[] = {
        {"experts", [](moetop_config* c) { c->experts = 0; }},
        {"experts", [](moetop_config* c) { c->experts = 1025; }},
        {"top_k", [](moetop_config* c) { c->top_k = c->experts + 1; }},
        {"hidden", [](moetop_config* c) { c->hidden = 200; }},
        {"intermediate", [](moetop_config* c) { c->intermediate = 64; }},
        {"tokens", [](moetop_config* c) { c->tokens = 262144; }},
        {"num_routings", [](moetop_config* c) { c->num_routings = 65; }},
        {"kernels", [](moetop_config* c) { c->kernels = 2; }},
        {"timer", [](moetop_config* c) { c->timer = -1; }},
        {"es_launch", [](moetop_config* c) { c->es_launch = 3; }},
        {"struct_size", [](moetop_config* c) { c->struct_size = 4; }},
    };
    for (const Case& refused : cases) {
        moetop_config config = make_config(8, 2, 256, 128, 4);
        refused.spoil(&config);
        moetop_engine* engine = nullptr;
        report(
            std::string("refuses ") + refused.field,
            expect_refusal(moetop_create(&config, &engine), MOETOP_ERROR_ARGUMENT, refused.field));
    }
    const moetop_config huge = make_config(1024, 8, 131072, 131072, 1);
    moetop_engine* engine = nullptr;
    report("refuses what does not fit",
           expect_refusal(moetop_create(&huge, &engine), MOETOP_ERROR_MEMORY, "weights"));

    const moetop_config config = make_config(8, 2, 256, 128, 4);
    if (!report("create for bad routings", problem_of(moetop_create(&config, &engine))))
        return;
    Routings routings = make_routings(config, 1);
    routings.ids[0] = 8;
    report("refuses an id out of range",
           expect_refusal(moetop_set_routings(engine, routings.ids.data(), routings.weights.data()),
                          MOETOP_ERROR_ARGUMENT,
                          "topk_ids"));
    routings.ids[0] = routings.ids[1];
    report("refuses an expert twice",
           expect_refusal(moetop_set_routings(engine, routings.ids.data(), routings.weights.data()),
                          MOETOP_ERROR_ARGUMENT,
                          "distinct"));
    report(
        "refuses a mask",
        expect_refusal(moetop_set_es_mask(engine, 4, nullptr), MOETOP_ERROR_ARGUMENT, "es_mask"));
    report("destroy", problem_of(moetop_destroy(engine)));
}

// AUTO must say what it took, and why if it is not CUPTI.
void check_auto_timer() {
    moetop_config config = make_config(8, 2, 256, 128, 4);
    config.timer = MOETOP_TIMER_AUTO;
    moetop_engine* engine = nullptr;
    if (!report("auto timer create", problem_of(moetop_create(&config, &engine))))
        return;
    moetop_engine_info info = {};
    info.struct_size = sizeof(info);
    report("auto timer info", problem_of(moetop_get_engine_info(engine, &info)));
    const bool has_reason = info.timer_reason[0] != '\0';
    const bool is_told = info.timer == MOETOP_TIMER_CUPTI
                             ? !has_reason
                             : info.timer == MOETOP_TIMER_EVENTS && has_reason;
    report("auto timer is told",
           is_told
               ? ""
               : "timer " + std::to_string(info.timer) + ", reason '" + info.timer_reason + "'");
    if (has_reason)
        std::printf("     events because: %s\n", info.timer_reason);
    report("auto timer destroy", problem_of(moetop_destroy(engine)));
}

// Many steps without waiting: every one is timed, none is mixed up with another.
void check_stream_of_steps(const std::string& name, moetop_config config) {
    constexpr int kSteps = 2000;
    moetop_engine* engine = nullptr;
    if (!report(name + " create", problem_of(moetop_create(&config, &engine))))
        return;
    std::vector<uint32_t> masks;
    for (int step = 0; step < kSteps; ++step) {
        const auto mask = static_cast<uint32_t>(step / 7 % MOETOP_NUM_ES_MASKS);
        moetop_set_es_mask(engine, mask, nullptr);
        masks.push_back(mask);
        const int32_t status = moetop_run(engine, 1);
        if (status == MOETOP_OK)
            continue;
        report(name + " run", problem_of(status));
        break;
    }
    report(name + " synchronize", problem_of(moetop_synchronize(engine)));
    report(name + " timings", check_timings(engine, config, masks));
    report(name + " destroy", problem_of(moetop_destroy(engine)));
}

// The measuring kernels check what they compute; here only that the figures can be.
void check_ceilings() {
    moetop_ceilings ceilings = {};
    report("ceilings refuse another struct",
           expect_refusal(
               moetop_measure_ceilings(0, &ceilings), MOETOP_ERROR_ARGUMENT, "struct_size"));
    ceilings.struct_size = sizeof(ceilings);
    report("ceilings refuse another device",
           expect_refusal(moetop_measure_ceilings(99, &ceilings), MOETOP_ERROR_DEVICE, "device"));
    if (!report("ceilings", problem_of(moetop_measure_ceilings(0, &ceilings))))
        return;
    std::printf(
        "     %.0f GB/s from DRAM, %.0f from L2, %.0f TFLOP/s at %.0f MHz, empty kernel "
        "%.2f us, spread %.2f%%\n",
        ceilings.read_bytes_per_s / 1e9,
        ceilings.l2_read_bytes_per_s / 1e9,
        ceilings.fp8_flops_per_s / 1e12,
        ceilings.sm_clock_mhz,
        ceilings.kernel_us,
        ceilings.spread_percent);
    for (int i = 0; i < MOETOP_NUM_WRITE_COSTS; ++i) {
        std::printf("     %4.0f MiB written cost %.2f us\n",
                    static_cast<double>(ceilings.written_bytes[i]) / (1 << 20),
                    ceilings.write_cost_us[i]);
    }
    // No Hopper reads faster than 8 TB/s or multiplies faster than its 4096 products a cycle and
    // SM.
    const bool is_plausible =
        ceilings.read_bytes_per_s > 1e12 && ceilings.read_bytes_per_s < 8e12 &&
        ceilings.l2_read_bytes_per_s > ceilings.read_bytes_per_s &&
        ceilings.fp8_flops_per_s > 1e14 &&
        ceilings.fp8_flops_per_s < 2.0 * 4096 * 132 * ceilings.sm_clock_mhz * 1e6 &&
        ceilings.kernel_us > 0.2 && ceilings.kernel_us < 10.0 && ceilings.write_cost_us[0] == 0.0 &&
        ceilings.write_cost_us[MOETOP_NUM_WRITE_COSTS - 1] > 0.0;
    report("ceilings are plausible", is_plausible ? "" : "see the figures above");
}

struct Options {
    const char* library = nullptr;
    bool is_small = false;
    std::string family;  // empty is every one
};

bool parse(int argc, char** argv, Options& options) {
    if (argc < 2)
        return false;
    options.library = argv[1];
    for (int i = 2; i < argc; ++i) {
        if (std::strcmp(argv[i], "--small") == 0) {
            options.is_small = true;
        } else if (std::strcmp(argv[i], "--family") == 0 && i + 1 < argc) {
            options.family = argv[++i];
            if (options.family != "cutlass" && options.family != "native")
                return false;
        } else {
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    Options options;
    if (!parse(argc, argv, options)) {
        std::fprintf(stderr, "usage: gpu_smoke LIBRARY [--small] [--family cutlass|native]\n");
        return 2;
    }
    const std::string problem = moetop_test::open_library(options.library);
    if (!problem.empty()) {
        std::fprintf(stderr, "gpu_smoke: %s\n", problem.c_str());
        return 1;
    }
    std::printf("%s\n", moetop_provider());
    struct Named {
        const char* name;
        int32_t value;
    };
    std::vector<Named> timers = {{"events", MOETOP_TIMER_EVENTS}};
    if (!options.is_small) {
        timers.push_back({"none", MOETOP_TIMER_NONE});
        timers.push_back({"cupti", MOETOP_TIMER_CUPTI});
    }
    struct Kernels {
        const char* family;
        const char* name;
        int32_t value;
        int32_t es_launch;
    };
    const Kernels families[] = {
        {"cutlass", "cutlass pdl", MOETOP_KERNELS_CUTLASS, MOETOP_ES_LAUNCH_PDL},
        {"cutlass", "cutlass streams", MOETOP_KERNELS_CUTLASS, MOETOP_ES_LAUNCH_STREAMS},
        {"native", "native", MOETOP_KERNELS_NATIVE, MOETOP_ES_LAUNCH_AUTO}};
    struct Shape {
        const char* name;
        moetop_config config;
        bool has_many_rows;
    };
    const Shape shapes[] = {
        {"tiny", make_config(8, 2, 256, 128, 5), false},
        {"one", make_config(1, 1, 128, 128, 1), false},
        {"few", make_config(16, 6, 256, 128, 40), false},
        // What takes the native family's other kernels: 32 rows of weights, many units of 64, 192
        // tokens, and pairs of CTAs that share them, with k in whole laps of their ring and not.
        {"single", make_config(16, 8, 1024, 128, 1), false},
        {"wide", make_config(4, 2, 1024, 128, 80), false},
        {"tall", make_config(4, 2, 512, 384, 200), false},
        {"pairs", make_config(2, 1, 1024, 128, 200), false},
        {"pairs, odd k", make_config(2, 1, 1152, 128, 200), false},
        {"ragged", make_config(32, 6, 384, 256, 77), true},
        {"middle", make_config(64, 8, 256, 256, 1500), true},
        {"long", make_config(16, 16, 128, 128, 8200), true},
        {"experts", make_config(1024, 8, 256, 128, 301), true},
    };
    if (options.family.empty())
        check_refusals();
    if (!options.is_small) {
        check_ceilings();
        check_auto_timer();
    }
    for (const Named& timer : timers) {
        for (const Shape& shape : shapes) {
            if (options.is_small && shape.has_many_rows)
                continue;
            for (const Kernels& kernels : families) {
                if (!options.family.empty() && options.family != kernels.family)
                    continue;
                moetop_config config = shape.config;
                config.timer = timer.value;
                config.kernels = kernels.value;
                config.es_launch = kernels.es_launch;
                check_workload(std::string(shape.name) + " " + timer.name + " " + kernels.name,
                               config);
            }
        }
        if (options.is_small)
            continue;
        moetop_config config = shapes[0].config;
        config.timer = timer.value;
        check_stream_of_steps(std::string("stream ") + timer.name, config);
    }
    std::printf("gpu_smoke: %d failed\n", num_failures);
    return num_failures == 0 ? 0 : 1;
}
