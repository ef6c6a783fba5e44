// The SM clock and the power of a GPU, from NVML opened at run time; -1 where it does not answer.
#pragma once

namespace moetop::bench {

class Clocks {
  public:
    explicit Clocks(int device);
    int sm_mhz() const;
    double watts() const;

  private:
    void* device_ = nullptr;
    int (*clock_)(void*, int, unsigned*) = nullptr;
    int (*power_)(void*, unsigned*) = nullptr;
};

}  // namespace moetop::bench
