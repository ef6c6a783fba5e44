/* The calls of a provider library that was opened at run time. Go cannot call a C function pointer,
 * so every call of moetop.h has a wrapper here that takes the library first. */
#ifndef MOETOP_SHIM_H
#define MOETOP_SHIM_H

#include <stddef.h>

#include "../csrc/include/moetop.h"

typedef struct shim_library {
    uint32_t (*abi_version)(void);
    const char* (*provider)(void);
    const char* (*last_error)(void);
    int32_t (*device_count)(int32_t*);
    int32_t (*get_device_info)(int32_t, moetop_device_info*);
    int32_t (*estimate_memory)(const moetop_config*, moetop_memory*);
    int32_t (*measure_ceilings)(int32_t, moetop_ceilings*);
    int32_t (*create)(const moetop_config*, moetop_engine**);
    int32_t (*get_engine_info)(const moetop_engine*, moetop_engine_info*);
    int32_t (*set_es_mask)(moetop_engine*, uint32_t, uint64_t*);
    int32_t (*set_routings)(moetop_engine*, const int32_t*, const float*);
    int32_t (*set_input)(moetop_engine*, const uint16_t*);
    int32_t (*run)(moetop_engine*, int32_t);
    int32_t (*synchronize)(moetop_engine*);
    int32_t (*read_timings)(moetop_engine*, moetop_step_timing*, int32_t, int32_t*, uint64_t*);
    int32_t (*read_tensor)(moetop_engine*, int32_t, uint64_t, void*, uint64_t);
    int32_t (*describe_launches)(moetop_engine*, uint32_t, moetop_launch*, int32_t, int32_t*);
    int32_t (*describe_tiles)(
        const moetop_engine*, int32_t, uint32_t, moetop_tile_class*, int32_t, int32_t*);
    int32_t (*destroy)(moetop_engine*);
} shim_library;

enum {
    SHIM_OK = 0,
    SHIM_CANNOT_OPEN = 1,   /* text is what the dynamic linker says */
    SHIM_WRONG_VERSION = 2, /* library->abi_version tells which; nothing else is set */
    SHIM_NO_SYMBOL = 3      /* text is the symbol's name */
};

/* Opens the library at an absolute path and looks up its calls, the version's first; a library with
 * another version is asked for nothing else. It stays loaded for the life of the process, whatever
 * comes of it: a CUDA runtime leaves handlers behind that must not point to nowhere. */
int shim_open(const char* path, shim_library* library, char* text, size_t text_size);

uint32_t shim_abi_version(const shim_library* l);
const char* shim_provider(const shim_library* l);
const char* shim_last_error(const shim_library* l);
int32_t shim_device_count(const shim_library* l, int32_t* count);
int32_t shim_get_device_info(const shim_library* l, int32_t device, moetop_device_info* info);
int32_t shim_estimate_memory(const shim_library* l,
                             const moetop_config* config,
                             moetop_memory* memory);
int32_t shim_measure_ceilings(const shim_library* l, int32_t device, moetop_ceilings* out);
int32_t shim_create(const shim_library* l, const moetop_config* config, moetop_engine** engine);
int32_t shim_get_engine_info(const shim_library* l,
                             const moetop_engine* engine,
                             moetop_engine_info* info);
int32_t shim_set_es_mask(const shim_library* l, moetop_engine* engine, uint32_t mask,
                         uint64_t* first_step);
int32_t shim_set_routings(const shim_library* l,
                          moetop_engine* engine,
                          const int32_t* topk_ids,
                          const float* topk_weights);
int32_t shim_set_input(const shim_library* l, moetop_engine* engine, const uint16_t* input);
int32_t shim_run(const shim_library* l, moetop_engine* engine, int32_t num_steps);
int32_t shim_synchronize(const shim_library* l, moetop_engine* engine);
int32_t shim_read_timings(const shim_library* l,
                          moetop_engine* engine,
                          moetop_step_timing* timings,
                          int32_t capacity,
                          int32_t* count,
                          uint64_t* dropped);
int32_t shim_read_tensor(const shim_library* l,
                         moetop_engine* engine,
                         int32_t tensor,
                         uint64_t offset_bytes,
                         void* destination,
                         uint64_t num_bytes);
int32_t shim_describe_launches(const shim_library* l,
                               moetop_engine* engine,
                               uint32_t mask,
                               moetop_launch* launches,
                               int32_t capacity,
                               int32_t* count);
int32_t shim_describe_tiles(const shim_library* l,
                            const moetop_engine* engine,
                            int32_t stage,
                            uint32_t is_es,
                            moetop_tile_class* classes,
                            int32_t capacity,
                            int32_t* count);
int32_t shim_destroy(const shim_library* l, moetop_engine* engine);

#endif
