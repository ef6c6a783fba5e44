#include "shim.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* dlsym returns an object pointer; ISO C has no cast from there to a function pointer, POSIX
 * promises that the bits are the same. */
static int find(void* handle, const char* name, void* function, char* text, size_t text_size) {
    void* symbol = dlsym(handle, name);
    if (!symbol) {
        snprintf(text, text_size, "%s", name);
        return SHIM_NO_SYMBOL;
    }
    memcpy(function, &symbol, sizeof symbol);
    return SHIM_OK;
}

#define FIND(call)                                                                  \
    do {                                                                            \
        int found = find(handle, "moetop_" #call, &library->call, text, text_size); \
        if (found != SHIM_OK)                                                       \
            return found;                                                           \
    } while (0)

int shim_open(const char* path, shim_library* library, char* text, size_t text_size) {
    memset(library, 0, sizeof *library);
    void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char* reason = dlerror();
        snprintf(text, text_size, "%s", reason ? reason : "unknown reason");
        return SHIM_CANNOT_OPEN;
    }
    FIND(abi_version);
    if (library->abi_version() != MOETOP_ABI_VERSION)
        return SHIM_WRONG_VERSION;
    FIND(provider);
    FIND(last_error);
    FIND(device_count);
    FIND(get_device_info);
    FIND(estimate_memory);
    FIND(measure_ceilings);
    FIND(create);
    FIND(get_engine_info);
    FIND(set_es_mask);
    FIND(set_routings);
    FIND(set_input);
    FIND(run);
    FIND(synchronize);
    FIND(read_timings);
    FIND(read_tensor);
    FIND(describe_launches);
    FIND(describe_tiles);
    FIND(destroy);
    return SHIM_OK;
}

uint32_t shim_abi_version(const shim_library* l) {
    return l->abi_version();
}

const char* shim_provider(const shim_library* l) {
    return l->provider();
}

const char* shim_last_error(const shim_library* l) {
    return l->last_error();
}

int32_t shim_device_count(const shim_library* l, int32_t* count) {
    return l->device_count(count);
}

int32_t shim_get_device_info(const shim_library* l, int32_t device, moetop_device_info* info) {
    return l->get_device_info(device, info);
}

int32_t shim_estimate_memory(const shim_library* l,
                             const moetop_config* config,
                             moetop_memory* memory) {
    return l->estimate_memory(config, memory);
}

int32_t shim_measure_ceilings(const shim_library* l, int32_t device, moetop_ceilings* out) {
    return l->measure_ceilings(device, out);
}

int32_t shim_create(const shim_library* l, const moetop_config* config, moetop_engine** engine) {
    return l->create(config, engine);
}

int32_t shim_get_engine_info(const shim_library* l,
                             const moetop_engine* engine,
                             moetop_engine_info* info) {
    return l->get_engine_info(engine, info);
}

int32_t shim_set_es_mask(const shim_library* l, moetop_engine* engine, uint32_t mask,
                         uint64_t* first_step) {
    return l->set_es_mask(engine, mask, first_step);
}

int32_t shim_set_routings(const shim_library* l,
                          moetop_engine* engine,
                          const int32_t* topk_ids,
                          const float* topk_weights) {
    return l->set_routings(engine, topk_ids, topk_weights);
}

int32_t shim_set_input(const shim_library* l, moetop_engine* engine, const uint16_t* input) {
    return l->set_input(engine, input);
}

int32_t shim_run(const shim_library* l, moetop_engine* engine, int32_t num_steps) {
    return l->run(engine, num_steps);
}

int32_t shim_synchronize(const shim_library* l, moetop_engine* engine) {
    return l->synchronize(engine);
}

int32_t shim_read_timings(const shim_library* l,
                          moetop_engine* engine,
                          moetop_step_timing* timings,
                          int32_t capacity,
                          int32_t* count,
                          uint64_t* dropped) {
    return l->read_timings(engine, timings, capacity, count, dropped);
}

int32_t shim_read_tensor(const shim_library* l,
                         moetop_engine* engine,
                         int32_t tensor,
                         uint64_t offset_bytes,
                         void* destination,
                         uint64_t num_bytes) {
    return l->read_tensor(engine, tensor, offset_bytes, destination, num_bytes);
}

int32_t shim_describe_launches(const shim_library* l,
                               moetop_engine* engine,
                               uint32_t mask,
                               moetop_launch* launches,
                               int32_t capacity,
                               int32_t* count) {
    return l->describe_launches(engine, mask, launches, capacity, count);
}

int32_t shim_describe_tiles(const shim_library* l,
                            const moetop_engine* engine,
                            int32_t stage,
                            uint32_t is_es,
                            moetop_tile_class* classes,
                            int32_t capacity,
                            int32_t* count) {
    return l->describe_tiles(engine, stage, is_es, classes, capacity, count);
}

int32_t shim_destroy(const shim_library* l, moetop_engine* engine) {
    return l->destroy(engine);
}
