/* A provider library without a GPU, for tests of everything around the kernels. It implements
 * moetop.h plausibly: steps take time, expert specialization changes it, timings add up. It
 * computes nothing: tensors are zeros, but for the routing that it was given.
 *
 * Build: cc -shared -fPIC -o libmoetop.so fake.c -I <repository>/csrc/include
 *        with -DFAKE_NO_SYMBOL to leave moetop_synchronize out.
 *
 * Switches, read from the environment when they matter:
 *   MOETOP_FAKE_FAULT        one of
 *     abi                    the version is one too high
 *     no-driver              counting devices fails: no driver
 *     no-device              there are no devices
 *     old-device             the device has compute capability 8.0
 *     create-argument, create-device, create-memory, create-cuda, create-unsupported,
 *     create-internal        moetop_create fails with that status
 *     run-cuda               moetop_run fails: the GPU is lost
 *     run-segv, run-abort    the process dies in moetop_run
 *     run-hang               moetop_run never returns
 *     timings-cuda           moetop_read_timings fails
 *     untimed                every second step has no timing
 *     no-cupti               AUTO falls back to events
 *     no-native              the native kernels are not offered
 *     native-memory          native kernels have no room: moetop_create says so
 *     native-cuda            native kernels cannot be created
 *     native-run             native kernels fail in moetop_run
 *     no-tiles               the kernels have no tile classes
 *     bad-tiles              a tile has no rows
 *     ceilings-unsupported, ceilings-cuda
 *                            moetop_measure_ceilings fails with that status
 *     ceilings-zero          its bandwidth is 0
 *     ceilings-noisy         its repeats differ by a third
 *   MOETOP_FAKE_AFTER        run-* and timings-* begin after this many steps; 0 if not set
 *   MOETOP_FAKE_STEP_US      a step's duration with ES off and cutlass kernels; 400 if not set
 *   MOETOP_FAKE_NATIVE       the duration with native kernels, in percent of that; 80 if not set
 *   MOETOP_FAKE_QUEUE        steps that may be in flight when moetop_run returns, as on a GPU; their
 *                            timings come when they end; 0 if not set: moetop_run waits for all
 *   MOETOP_FAKE_FREE_BYTES   the device's free memory; 100 GiB if not set
 *   MOETOP_FAKE_DEVICES      the number of devices; 1 if not set
 *   MOETOP_FAKE_LOG          a file that gets a line a measurement of ceilings
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "moetop.h"

enum { kMaxPending = 4096 };

struct moetop_engine {
    moetop_config config;
    atomic_ullong next; /* the next step's number times four, plus its mask */
    uint64_t steps;
    uint64_t clock_ns;
    uint64_t dropped;
    int first, pending; /* a circular buffer of timings */
    moetop_step_timing timings[kMaxPending];
    double mean_us[MOETOP_NUM_ES_MASKS][MOETOP_NUM_STAGES];
    int32_t* ids;
    float* weights;
};

static _Thread_local char last_error[256] = "";

static int32_t fail(int32_t status, const char* text) {
    snprintf(last_error, sizeof last_error, "%s", text);
    return status;
}

static int fault(const char* name) {
    const char* wanted = getenv("MOETOP_FAKE_FAULT");
    return wanted && strcmp(wanted, name) == 0;
}

static uint64_t number(const char* name, uint64_t otherwise) {
    const char* text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns) {
    struct timespec t = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}

static uint64_t rows(const moetop_config* c) {
    return (uint64_t)c->tokens * (uint64_t)c->top_k;
}

static uint64_t ring_size(const moetop_config* c) {
    return rows(c) * (uint64_t)c->num_routings;
}

uint32_t moetop_abi_version(void) {
    return MOETOP_ABI_VERSION + (fault("abi") ? 1u : 0u);
}

const char* moetop_provider(void) {
    return "fake provider for tests";
}

const char* moetop_last_error(void) {
    return last_error;
}

int32_t moetop_device_count(int32_t* count) {
    if (fault("no-driver")) {
        return fail(MOETOP_ERROR_DEVICE, "the NVIDIA driver is not installed");
    }
    *count = fault("no-device") ? 0 : (int32_t)number("MOETOP_FAKE_DEVICES", 1);
    return MOETOP_OK;
}

int32_t moetop_get_device_info(int32_t device, moetop_device_info* info) {
    if (info->struct_size != sizeof *info) {
        return fail(MOETOP_ERROR_INTERNAL, "struct size");
    }
    if (fault("no-device")) {
        return fail(MOETOP_ERROR_DEVICE, "CUDA_VISIBLE_DEVICES is empty");
    }
    if (device < 0 || device >= (int32_t)number("MOETOP_FAKE_DEVICES", 1)) {
        return fail(MOETOP_ERROR_ARGUMENT, "device: out of range");
    }
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    info->device = device;
    snprintf(info->name, sizeof info->name, "Fake H200");
    memset(info->uuid, 0xa0 + device, sizeof info->uuid);
    info->compute_major = fault("old-device") ? 8 : 9;
    info->num_sms = 132;
    info->l2_bytes = 50 << 20;
    info->driver_version = info->runtime_version = 13000;
    info->total_memory_bytes = 140ull << 30;
    info->free_memory_bytes = number("MOETOP_FAKE_FREE_BYTES", 100ull << 30);
    return MOETOP_OK;
}

int32_t moetop_estimate_memory(const moetop_config* c, moetop_memory* memory) {
    if (c->struct_size != sizeof *c || memory->struct_size != sizeof *memory) {
        return fail(MOETOP_ERROR_INTERNAL, "struct size");
    }
    if (c->kernels == MOETOP_KERNELS_NATIVE && fault("no-native")) {
        return fail(MOETOP_ERROR_UNSUPPORTED, "no native kernels");
    }
    memory->weights_bytes =
        3ull * (uint64_t)c->experts * (uint64_t)c->hidden * (uint64_t)c->intermediate;
    memory->activations_bytes = rows(c) * (uint64_t)(6 * c->hidden + 6 * c->intermediate);
    memory->workspace_bytes = 90ull << 20;
    return MOETOP_OK;
}

/* About an H200, in round figures. */
int32_t moetop_measure_ceilings(int32_t device, moetop_ceilings* out) {
    if (out->struct_size != sizeof *out) {
        return fail(MOETOP_ERROR_INTERNAL, "struct size");
    }
    if (device < 0 || device >= (int32_t)number("MOETOP_FAKE_DEVICES", 1)) {
        return fail(MOETOP_ERROR_DEVICE, "device: out of range");
    }
    const char* log = getenv("MOETOP_FAKE_LOG");
    FILE* file = log ? fopen(log, "a") : NULL;
    if (file) {
        fprintf(file, "measured the ceilings of device %d\n", device);
        fclose(file);
    }
    if (fault("ceilings-unsupported"))
        return fail(MOETOP_ERROR_UNSUPPORTED, "no kernels to measure with");
    if (fault("ceilings-cuda"))
        return fail(MOETOP_ERROR_CUDA, "cudaMalloc: out of memory");
    *out = (moetop_ceilings){
        .struct_size = sizeof *out,
        .read_bytes_per_s = fault("ceilings-zero") ? 0 : 4.6e12,
        .l2_read_bytes_per_s = 7e12,
        .fp8_flops_per_s = 1.76e15,
        .sm_clock_mhz = 1980,
        .kernel_us = 1.5,
        .spread_percent = fault("ceilings-noisy") ? 33 : 0.4,
        .written_bytes = {0, 4 << 20, 16 << 20, 64 << 20},
        .write_cost_us = {0, 6, 9, 21},
    };
    return MOETOP_OK;
}

int32_t moetop_create(const moetop_config* c, moetop_engine** engine) {
    static const struct {
        const char* name;
        int32_t status;
        const char* text;
    } faults[] = {
        {"create-argument", MOETOP_ERROR_ARGUMENT, "top_k: 3 is not allowed: a power of two"},
        {"create-device", MOETOP_ERROR_DEVICE, "the GPU is in exclusive mode"},
        {"create-memory", MOETOP_ERROR_MEMORY, "an allocation of 7 bytes failed"},
        {"create-cuda", MOETOP_ERROR_CUDA, "cudaMalloc: an illegal memory access was encountered"},
        {"create-unsupported", MOETOP_ERROR_UNSUPPORTED, "not offered by this provider"},
        {"create-internal", MOETOP_ERROR_INTERNAL, "a plan does not match its kernel"},
    };
    *engine = NULL;
    /* A build that takes its time; only the first is not delayed where MOETOP_FAKE_SLOW_FROM is 1. */
    static uint64_t created = 0;
    if (created++ >= number("MOETOP_FAKE_SLOW_FROM", 0))
        sleep_until(now_ns() + number("MOETOP_FAKE_CREATE_MS", 0) * 1000000u);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (fault(faults[i].name))
            return fail(faults[i].status, faults[i].text);
    }
    if (c->kernels == MOETOP_KERNELS_NATIVE) {
        if (fault("no-native"))
            return fail(MOETOP_ERROR_UNSUPPORTED, "no native kernels");
        if (fault("native-memory"))
            return fail(MOETOP_ERROR_MEMORY, "an allocation of 9 bytes failed");
        if (fault("native-cuda"))
            return fail(MOETOP_ERROR_CUDA, "cudaGraphInstantiate: invalid argument");
    }
    moetop_engine* e = calloc(1, sizeof *e);
    if (!e)
        return fail(MOETOP_ERROR_MEMORY, "calloc");
    e->config = *c;
    e->ids = calloc(ring_size(c), sizeof *e->ids);
    e->weights = calloc(ring_size(c), sizeof *e->weights);
    if (!e->ids || !e->weights) {
        moetop_destroy(e);
        return fail(MOETOP_ERROR_MEMORY, "calloc");
    }
    e->clock_ns = now_ns();
    *engine = e;
    return MOETOP_OK;
}

int32_t moetop_get_engine_info(const moetop_engine* e, moetop_engine_info* info) {
    if (info->struct_size != sizeof *info) {
        return fail(MOETOP_ERROR_INTERNAL, "struct size");
    }
    info->kernels = e->config.kernels;
    info->es_launch =
        e->config.es_launch == MOETOP_ES_LAUNCH_AUTO ? MOETOP_ES_LAUNCH_PDL : e->config.es_launch;
    info->timer = e->config.timer;
    info->timer_reason[0] = 0;
    if (info->timer == MOETOP_TIMER_AUTO) {
        info->timer = MOETOP_TIMER_CUPTI;
        if (fault("no-cupti")) {
            info->timer = MOETOP_TIMER_EVENTS;
            snprintf(info->timer_reason, sizeof info->timer_reason, "libcupti.so.13 was not found");
        }
    }
    info->memory.struct_size = sizeof info->memory;
    return moetop_estimate_memory(&e->config, &info->memory);
}

int32_t moetop_set_es_mask(moetop_engine* e, uint32_t mask, uint64_t* first_step) {
    if (mask >= MOETOP_NUM_ES_MASKS) {
        return fail(MOETOP_ERROR_ARGUMENT, "es_mask: out of range");
    }
    unsigned long long before = atomic_load(&e->next);
    while (!atomic_compare_exchange_weak(&e->next, &before, before / 4 * 4 + mask)) {
    }
    if (first_step)
        *first_step = before / 4;
    return MOETOP_OK;
}

int32_t moetop_set_routings(moetop_engine* e, const int32_t* ids, const float* weights) {
    memcpy(e->ids, ids, ring_size(&e->config) * sizeof *ids);
    memcpy(e->weights, weights, ring_size(&e->config) * sizeof *weights);
    return MOETOP_OK;
}

int32_t moetop_set_input(moetop_engine* e, const uint16_t* input) {
    return e && input ? MOETOP_OK : fail(MOETOP_ERROR_ARGUMENT, "input: NULL");
}

/* Fills in a step that starts at the engine's clock; the clock moves to its end. Up costs 5% with
 * specialization, down gains a quarter, and every step jitters by a few percent. */
static void make_timing(moetop_engine* e, moetop_step_timing* t) {
    static const float share[MOETOP_NUM_STAGES] = {0.01f, 0.02f, 0.53f, 0.01f, 0.40f, 0.02f};
    const double percent = e->config.kernels == MOETOP_KERNELS_NATIVE
                               ? (double)number("MOETOP_FAKE_NATIVE", 80)
                               : 100.0;
    const double full = (double)number("MOETOP_FAKE_STEP_US", 400) * percent / 100.0;
    const double jitter = 1.0 + 0.03 * (double)(e->steps * 2654435761u % 1000u) / 1000.0;
    memset(t, 0, sizeof *t);
    t->step = e->steps;
    t->start_ns = e->clock_ns;
    t->es_mask = (uint32_t)(atomic_fetch_add(&e->next, 4) % 4);
    t->routing = (int32_t)(e->steps % (uint64_t)e->config.num_routings);
    for (int s = 0; s < MOETOP_NUM_STAGES; s++) {
        double us = full * share[s] * jitter;
        if (s == MOETOP_STAGE_UP && (t->es_mask & MOETOP_ES_UP))
            us *= 1.05;
        if (s == MOETOP_STAGE_DOWN && (t->es_mask & MOETOP_ES_DOWN))
            us *= 0.75;
        t->stage_us[s] = (float)us;
        t->step_us += t->stage_us[s];
        double* mean = &e->mean_us[t->es_mask][s];
        *mean = *mean > 0 ? 0.9 * *mean + 0.1 * us : us;
    }
    t->gap_us = (float)(0.01 * full);
    t->step_us += t->gap_us;
    t->launch_gap_us = e->steps == 0 ? 0.0f : 0.5f;
    e->clock_ns += (uint64_t)((t->step_us + 0.5f) * 1000.0f);
    if (fault("untimed") && e->steps % 2 == 1)
        t->step_us = -1.0f;
}

static int32_t run_fault(void) {
    if (fault("run-cuda")) {
        return fail(MOETOP_ERROR_CUDA, "cudaGraphLaunch: unspecified launch failure");
    }
    if (fault("run-segv"))
        raise(SIGSEGV);
    if (fault("run-abort"))
        abort();
    while (fault("run-hang"))
        pause();
    return MOETOP_OK;
}

int32_t moetop_run(moetop_engine* e, int32_t num_steps) {
    const uint64_t now = now_ns();
    if (e->config.kernels == MOETOP_KERNELS_NATIVE && fault("native-run"))
        return fail(MOETOP_ERROR_CUDA, "cudaGraphLaunch: unspecified launch failure");
    if (e->clock_ns < now)
        e->clock_ns = now;
    for (int32_t i = 0; i < num_steps; i++) {
        if (e->steps >= number("MOETOP_FAKE_AFTER", 0)) {
            int32_t status = run_fault();
            if (status != MOETOP_OK)
                return status;
        }
        moetop_step_timing t;
        make_timing(e, &t);
        e->steps++;
        if (e->config.timer != MOETOP_TIMER_NONE) {
            if (e->pending == kMaxPending) {
                e->dropped++;
            } else {
                e->timings[(e->first + e->pending++) % kMaxPending] = t;
            }
        }
        const uint64_t in_flight_ns =
            number("MOETOP_FAKE_QUEUE", 0) * (uint64_t)((t.step_us + 0.5f) * 1000.0f);
        sleep_until(e->clock_ns - (in_flight_ns < e->clock_ns ? in_flight_ns : e->clock_ns));
    }
    return MOETOP_OK;
}

#ifndef FAKE_NO_SYMBOL
int32_t moetop_synchronize(moetop_engine* e) {
    sleep_until(e->clock_ns);
    return MOETOP_OK;
}
#endif

int32_t moetop_read_timings(moetop_engine* e,
                            moetop_step_timing* timings,
                            int32_t capacity,
                            int32_t* count,
                            uint64_t* dropped) {
    if (fault("timings-cuda") && e->steps > number("MOETOP_FAKE_AFTER", 0)) {
        return fail(MOETOP_ERROR_CUDA, "CUPTI: the device is lost");
    }
    *count = 0;
    const int queued = number("MOETOP_FAKE_QUEUE", 0) > 0;
    const uint64_t now = now_ns();
    while (*count < capacity && e->pending > 0) {
        const moetop_step_timing* t = &e->timings[e->first];
        if (queued && t->start_ns + (uint64_t)(t->step_us * 1000.0f) > now)
            break;
        timings[(*count)++] = *t;
        e->first = (e->first + 1) % kMaxPending;
        e->pending--;
    }
    *dropped = e->dropped;
    return MOETOP_OK;
}

int32_t moetop_read_tensor(
    moetop_engine* e, int32_t tensor, uint64_t offset, void* destination, uint64_t num_bytes) {
    const uint64_t size = rows(&e->config) * 4;
    const uint64_t routing = (e->steps > 0 ? e->steps - 1 : 0) % (uint64_t)e->config.num_routings;
    const char* source = NULL;
    if (tensor == MOETOP_TENSOR_TOPK_IDS)
        source = (const char*)e->ids + routing * size;
    if (tensor == MOETOP_TENSOR_TOPK_WEIGHTS)
        source = (const char*)e->weights + routing * size;
    if (tensor < 0 || tensor >= MOETOP_NUM_TENSORS || (source && offset + num_bytes > size)) {
        return fail(MOETOP_ERROR_ARGUMENT, "tensor: out of range");
    }
    if (source) {
        memcpy(destination, source + offset, num_bytes);
    } else {
        memset(destination, 0, num_bytes);
    }
    return MOETOP_OK;
}

int32_t moetop_describe_launches(
    moetop_engine* e, uint32_t mask, moetop_launch* launches, int32_t capacity, int32_t* count) {
    static const char* const names[] = {"route", "quant", "up", "act", "down", "combine"};
    *count = MOETOP_NUM_STAGES;
    for (int32_t s = 0; s < capacity && s < MOETOP_NUM_STAGES; s++) {
        moetop_launch* l = &launches[s];
        if (l->struct_size != sizeof *l)
            return fail(MOETOP_ERROR_INTERNAL, "struct size");
        memset(l, 0, sizeof *l);
        l->struct_size = sizeof *l;
        l->stage = s;
        snprintf(l->name, sizeof l->name, "fake_%s<es=%u>", names[s], mask);
        l->grid[0] = 132;
        l->grid[1] = l->grid[2] = l->block[1] = l->block[2] = 1;
        l->block[0] = 384;
        l->registers_per_thread = 168;
        l->dynamic_shared_bytes = 200 << 10;
        l->mean_us = e->mean_us[mask % MOETOP_NUM_ES_MASKS][s];
        if (l->mean_us == 0)
            l->mean_us = -1;
    }
    return MOETOP_OK;
}

static moetop_tile_class tile(const char* letter, int32_t max_rows, int32_t rows, int32_t columns) {
    moetop_tile_class t = {sizeof t, {letter[0], 0}, max_rows, rows, rows, columns, 4, 2, 1, 2, ""};
    snprintf(t.name, sizeof t.name, "fake %dx%d", rows, columns);
    return t;
}

/* The generic policy has one class, the specialized one three; with native kernels those of down are
 * twice as high as those of up. */
int32_t moetop_describe_tiles(const moetop_engine* e,
                              int32_t stage,
                              uint32_t is_es,
                              moetop_tile_class* classes,
                              int32_t capacity,
                              int32_t* count) {
    *count = 0;
    if (fault("no-tiles"))
        return fail(MOETOP_ERROR_UNSUPPORTED, "no tile classes");
    if (stage != MOETOP_STAGE_UP && stage != MOETOP_STAGE_DOWN)
        return fail(MOETOP_ERROR_ARGUMENT, "stage: neither up nor down");
    const int32_t scale =
        e->config.kernels == MOETOP_KERNELS_NATIVE && stage == MOETOP_STAGE_DOWN ? 2 : 1;
    moetop_tile_class all[3] = {tile("G", 0, 128 * scale, 128)};
    int32_t n = 1;
    if (is_es) {
        all[0] = tile("S", 16 * scale, 16 * scale, 256);
        all[1] = tile("M", 64 * scale, 64 * scale, 256);
        all[2] = tile("L", 0, 128 * scale, 128);
        n = 3;
    }
    if (fault("bad-tiles"))
        all[0].tile_rows = 0;
    for (int32_t i = 0; i < n && i < capacity; i++) {
        if (classes[i].struct_size != sizeof *classes)
            return fail(MOETOP_ERROR_INTERNAL, "struct size");
        classes[i] = all[i];
    }
    *count = n;
    return MOETOP_OK;
}

int32_t moetop_destroy(moetop_engine* e) {
    if (e) {
        free(e->ids);
        free(e->weights);
        free(e);
    }
    return MOETOP_OK;
}
