// The rate of the tensor cores on FP8. A burst takes a millisecond and is followed by twenty of
// rest, so that the power limit, which lowers the clock by up to a third under a long load, does
// not come into it: the figure is one at the highest clock, which is measured beside it.
#include <cuda_runtime.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "ceilings/burst.h"
#include "ceilings/measure.h"
#include "engine/fill.h"

namespace moetop {
namespace {

constexpr int kBursts = 11;
constexpr int kProductsPerBurst = 400;  // about 1 ms at 1700 TFLOP/s
constexpr auto kRest = std::chrono::milliseconds(20);
constexpr uint64_t kSeed = 20;

template <typename T>
void copy_to_host(const CeilingBench& bench, const DeviceMemory& from, std::vector<T>* to) {
    MOETOP_CHECK_CUDA(cudaMemcpyAsync(
        to->data(), from.get(), to->size() * sizeof(T), cudaMemcpyDeviceToHost, bench.stream()));
    bench.synchronize();
}

}  // namespace

void measure_burst(const CeilingBench& bench, moetop_ceilings* out) {
    const size_t num_sms = static_cast<size_t>(bench.num_sms());
    std::vector<uint8_t> operands(kBurstOperandBytes);
    std::vector<BurstClock> clocks(num_sms);
    std::vector<float> sums(num_sms * kBurstThreads);
    const DeviceMemory device_operands = allocate_for_ceilings(operands.size());
    const DeviceMemory device_clocks = allocate_for_ceilings(clocks.size() * sizeof(BurstClock));
    const DeviceMemory device_sums = allocate_for_ceilings(sums.size() * sizeof(float));
    fill_e4m3(pointer_to<uint8_t>(device_operands), operands.size(), kSeed, bench.stream());
    copy_to_host(bench, device_operands, &operands);

    BurstArgs args = {};
    args.operands = pointer_to<uint8_t>(device_operands);
    args.num_products = kProductsPerBurst;
    args.clocks = pointer_to<BurstClock>(device_clocks);
    args.sums = pointer_to<float>(device_sums);
    const double flops = burst_flops_per_product() * kProductsPerBurst * bench.num_sms();
    Repeats rates;
    Repeats clocks_mhz;
    for (int i = 0; i < kBursts; ++i) {
        std::this_thread::sleep_for(kRest);
        launch_burst(args, bench.num_sms(), bench.stream());
        copy_to_host(bench, device_clocks, &clocks);
        uint64_t start_ns = clocks[0].start_ns;
        uint64_t end_ns = clocks[0].end_ns;
        Repeats mhz;
        for (const BurstClock& clock : clocks) {
            start_ns = std::min(start_ns, clock.start_ns);
            end_ns = std::max(end_ns, clock.end_ns);
            if (clock.end_ns <= clock.start_ns)
                throw Error(MOETOP_ERROR_INTERNAL, "the global timer stands still in a burst");
            mhz.add(1e3 * static_cast<double>(clock.cycles) /
                    static_cast<double>(clock.end_ns - clock.start_ns));
        }
        rates.add(flops / (1e-9 * static_cast<double>(end_ns - start_ns)));
        clocks_mhz.add(mhz.median());
    }
    copy_to_host(bench, device_sums, &sums);
    const std::string problem = check_burst(operands, sums);
    if (!problem.empty())
        throw Error(MOETOP_ERROR_INTERNAL, "the FP8 products are wrong: " + problem);
    out->fp8_flops_per_s = settle(rates, out);
    out->sm_clock_mhz = clocks_mhz.median();
}

}  // namespace moetop
