// The functions of moetop.h that the checks call, taken from the library that open_library()
// opened: so the checks meet the library as the profiler does, through its exported names alone.
#include "library.h"

#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "moetop.h"

namespace {

void* library = nullptr;

template <typename Function>
Function symbol(const char* name) {
    void* const address = dlsym(library, name);
    if (address == nullptr) {
        std::fprintf(stderr, "gpu_smoke: the library does not export %s\n", name);
        std::exit(1);
    }
    return reinterpret_cast<Function>(address);
}

}  // namespace

namespace moetop_test {

std::string open_library(const char* path) {
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr)
        return dlerror();
    const uint32_t version = symbol<decltype(&moetop_abi_version)>("moetop_abi_version")();
    if (version == MOETOP_ABI_VERSION)
        return "";
    return std::string(path) + " has ABI version " + std::to_string(version) + ", not " +
           std::to_string(MOETOP_ABI_VERSION);
}

}  // namespace moetop_test

const char* moetop_provider(void) {
    return symbol<decltype(&moetop_provider)>("moetop_provider")();
}

const char* moetop_last_error(void) {
    return symbol<decltype(&moetop_last_error)>("moetop_last_error")();
}

int32_t moetop_measure_ceilings(int32_t device, moetop_ceilings* out) {
    return symbol<decltype(&moetop_measure_ceilings)>("moetop_measure_ceilings")(device, out);
}

int32_t moetop_get_engine_info(const moetop_engine* engine, moetop_engine_info* info) {
    return symbol<decltype(&moetop_get_engine_info)>("moetop_get_engine_info")(engine, info);
}

int32_t moetop_create(const moetop_config* config, moetop_engine** engine) {
    return symbol<decltype(&moetop_create)>("moetop_create")(config, engine);
}

int32_t moetop_set_es_mask(moetop_engine* engine, uint32_t mask, uint64_t* first_step) {
    return symbol<decltype(&moetop_set_es_mask)>("moetop_set_es_mask")(engine, mask, first_step);
}

int32_t moetop_set_routings(moetop_engine* engine,
                            const int32_t* topk_ids,
                            const float* topk_weights) {
    return symbol<decltype(&moetop_set_routings)>("moetop_set_routings")(
        engine, topk_ids, topk_weights);
}

int32_t moetop_set_input(moetop_engine* engine, const uint16_t* input) {
    return symbol<decltype(&moetop_set_input)>("moetop_set_input")(engine, input);
}

int32_t moetop_run(moetop_engine* engine, int32_t num_steps) {
    return symbol<decltype(&moetop_run)>("moetop_run")(engine, num_steps);
}

int32_t moetop_synchronize(moetop_engine* engine) {
    return symbol<decltype(&moetop_synchronize)>("moetop_synchronize")(engine);
}

int32_t moetop_read_timings(moetop_engine* engine,
                            moetop_step_timing* timings,
                            int32_t capacity,
                            int32_t* count,
                            uint64_t* dropped) {
    return symbol<decltype(&moetop_read_timings)>("moetop_read_timings")(
        engine, timings, capacity, count, dropped);
}

int32_t moetop_read_tensor(moetop_engine* engine,
                           int32_t tensor,
                           uint64_t offset_bytes,
                           void* destination,
                           uint64_t num_bytes) {
    return symbol<decltype(&moetop_read_tensor)>("moetop_read_tensor")(
        engine, tensor, offset_bytes, destination, num_bytes);
}

int32_t moetop_describe_launches(moetop_engine* engine,
                                 uint32_t mask,
                                 moetop_launch* launches,
                                 int32_t capacity,
                                 int32_t* count) {
    return symbol<decltype(&moetop_describe_launches)>("moetop_describe_launches")(
        engine, mask, launches, capacity, count);
}

int32_t moetop_describe_tiles(const moetop_engine* engine,
                              int32_t stage,
                              uint32_t is_es,
                              moetop_tile_class* classes,
                              int32_t capacity,
                              int32_t* count) {
    return symbol<decltype(&moetop_describe_tiles)>("moetop_describe_tiles")(
        engine, stage, is_es, classes, capacity, count);
}

int32_t moetop_destroy(moetop_engine* engine) {
    return symbol<decltype(&moetop_destroy)>("moetop_destroy")(engine);
}
