// The C ABI of moetop.h: arguments are checked, exceptions end here, and nothing else happens.
#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "ceilings/ceilings.h"
#include "common/error.h"
#include "engine/device.h"
#include "engine/engine.h"
#include "moetop.h"

struct moetop_engine {
    explicit moetop_engine(const moetop_config& config) : impl(config) {}
    moetop::Engine impl;
};

namespace {

using moetop::Error;

// Of fixed size, so that reporting an error cannot fail.
constexpr size_t kMaxErrorBytes = 1024;
thread_local char last_error[kMaxErrorBytes] = "";

int32_t fail(moetop_status status, const char* text) {
    std::snprintf(last_error, sizeof(last_error), "%s", text);
    return status;
}

template <typename Body>
int32_t guarded(Body body) {
    last_error[0] = '\0';
    try {
        body();
        return MOETOP_OK;
    } catch (const Error& error) {
        return fail(error.status(), error.what());
    } catch (const std::bad_alloc&) {
        return fail(MOETOP_ERROR_INTERNAL, "out of host memory");
    } catch (const std::exception& error) {
        return fail(MOETOP_ERROR_INTERNAL, error.what());
    } catch (...) {
        return fail(MOETOP_ERROR_INTERNAL, "unknown exception");
    }
}

void require(const void* pointer, const char* name) {
    if (pointer != nullptr)
        return;
    throw Error(MOETOP_ERROR_ARGUMENT, std::string(name) + ": NULL is not allowed: a pointer");
}

// The struct is there and is the one that this library was built with.
template <typename Struct>
void require_struct(const Struct* value, const char* name) {
    require(value, name);
    if (value->struct_size == sizeof(Struct))
        return;
    throw Error(MOETOP_ERROR_ARGUMENT,
                std::string(name) + ".struct_size: " + std::to_string(value->struct_size) +
                    " is not allowed: " + std::to_string(sizeof(Struct)));
}

void require_capacity(int32_t capacity, const void* elements, const char* name) {
    if (capacity < 0) {
        throw Error(MOETOP_ERROR_ARGUMENT,
                    "capacity: " + std::to_string(capacity) + " is not allowed: 0 or more");
    }
    if (capacity > 0)
        require(elements, name);
}

}  // namespace

uint32_t moetop_abi_version(void) {
    return MOETOP_ABI_VERSION;
}

#ifndef MOETOP_VERSION
#define MOETOP_VERSION "of unknown version"
#endif
#define MOETOP_STRING_OF(value) #value
#define MOETOP_STRING(value) MOETOP_STRING_OF(value)
const char* moetop_provider(void) {
    return "moetop " MOETOP_VERSION ", CUDA kernels for sm_90a, CUDA runtime " MOETOP_STRING(
        CUDART_VERSION) ", host compiler " __VERSION__;
}
#undef MOETOP_STRING
#undef MOETOP_STRING_OF

const char* moetop_last_error(void) {
    return last_error;
}

int32_t moetop_device_count(int32_t* count) {
    return guarded([&] {
        require(count, "count");
        *count = moetop::device_count();
    });
}

int32_t moetop_get_device_info(int32_t device, moetop_device_info* info) {
    return guarded([&] {
        require_struct(info, "info");
        moetop::fill_device_info(device, info);
    });
}

int32_t moetop_estimate_memory(const moetop_config* config, moetop_memory* memory) {
    return guarded([&] {
        require_struct(config, "config");
        require_struct(memory, "memory");
        *memory = moetop::Engine::estimate_memory(*config);
    });
}

int32_t moetop_measure_ceilings(int32_t device, moetop_ceilings* out) {
    return guarded([&] {
        require_struct(out, "out");
        moetop::measure_ceilings(device, out);
    });
}

int32_t moetop_create(const moetop_config* config, moetop_engine** engine) {
    return guarded([&] {
        require(engine, "engine");
        *engine = nullptr;
        require_struct(config, "config");
        *engine = new moetop_engine(*config);
    });
}

int32_t moetop_get_engine_info(const moetop_engine* engine, moetop_engine_info* info) {
    return guarded([&] {
        require(engine, "engine");
        require_struct(info, "info");
        engine->impl.info(info);
    });
}

int32_t moetop_set_es_mask(moetop_engine* engine, uint32_t mask, uint64_t* first_step) {
    return guarded([&] {
        require(engine, "engine");
        const uint64_t first = engine->impl.set_es_mask(mask);
        if (first_step != nullptr)
            *first_step = first;
    });
}

int32_t moetop_set_routings(moetop_engine* engine,
                            const int32_t* topk_ids,
                            const float* topk_weights) {
    return guarded([&] {
        require(engine, "engine");
        require(topk_ids, "topk_ids");
        require(topk_weights, "topk_weights");
        engine->impl.set_routings(topk_ids, topk_weights);
    });
}

int32_t moetop_set_input(moetop_engine* engine, const uint16_t* input) {
    return guarded([&] {
        require(engine, "engine");
        require(input, "input");
        engine->impl.set_input(input);
    });
}

int32_t moetop_run(moetop_engine* engine, int32_t num_steps) {
    return guarded([&] {
        require(engine, "engine");
        engine->impl.run(num_steps);
    });
}

int32_t moetop_synchronize(moetop_engine* engine) {
    return guarded([&] {
        require(engine, "engine");
        engine->impl.synchronize();
    });
}

int32_t moetop_read_timings(moetop_engine* engine,
                            moetop_step_timing* timings,
                            int32_t capacity,
                            int32_t* count,
                            uint64_t* dropped) {
    return guarded([&] {
        require(engine, "engine");
        require(count, "count");
        require(dropped, "dropped");
        *count = 0;
        require_capacity(capacity, timings, "timings");
        *count = static_cast<int32_t>(
            engine->impl.read_timings(timings, static_cast<size_t>(capacity), dropped));
    });
}

int32_t moetop_read_tensor(moetop_engine* engine,
                           int32_t tensor,
                           uint64_t offset_bytes,
                           void* destination,
                           uint64_t num_bytes) {
    return guarded([&] {
        require(engine, "engine");
        if (num_bytes > 0)
            require(destination, "destination");
        engine->impl.read_tensor(tensor, offset_bytes, destination, num_bytes);
    });
}

int32_t moetop_describe_launches(moetop_engine* engine,
                                 uint32_t mask,
                                 moetop_launch* launches,
                                 int32_t capacity,
                                 int32_t* count) {
    return guarded([&] {
        require(engine, "engine");
        require(count, "count");
        *count = 0;
        require_capacity(capacity, launches, "launches");
        for (int32_t i = 0; i < capacity; ++i) {
            require_struct(&launches[i], "launches");
        }
        *count = static_cast<int32_t>(
            engine->impl.describe_launches(mask, launches, static_cast<size_t>(capacity)));
    });
}

int32_t moetop_describe_tiles(const moetop_engine* engine,
                              int32_t stage,
                              uint32_t is_es,
                              moetop_tile_class* classes,
                              int32_t capacity,
                              int32_t* count) {
    return guarded([&] {
        require(engine, "engine");
        require(count, "count");
        *count = 0;
        require_capacity(capacity, classes, "classes");
        for (int32_t i = 0; i < capacity; ++i) {
            require_struct(&classes[i], "classes");
        }
        *count = engine->impl.describe_tiles(stage, is_es, classes, capacity);
    });
}

int32_t moetop_destroy(moetop_engine* engine) {
    return guarded([&] { delete engine; });
}
