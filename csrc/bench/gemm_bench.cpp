// Times and checks the grouped GEMMs of both families side by side.
//
//   gemm_bench [--model NAME,..] [--stage up|down|both] [--tokens N,..] [--routing NAME,..]
//              [--contenders NAME,..] [--reps N] [--gap-ms N] [--settle-ms N]
//              [--screen PERCENT] [--check-only] [--csv FILE]
//
// Contenders: cutlass-off, cutlass-on, native-off, native-on, cutlass-pdl-on (its launches in a
// chain instead of side by side), and the native kernels by name with -off or -on: s32, s64, s128
// (swapped), p, pp (plain: alone, in pairs); an e behind the name evicts weights first, as in
// s64e-on. With -early behind all that, as in native-on-early, a launch may start while the one in
// front still runs. Every contender's output is checked against a float64 reference before it is
// timed. A time is the median of CUDA graph replays over rotating inputs, contenders in turn, by
// CUDA events; with --settle-ms each is replayed for so long just before, so that it finds the
// caches and the clock as it leaves them itself. With --screen a contender that is so much slower
// than the fastest after the first rounds is timed no more: those two rounds are its figure.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/clocks.h"
#include "bench/problem.h"
#include "engine/resources.h"
#include "gemm/native/family.h"

namespace {

using namespace moetop;
using namespace moetop::bench;

const std::vector<Model> kModels = {{"dsv3-tp8", 256, 8, 7168, 256},
                                    {"dsv3-ep8", 32, 8, 7168, 2048},
                                    {"qwen3-235b-tp4", 128, 8, 4096, 384},
                                    {"qwen3-30b", 128, 8, 2048, 768}};

// The batches of docs/kernels.md's table.
const std::map<std::string, std::vector<int>> kBatches = {
    {"dsv3-tp8", {1, 4, 16, 64, 128, 256, 512, 1024, 2048, 4096, 8192}},
    {"dsv3-ep8", {16, 128, 512, 2048}},
    {"qwen3-235b-tp4", {1, 16, 128, 1024, 4096}},
    {"qwen3-30b", {1, 16, 64, 128, 1024, 8192}}};

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    std::stringstream stream(text);
    for (std::string part; std::getline(stream, part, ',');) {
        parts.push_back(part);
    }
    return parts;
}

struct Options {
    std::vector<std::string> models = {"dsv3-tp8", "dsv3-ep8", "qwen3-235b-tp4", "qwen3-30b"};
    std::vector<std::string> stages = {"up", "down"};
    std::vector<std::string> tokens;
    std::vector<std::string> routings = {"uniform"};
    std::vector<std::string> contenders = {"cutlass-off", "cutlass-on", "native-off", "native-on"};
    int reps = 15;
    int gap_ms = 0;
    int settle_ms = 0;
    int screen_percent = 0;
    bool is_check_only = false;
    std::string csv;
};

[[noreturn]] void usage(const std::string& problem) {
    std::fprintf(stderr, "gemm_bench: %s\n", problem.c_str());
    std::exit(2);
}

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string flag = argv[i];
        if (flag == "--check-only") {
            options.is_check_only = true;
            continue;
        }
        if (i + 1 >= argc)
            usage(flag + ": a value is missing, or the flag is not known");
        const std::string value = argv[++i];
        if (flag == "--model") {
            options.models = split(value);
        } else if (flag == "--stage") {
            options.stages =
                value == "both" ? std::vector<std::string>{"up", "down"} : split(value);
        } else if (flag == "--tokens") {
            options.tokens = split(value);
        } else if (flag == "--routing") {
            options.routings = split(value);
        } else if (flag == "--contenders") {
            options.contenders = split(value);
        } else if (flag == "--reps") {
            options.reps = std::atoi(value.c_str());
        } else if (flag == "--gap-ms") {
            options.gap_ms = std::atoi(value.c_str());
        } else if (flag == "--settle-ms") {
            options.settle_ms = std::atoi(value.c_str());
        } else if (flag == "--screen") {
            options.screen_percent = std::atoi(value.c_str());
        } else if (flag == "--csv") {
            options.csv = value;
        } else {
            usage(flag + " is not allowed");
        }
    }
    return options;
}

using Launch = std::function<void(const GroupedGemm&, const GemmLaunch&)>;

Launch contender(const std::string& name) {
    static const std::string kEarly = "-early";
    if (name.size() > kEarly.size() && name.substr(name.size() - kEarly.size()) == kEarly) {
        const Launch same = contender(name.substr(0, name.size() - kEarly.size()));
        return [=](const GroupedGemm& gemm, const GemmLaunch& launch) {
            GemmLaunch early = launch;
            early.starts_early = true;
            same(gemm, early);
        };
    }
    const size_t dash = name.rfind('-');
    if (dash == std::string::npos)
        usage("contenders: " + name + " is not allowed: NAME-off or NAME-on");
    const GemmPolicy policy =
        name.substr(dash) == "-on" ? GemmPolicy::kExpertSpecialized : GemmPolicy::kGeneric;
    const std::string what = name.substr(0, dash);
    if (what == "cutlass" || what == "cutlass-pdl") {
        const EsLaunch es_launch = what == "cutlass" ? EsLaunch::kStreams : EsLaunch::kPdl;
        return [=](const GroupedGemm& gemm, GemmLaunch launch) {
            launch.es_launch = es_launch;
            GroupedGemm own = gemm;
            own.workspace = static_cast<char*>(gemm.workspace) + kNativeWorkspaceBytes;
            launch_grouped_gemm(GemmFamily::kCutlass, policy, own, launch);
        };
    }
    if (what == "native") {
        return [=](const GroupedGemm& gemm, const GemmLaunch& launch) {
            launch_grouped_gemm(GemmFamily::kNative, policy, gemm, launch);
        };
    }
    static const std::map<std::string, native::TileKernel> kKernels = {
        {"s32", native::TileKernel::kSwapped32},
        {"s64", native::TileKernel::kSwapped64},
        {"s128", native::TileKernel::kSwapped128},
        {"p", native::TileKernel::kPlain},
        {"pp", native::TileKernel::kPlainPair}};
    const bool evicts = what.back() == 'e';
    const auto kernel = kKernels.find(evicts ? what.substr(0, what.size() - 1) : what);
    if (kernel == kKernels.end())
        usage("contenders: " + name + " is not allowed");
    const native::TileChoice choice = {kernel->second, evicts};
    return [=](const GroupedGemm& gemm, const GemmLaunch& launch) {
        native::launch_choice(choice, policy, gemm, launch);
    };
}

// A graph starts some microseconds after the event in front of it. It goes over the inputs as often
// as it takes to last this long, on the floor, so that its start is a percent of it at most.
constexpr double kMinGraphUs = 500;

// GEMMs of a problem's graph.
int num_steps(const Problem& problem) {
    const double lap_us = problem.floor_us() * problem.num_sets();
    return static_cast<int>(std::ceil(kMinGraphUs / lap_us)) * problem.num_sets();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values.empty() ? -1 : values[values.size() / 2];
}

class Bench {
  public:
    explicit Bench(const Options& options) : options_(options), clocks_(0) {
        cudaDeviceProp properties = {};
        MOETOP_CHECK_CUDA(cudaGetDeviceProperties(&properties, 0));
        std::printf("%s, %d SMs, %d MB of L2, reps %d, gap %d ms\n",
                    properties.name,
                    properties.multiProcessorCount,
                    properties.l2CacheSize >> 20,
                    options.reps,
                    options.gap_ms);
        stream_ = make_stream();
        launch_.stream = stream_.get();
        launch_.device = gemm_device(0);
        fork_ = make_event(cudaEventDisableTiming);
        launch_.fork = fork_.get();
        for (int i = 0; i < 2; ++i) {
            side_[i] = make_stream();
            join_[i] = make_event(cudaEventDisableTiming);
            launch_.side_streams[i] = side_[i].get();
            launch_.join[i] = join_[i].get();
        }
        start_ = make_event(cudaEventDefault);
        stop_ = make_event(cudaEventDefault);
        if (!options.csv.empty()) {
            csv_ = std::fopen(options.csv.c_str(), "w");
            if (csv_ == nullptr)
                usage("csv: cannot write " + options.csv);
            std::fprintf(csv_,
                         "shape,dist,tokens,what,contender,us,floor_us,tflops,sm_mhz,watts\n");
        }
    }

    void run() {
        for (const std::string& name : options_.models) {
            const auto model = std::find_if(
                kModels.begin(), kModels.end(), [&](const Model& m) { return m.name == name; });
            if (model == kModels.end())
                usage("model: " + name + " is not allowed");
            for (const std::string& stage : options_.stages) {
                Problem problem(*model, stage == "up", launch_.device.num_sms);
                for (const std::string& routing : options_.routings) {
                    std::vector<int> batches = kBatches.at(name);
                    if (!options_.tokens.empty()) {
                        batches.clear();
                        for (const std::string& text : options_.tokens) {
                            batches.push_back(std::atoi(text.c_str()));
                        }
                    }
                    for (const int tokens : batches) {
                        row(*model, stage, routing, tokens, problem);
                    }
                }
            }
        }
        if (csv_ != nullptr)
            std::fclose(csv_);
    }

    bool has_failed() const { return has_failed_; }

  private:
    void row(const Model& model,
             const std::string& stage,
             const std::string& routing,
             int tokens,
             Problem& problem) {
        const int num_sets = tokens <= 512 ? 8 : 3;
        std::vector<std::vector<int>> counts;
        for (int s = 0; s < num_sets; ++s) {
            counts.push_back(draw_counts(model, tokens, routing, 1000 * tokens + s));
        }
        problem.set_batch(counts, tokens, stream_.get());
        std::printf(
            "%-14s %-4s %-7s %5d", model.name.c_str(), stage.c_str(), routing.c_str(), tokens);
        std::printf("  floor %6.1f", problem.floor_us());
        std::fflush(stdout);
        std::vector<GraphExec> graphs;
        std::vector<std::string> names;
        for (const std::string& name : options_.contenders) {
            const Launch launch = contender(name);
            const std::string wrong = check(launch, problem);
            if (!wrong.empty()) {
                std::printf("\n    FAIL %s: %s\n", name.c_str(), wrong.c_str());
                has_failed_ = true;
                continue;
            }
            graphs.push_back(capture(launch, problem));
            names.push_back(name);
        }
        if (!options_.is_check_only)
            time(model, stage, routing, tokens, problem, graphs, names);
        std::printf("  worst error %.2f of its bound\n", worst_);
        worst_ = 0;
    }

    std::string check(const Launch& launch, Problem& problem) {
        for (int s = 0; s < std::min(problem.num_sets(), 2); ++s) {
            uint64_t fingerprint = 0;
            for (int repeat = 0; repeat < 3; ++repeat) {
                problem.poison(s, stream_.get());
                launch(problem.gemm(s), launch_);
                const uint64_t now = problem.fingerprint(s, stream_.get());
                if (repeat > 0 && now != fingerprint)
                    return "the same inputs gave other bits";
                fingerprint = now;
            }
            const std::string wrong = problem.check(s, &worst_, stream_.get());
            if (!wrong.empty())
                return wrong;
        }
        return "";
    }

    GraphExec capture(const Launch& launch, Problem& problem) {
        MOETOP_CHECK_CUDA(cudaStreamBeginCapture(stream_.get(), cudaStreamCaptureModeThreadLocal));
        const int steps = num_steps(problem);
        for (int step = 0; step < steps; ++step) {
            launch(problem.gemm(step % problem.num_sets()), launch_);
        }
        cudaGraph_t graph = nullptr;
        MOETOP_CHECK_CUDA(cudaStreamEndCapture(stream_.get(), &graph));
        const Graph owner(graph);
        cudaGraphExec_t executable = nullptr;
        MOETOP_CHECK_CUDA(cudaGraphInstantiate(&executable, graph, 0));
        return GraphExec(executable);
    }

    struct Figures {
        std::vector<double> us, mhz, watts;
    };

    // Drops what the first rounds measured, but for the contenders that they have screened out.
    // Returns which go on.
    std::vector<bool> begin_anew(std::vector<Figures>& figures) const {
        const auto best = [](const Figures& f) {
            return *std::min_element(f.us.begin(), f.us.end());
        };
        double fastest = INFINITY;
        for (const Figures& f : figures) {
            fastest = std::min(fastest, best(f));
        }
        const double limit = options_.screen_percent == 0
                                 ? INFINITY
                                 : fastest * (1 + options_.screen_percent / 100.0);
        std::vector<bool> goes_on;
        for (Figures& f : figures) {
            goes_on.push_back(best(f) <= limit);
            if (goes_on.back())
                f = {};
        }
        return goes_on;
    }

    // One replay, after the gap and as many more as it takes to settle.
    double replay_us(const GraphExec& graph) {
        using std::chrono::steady_clock, std::chrono::milliseconds;
        std::this_thread::sleep_for(milliseconds(options_.gap_ms));
        const auto is_settled = steady_clock::now() + milliseconds(options_.settle_ms);
        while (options_.settle_ms > 0) {
            MOETOP_CHECK_CUDA(cudaGraphLaunch(graph.get(), stream_.get()));
            if (steady_clock::now() >= is_settled)
                break;
            MOETOP_CHECK_CUDA(cudaStreamSynchronize(stream_.get()));
        }
        MOETOP_CHECK_CUDA(cudaEventRecord(start_.get(), stream_.get()));
        MOETOP_CHECK_CUDA(cudaGraphLaunch(graph.get(), stream_.get()));
        MOETOP_CHECK_CUDA(cudaEventRecord(stop_.get(), stream_.get()));
        MOETOP_CHECK_CUDA(cudaStreamSynchronize(stream_.get()));
        float ms = 0;
        MOETOP_CHECK_CUDA(cudaEventElapsedTime(&ms, start_.get(), stop_.get()));
        return ms * 1e3;
    }

    void time(const Model& model,
              const std::string& stage,
              const std::string& routing,
              int tokens,
              Problem& problem,
              const std::vector<GraphExec>& graphs,
              const std::vector<std::string>& names) {
        const int steps = num_steps(problem);
        constexpr int kFirstRounds = 2;
        std::vector<Figures> figures(graphs.size());
        std::vector<bool> is_timed(graphs.size(), true);
        for (int round = 0; round < kFirstRounds + options_.reps; ++round) {
            if (round == kFirstRounds)
                is_timed = begin_anew(figures);
            for (size_t i = 0; i < graphs.size(); ++i) {
                // There and back again, so that a drift hits all alike.
                const size_t c = round % 2 == 0 ? i : graphs.size() - 1 - i;
                if (!is_timed[c])
                    continue;
                figures[c].us.push_back(replay_us(graphs[c]) / steps);
                figures[c].mhz.push_back(clocks_.sm_mhz());
                figures[c].watts.push_back(clocks_.watts());
            }
        }
        const double floor = problem.floor_us();
        for (size_t i = 0; i < names.size(); ++i) {
            const double t = median(figures[i].us);
            std::printf("  %s %.1f (%.0f%%)", names[i].c_str(), t, 100 * floor / t);
            if (csv_ != nullptr) {
                std::fprintf(csv_,
                             "%s,%s,%d,%s,%s,%.2f,%.2f,%.1f,%.0f,%.0f\n",
                             model.name.c_str(),
                             routing.c_str(),
                             tokens,
                             stage.c_str(),
                             names[i].c_str(),
                             t,
                             floor,
                             problem.flops() / t * 1e-6,
                             median(figures[i].mhz),
                             median(figures[i].watts));
            }
        }
        std::printf("  %.0f MHz", names.empty() ? -1.0 : median(figures.front().mhz));
        if (csv_ != nullptr)
            std::fflush(csv_);
    }

    const Options options_;
    Clocks clocks_;
    Stream stream_, side_[2];
    Event fork_, join_[2], start_, stop_;
    GemmLaunch launch_ = {};
    std::FILE* csv_ = nullptr;
    double worst_ = 0;
    bool has_failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
    try {
        Bench bench(parse(argc, argv));
        bench.run();
        return bench.has_failed() ? 1 : 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "gemm_bench: %s\n", error.what());
        return 1;
    }
}
