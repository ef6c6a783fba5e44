// A step captured as one CUDA graph, and what can be said of its launches.
#pragma once

#include <cuda_runtime.h>

#include <functional>
#include <vector>

#include "engine/resources.h"
#include "engine/step_assembler.h"
#include "moetop.h"

namespace moetop {

struct StageKernel {
    cudaGraphNode_t node;
    int stage;
};

class StepGraph {
  public:
    // Captures boundary(0), stage(0), boundary(1) ... stage(5), boundary(6) on the stream, then
    // instantiates and uploads the graph. Throws Error.
    StepGraph(cudaStream_t stream,
              const std::function<void(int)>& stage,
              const std::function<void(int)>& boundary);

    void launch(cudaStream_t stream) const;

    size_t num_kernels() const { return kernels_.size(); }
    StepPlan plan() const;
    // All but mean_us and struct_size.
    void describe(size_t index, moetop_launch* launch) const;

  private:
    void capture(cudaStream_t stream,
                 const std::function<void(int)>& stage,
                 const std::function<void(int)>& boundary);
    void add_new_kernels(cudaStream_t stream, int stage);

    Graph graph_;
    GraphExec exec_;
    std::vector<StageKernel> kernels_;  // in the order of capture
    std::vector<cudaGraphNode_t> seen_nodes_;
};

}  // namespace moetop
