// Reads from DRAM and from the L2 cache, and what writes cost beside them.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "ceilings/bench.h"
#include "ceilings/measure.h"
#include "ceilings/stream.h"

namespace moetop {
namespace {

constexpr int kRepeats = 15;
constexpr size_t kMebi = size_t{1} << 20;
constexpr size_t kDramBytes = 1024 * kMebi;  // twenty times the L2 of an H200
constexpr uint32_t kDramPasses = 4;          // a launch of about a millisecond
constexpr size_t kL2ReadBytes = 1024 * kMebi;
constexpr double kWarmupUs = 30e3;  // a GPU that has idled needs 25 ms to raise its clocks

// A stage of a layer at least: the weights that one reads at small batches are 100 to 900 MB.
constexpr size_t kReadBesideWrites = 256 * kMebi;
constexpr int kStreamsPerTiming = 4;
constexpr size_t kWrittenBytes[MOETOP_NUM_WRITE_COSTS] = {0, 4 * kMebi, 16 * kMebi, 64 * kMebi};
constexpr size_t kMostWritten = kWrittenBytes[MOETOP_NUM_WRITE_COSTS - 1];

uint32_t chunks(size_t bytes) {
    return static_cast<uint32_t>(bytes / kStreamChunkBytes);
}

class StreamBench {
  public:
    explicit StreamBench(const CeilingBench& bench)
        : bench_(bench),
          source_(allocate_for_ceilings(kDramBytes)),
          copies_(allocate_for_ceilings(kMostWritten)),
          checksum_(allocate_for_ceilings(sizeof(uint32_t))) {
        launch_stream_fill(pointer_to<uint8_t>(source_), chunks(kDramBytes), bench_.stream());
    }

    StreamArgs args(size_t bytes, uint32_t num_passes, size_t written_bytes) const {
        StreamArgs args = {};
        args.source = pointer_to<uint8_t>(source_);
        args.num_chunks = chunks(bytes);
        args.num_passes = num_passes;
        args.copies = pointer_to<uint8_t>(copies_);
        args.num_copies = chunks(written_bytes);
        args.checksum = pointer_to<uint32_t>(checksum_);
        return args;
    }

    double time_us(const StreamArgs& args, int num_streams) const {
        return bench_.time_us([&] {
            for (int i = 0; i < num_streams; ++i) {
                launch_stream(args, bench_.num_sms(), bench_.stream());
            }
        });
    }

    // Runs a stream once and compares its checksum.
    void check(const StreamArgs& args, uint32_t want, const char* what) const {
        uint32_t got = 0;
        MOETOP_CHECK_CUDA(cudaMemsetAsync(args.checksum, 0, sizeof(got), bench_.stream()));
        launch_stream(args, bench_.num_sms(), bench_.stream());
        MOETOP_CHECK_CUDA(cudaMemcpyAsync(
            &got, args.checksum, sizeof(got), cudaMemcpyDeviceToHost, bench_.stream()));
        bench_.synchronize();
        if (got == want)
            return;
        throw Error(MOETOP_ERROR_INTERNAL,
                    std::string("the checksum of ") + what + " is " + std::to_string(got) +
                        ", not " + std::to_string(want));
    }

  private:
    const CeilingBench& bench_;
    DeviceMemory source_;
    DeviceMemory copies_;
    DeviceMemory checksum_;
};

double measure_reads(const StreamBench& bench, const StreamArgs& args, moetop_ceilings* out) {
    bench.check(args, stream_checksum(args), "what a stream read");
    const double bytes = 1.0 * kStreamChunkBytes * args.num_chunks * args.num_passes;
    Repeats rates;
    for (int i = 0; i < kRepeats; ++i) {
        rates.add(bytes / (bench.time_us(args, 1) * 1e-6));
    }
    return settle(rates, out);
}

// The streams take turns, so that a drift of the device does not pass for a cost.
void measure_writes(const StreamBench& bench, moetop_ceilings* out) {
    Repeats times[MOETOP_NUM_WRITE_COSTS];
    for (int i = 0; i < kRepeats; ++i) {
        for (int point = 0; point < MOETOP_NUM_WRITE_COSTS; ++point) {
            const StreamArgs args = bench.args(kReadBesideWrites, 1, kWrittenBytes[point]);
            times[point].add(bench.time_us(args, kStreamsPerTiming) / kStreamsPerTiming);
        }
    }
    const double without_us = settle(times[0], out);
    double before = 0.0;
    for (int point = 0; point < MOETOP_NUM_WRITE_COSTS; ++point) {
        // More writes cannot cost less; where they seem to, that is noise.
        before = std::max(before, settle(times[point], out) - without_us);
        out->written_bytes[point] = kWrittenBytes[point];
        out->write_cost_us[point] = before;
    }
    // What was written is read back by the stream itself.
    const StreamArgs writing = bench.args(kReadBesideWrites, 1, kMostWritten);
    StreamArgs reading = bench.args(kMostWritten, 1, 0);
    reading.source = writing.copies;
    bench.check(reading, copies_checksum(writing), "what a stream wrote");
}

}  // namespace

void measure_streams(const CeilingBench& bench, moetop_ceilings* out) {
    const StreamBench streams(bench);
    const StreamArgs dram = streams.args(kDramBytes, kDramPasses, 0);
    for (double spent_us = 0.0; spent_us < kWarmupUs;) {
        // Timed twice over, since an untimed launch comes before each.
        spent_us += 2.0 * streams.time_us(dram, 1);
    }
    out->read_bytes_per_s = measure_reads(streams, dram, out);
    // A quarter of the cache: it has two partitions, and a line may be in both.
    const size_t cached = std::min(bench.l2_bytes() / 4, kDramBytes) / kMebi * kMebi;
    if (cached == 0)
        throw Error(MOETOP_ERROR_UNSUPPORTED, "the device does not tell the size of its L2 cache");
    out->l2_read_bytes_per_s = measure_reads(
        streams, streams.args(cached, static_cast<uint32_t>(kL2ReadBytes / cached), 0), out);
    measure_writes(streams, out);
}

}  // namespace moetop
