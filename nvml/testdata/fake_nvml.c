/* A stand-in for libnvidia-ml.so.1 with one GPU and fixed figures, built by loader_test.go.
 * Structs are declared here on their own, so that a mistake in the Go side's layouts shows. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUCCESS 0
#define UNINITIALIZED 1
#define NOT_SUPPORTED 3
#define NOT_FOUND 6

#ifndef FAKE_UUID
#define FAKE_UUID "GPU-00000000-0000-0000-0000-000000000001"
#endif

static int references;
static int device_object;

static const char* fault(void) {
    const char* f = getenv("FAKE_NVML_FAULT");
    return f ? f : "";
}

int nvmlInit_v2(void) {
    if (strcmp(fault(), "driver-not-loaded") == 0) return 9;
    if (strcmp(fault(), "hang-init") == 0) pause();
    references++;
    return SUCCESS;
}

int nvmlShutdown(void) {
    if (references == 0) return UNINITIALIZED;
    references--;
    return SUCCESS;
}

int nvmlSystemGetDriverVersion(char* version, unsigned length) {
    if (references == 0) return UNINITIALIZED;
    snprintf(version, length, "%s", "580.159.03");
    return SUCCESS;
}

int nvmlDeviceGetHandleByUUID(const char* uuid, void** device) {
    if (strcmp(uuid, FAKE_UUID) != 0) return NOT_FOUND;
    *device = &device_object;
    return SUCCESS;
}

#ifndef FAKE_NVML_BARE
static int samples_taken;

int nvmlDeviceGetUtilizationRates(void* device, unsigned* rates) {
    (void)device;
    rates[0] = 97;
    rates[1] = 42;
    return SUCCESS;
}

struct memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

int nvmlDeviceGetMemoryInfo_v2(void* device, struct memory_v2* m) {
    (void)device;
    if (m->version != (sizeof(struct memory_v2) | (2u << 24))) return 25;
    m->total = 150754820096ull;
    m->reserved = 654311424ull;
    m->used = 5368709120ull;
    m->free = m->total - m->reserved - m->used;
    return SUCCESS;
}

struct process_info {
    unsigned pid;
    unsigned long long used;
    unsigned gpu_instance, compute_instance;
};

int nvmlDeviceGetComputeRunningProcesses_v3(void* device, unsigned* count, struct process_info* infos) {
    (void)device;
    if (*count < 2) {
        *count = 2;
        return 7;
    }
    infos[0] = (struct process_info){1, 1000, ~0u, ~0u};
    infos[1] = (struct process_info){(unsigned)getpid(), 1610612736ull, ~0u, ~0u};
    *count = 2;
    return SUCCESS;
}

int nvmlDeviceGetClockInfo(void* device, unsigned type, unsigned* mhz) {
    (void)device;
    *mhz = type == 1 ? 1980 : type == 2 ? 3201 : 0;
    return SUCCESS;
}

int nvmlDeviceGetPowerUsage(void* device, unsigned* milliwatts) {
    (void)device;
    if (strcmp(fault(), "hang-power") == 0) pause();
    *milliwatts = 612500;
    return SUCCESS;
}

int nvmlDeviceGetEnforcedPowerLimit(void* device, unsigned* milliwatts) {
    (void)device;
    *milliwatts = 700000;
    return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(void* device, unsigned long long* millijoules) {
    (void)device;
    *millijoules = 123456;
    return SUCCESS;
}

int nvmlDeviceGetTemperature(void* device, unsigned sensor, unsigned* celsius) {
    (void)device;
    *celsius = sensor == 0 ? 61 : 0;
    return SUCCESS;
}

int nvmlDeviceGetCurrentClocksEventReasons(void* device, unsigned long long* bits) {
    (void)device;
    *bits = 4;
    return SUCCESS;
}

int nvmlGpmQueryDeviceSupport(void* device, unsigned* support) {
    (void)device;
    support[1] = strcmp(fault(), "no-gpm") != 0;
    return SUCCESS;
}

int nvmlGpmSampleAlloc(int** sample) {
    *sample = calloc(1, sizeof(int));
    return SUCCESS;
}

int nvmlGpmSampleFree(int* sample) {
    free(sample);
    return SUCCESS;
}

int nvmlGpmSampleGet(void* device, int* sample) {
    (void)device;
    *sample = ++samples_taken;
    return SUCCESS;
}

struct metric {
    unsigned id;
    int status;
    double value;
    struct {
        char *short_name, *long_name, *unit;
    } info;
};

struct metrics_get {
    unsigned version, count;
    int *sample1, *sample2;
    struct metric metrics[];
};

int nvmlGpmMetricsGet(struct metrics_get* get) {
    /* The samples have to be consecutive and in order. */
    if (get->version != 1 || *get->sample2 != *get->sample1 + 1) return 2;
    for (unsigned i = 0; i < get->count; i++) {
        struct metric* m = &get->metrics[i];
        /* A GPU that cannot tell the tensor cores apart, unless it is asked to tell all. */
        m->status = m->id == 5 && !getenv("FAKE_NVML_ALL") ? NOT_SUPPORTED : SUCCESS;
        m->value = 10.5 + m->id;
    }
    return SUCCESS;
}
#endif
