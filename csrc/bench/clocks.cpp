#include "bench/clocks.h"

#include <cuda_runtime.h>
#include <dlfcn.h>

namespace moetop::bench {

Clocks::Clocks(int device) {
    void* const library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return;
    const auto init = reinterpret_cast<int (*)()>(dlsym(library, "nvmlInit_v2"));
    const auto by_bus = reinterpret_cast<int (*)(const char*, void**)>(
        dlsym(library, "nvmlDeviceGetHandleByPciBusId_v2"));
    char bus[32] = {};
    if (init == nullptr || by_bus == nullptr || init() != 0 ||
        cudaDeviceGetPCIBusId(bus, sizeof(bus), device) != cudaSuccess ||
        by_bus(bus, &device_) != 0) {
        device_ = nullptr;
        return;
    }
    clock_ =
        reinterpret_cast<int (*)(void*, int, unsigned*)>(dlsym(library, "nvmlDeviceGetClockInfo"));
    power_ = reinterpret_cast<int (*)(void*, unsigned*)>(dlsym(library, "nvmlDeviceGetPowerUsage"));
}

int Clocks::sm_mhz() const {
    constexpr int kSmClock = 1;
    unsigned mhz = 0;
    return device_ != nullptr && clock_ != nullptr && clock_(device_, kSmClock, &mhz) == 0
               ? static_cast<int>(mhz)
               : -1;
}

double Clocks::watts() const {
    unsigned milliwatts = 0;
    return device_ != nullptr && power_ != nullptr && power_(device_, &milliwatts) == 0
               ? milliwatts / 1000.0
               : -1;
}

}  // namespace moetop::bench
