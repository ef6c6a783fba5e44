#include "engine/step_graph.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "gemm/grouped_gemm.h"

namespace moetop {
namespace {

// The mangled name, or empty for a kernel that the runtime does not know.
std::string kernel_name(const void* function) {
    const char* name = nullptr;
    if (cudaFuncGetName(&name, function) != cudaSuccess || name == nullptr) {
        (void)cudaGetLastError();
        return "";
    }
    return name;
}

// CUTLASS's kernels have names that the demangler refuses and that nobody would read.
std::string readable_name(const std::string& name) {
    if (name.empty())
        return "unknown kernel";
    const std::string gemm = gemm_kernel_name(name.c_str());
    if (!gemm.empty())
        return gemm;
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> text(
        abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
    return status == 0 ? text.get() : name;
}

}  // namespace

StepGraph::StepGraph(cudaStream_t stream,
                     const std::function<void(int)>& stage,
                     const std::function<void(int)>& boundary) {
    // Only what this thread does is held to the rules of capture: other threads may use CUDA.
    MOETOP_CHECK_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    try {
        capture(stream, stage, boundary);
    } catch (...) {
        // The stream must leave capture mode for the next attempt.
        cudaGraph_t abandoned = nullptr;
        (void)cudaStreamEndCapture(stream, &abandoned);
        if (abandoned != nullptr)
            (void)cudaGraphDestroy(abandoned);
        (void)cudaGetLastError();
        throw;
    }
    cudaGraph_t graph = nullptr;
    MOETOP_CHECK_CUDA(cudaStreamEndCapture(stream, &graph));
    graph_ = Graph(graph);
    cudaGraphExec_t exec = nullptr;
    MOETOP_CHECK_CUDA(cudaGraphInstantiate(&exec, graph, 0));
    exec_ = GraphExec(exec);
    MOETOP_CHECK_CUDA(cudaGraphUpload(exec, stream));
    seen_nodes_.clear();
}

void StepGraph::capture(cudaStream_t stream,
                        const std::function<void(int)>& stage,
                        const std::function<void(int)>& boundary) {
    for (int i = 0; i < MOETOP_NUM_STAGES; ++i) {
        boundary(i);
        stage(i);
        add_new_kernels(stream, i);
    }
    boundary(MOETOP_NUM_STAGES);
}

// The nodes that the graph has gained belong to the stage that was just captured.
void StepGraph::add_new_kernels(cudaStream_t stream, int stage) {
    cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
    cudaGraph_t graph = nullptr;
    MOETOP_CHECK_CUDA(
        cudaStreamGetCaptureInfo(stream, &status, nullptr, &graph, nullptr, nullptr, nullptr));
    if (status != cudaStreamCaptureStatusActive) {
        throw Error(MOETOP_ERROR_INTERNAL,
                    "stage " + std::to_string(stage) + " broke the capture of its step");
    }
    size_t count = 0;
    MOETOP_CHECK_CUDA(cudaGraphGetNodes(graph, nullptr, &count));
    std::vector<cudaGraphNode_t> nodes(count);
    MOETOP_CHECK_CUDA(cudaGraphGetNodes(graph, nodes.data(), &count));
    for (const cudaGraphNode_t node : nodes) {
        if (std::find(seen_nodes_.begin(), seen_nodes_.end(), node) != seen_nodes_.end())
            continue;
        seen_nodes_.push_back(node);
        cudaGraphNodeType type = cudaGraphNodeTypeEmpty;
        MOETOP_CHECK_CUDA(cudaGraphNodeGetType(node, &type));
        if (type == cudaGraphNodeTypeKernel)
            kernels_.push_back({node, stage});
    }
}

void StepGraph::launch(cudaStream_t stream) const {
    MOETOP_CHECK_CUDA(cudaGraphLaunch(exec_.get(), stream));
}

StepPlan StepGraph::plan() const {
    StepPlan plan;
    for (const StageKernel& kernel : kernels_) {
        cudaKernelNodeParams params = {};
        MOETOP_CHECK_CUDA(cudaGraphKernelNodeGetParams(kernel.node, &params));
        plan.push_back({kernel.stage, hash_name(kernel_name(params.func).c_str())});
    }
    return plan;
}

void StepGraph::describe(size_t index, moetop_launch* launch) const {
    const StageKernel& kernel = kernels_.at(index);
    cudaKernelNodeParams params = {};
    MOETOP_CHECK_CUDA(cudaGraphKernelNodeGetParams(kernel.node, &params));
    cudaFuncAttributes attributes = {};
    MOETOP_CHECK_CUDA(cudaFuncGetAttributes(&attributes, params.func));
    launch->stage = kernel.stage;
    std::snprintf(
        launch->name, sizeof(launch->name), "%s", readable_name(kernel_name(params.func)).c_str());
    const uint32_t grid[3] = {params.gridDim.x, params.gridDim.y, params.gridDim.z};
    const uint32_t block[3] = {params.blockDim.x, params.blockDim.y, params.blockDim.z};
    std::copy_n(grid, 3, launch->grid);
    std::copy_n(block, 3, launch->block);
    launch->registers_per_thread = attributes.numRegs;
    launch->static_shared_bytes = static_cast<int32_t>(attributes.sharedSizeBytes);
    launch->dynamic_shared_bytes = static_cast<int32_t>(params.sharedMemBytes);
    launch->local_bytes_per_thread = static_cast<int32_t>(attributes.localSizeBytes);
}

}  // namespace moetop
