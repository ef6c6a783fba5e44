// What a kernel takes that does nothing, as one of many nodes that follow each other in a graph: no
// stage of a layer can be shorter that is a kernel of its own.
#include <cuda_runtime.h>

#include "ceilings/empty.h"
#include "ceilings/measure.h"

namespace moetop {
namespace {

constexpr int kRepeats = 15;
constexpr int kNodes = 256;  // the launch of the graph itself is lost among them

GraphExec make_chain(const CeilingBench& bench) {
    // Only what this thread does is held to the rules of capture: other threads may use CUDA.
    MOETOP_CHECK_CUDA(cudaStreamBeginCapture(bench.stream(), cudaStreamCaptureModeThreadLocal));
    for (int i = 0; i < kNodes; ++i) {
        launch_empty(bench.num_sms(), bench.stream());
    }
    cudaGraph_t captured = nullptr;
    MOETOP_CHECK_CUDA(cudaStreamEndCapture(bench.stream(), &captured));
    const Graph graph(captured);
    cudaGraphExec_t exec = nullptr;
    MOETOP_CHECK_CUDA(cudaGraphInstantiate(&exec, graph.get(), 0));
    return GraphExec(exec);
}

}  // namespace

void measure_kernel(const CeilingBench& bench, moetop_ceilings* out) {
    const GraphExec chain = make_chain(bench);
    Repeats times;
    for (int i = 0; i < kRepeats; ++i) {
        times.add(bench.time_us([&] {
            MOETOP_CHECK_CUDA(cudaGraphLaunch(chain.get(), bench.stream()));
        }) / kNodes);
    }
    out->kernel_us = settle(times, out);
}

}  // namespace moetop
