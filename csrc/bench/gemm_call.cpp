// One C function around the grouped GEMMs, so that peers.py can time them beside other people's in
// one process. Returns 0, or 1 with the reason on stderr.
#include <cstdio>
#include <exception>

#include "engine/resources.h"
#include "gemm/grouped_gemm.h"

using namespace moetop;

namespace {

// Forked launches need streams and events of their own; made once, kept for the process.
GemmLaunch make_launch(cudaStream_t stream) {
    static const Stream side[2] = {make_stream(), make_stream()};
    static const Event fork = make_event(cudaEventDisableTiming);
    static const Event join[2] = {make_event(cudaEventDisableTiming),
                                  make_event(cudaEventDisableTiming)};
    int device = 0;
    MOETOP_CHECK_CUDA(cudaGetDevice(&device));
    GemmLaunch launch = {};
    launch.stream = stream;
    launch.device = gemm_device(device);
    launch.es_launch = EsLaunch::kStreams;
    launch.fork = fork.get();
    for (int i = 0; i < 2; ++i) {
        launch.side_streams[i] = side[i].get();
        launch.join[i] = join[i].get();
    }
    return launch;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int moetop_bench_gemm(
    int family, int is_es, int starts_early, const GroupedGemm* gemm, void* stream) {
    try {
        GemmLaunch launch = make_launch(static_cast<cudaStream_t>(stream));
        launch.starts_early = starts_early != 0;
        launch_grouped_gemm(static_cast<GemmFamily>(family),
                            is_es != 0 ? GemmPolicy::kExpertSpecialized : GemmPolicy::kGeneric,
                            *gemm,
                            launch);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "moetop_bench_gemm: %s\n", error.what());
        return 1;
    }
}

extern "C" __attribute__((visibility("default"))) uint64_t
moetop_bench_workspace_bytes(int family, int num_experts, int num_sms) {
    return gemm_workspace_bytes(static_cast<GemmFamily>(family), num_experts, num_sms);
}
