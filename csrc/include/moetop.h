/* moetop.h: the C ABI between the moetop profiler and a GPU engine.
 *
 * A provider is a shared library that exports these functions. moetop opens it at run time, asks
 * for moetop_abi_version() before anything else, and refuses a version that it does not know.
 *
 * Rules for providers:
 *  - Plain C11 types of fixed width; every struct that crosses starts with its own size, which the
 *    caller sets to sizeof and the provider checks, so that a mismatch is an error, not corruption.
 *  - No exception, no exit, no abort, no output on stdout or stderr.
 *  - Every call returns a status; on anything but MOETOP_OK moetop_last_error() tells people why.
 *  - One engine is used by one thread, except moetop_set_es_mask(), which any thread may call at
 * any time.
 *
 * The work is one Mixture-of-Experts layer in FP8 (E4M3) with fp32 block scales: activations 1x128
 * along K, weights 128x128. Shapes: T tokens, k experts a token, E experts, H hidden, I
 * intermediate (per shard), R = T*k rows.
 */
#ifndef MOETOP_H
#define MOETOP_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOETOP_API __attribute__((visibility("default")))

/* Raised by one with every incompatible change of this file. */
#define MOETOP_ABI_VERSION 2u

typedef enum moetop_status {
    MOETOP_OK = 0,
    MOETOP_ERROR_ARGUMENT = 1, /* a field is out of range; the text names field, value, allowed */
    MOETOP_ERROR_DEVICE = 2,   /* no such GPU, or one that the kernels cannot run on */
    MOETOP_ERROR_MEMORY = 3,   /* the workload does not fit; nothing was allocated */
    MOETOP_ERROR_CUDA = 4,     /* a CUDA call failed: the engine is lost, only destroy it */
    MOETOP_ERROR_UNSUPPORTED = 5, /* known, but not offered by this provider */
    MOETOP_ERROR_INTERNAL = 6
} moetop_status;

/* The stages of a layer, in order of execution. */
enum {
    MOETOP_STAGE_ROUTE = 0, /* topk ids [T,k] -> expert offsets, row permutation */
    MOETOP_STAGE_QUANT = 1, /* hidden [T,H] bf16 -> [R,H] e4m3 in expert order, scales [R,H/128] */
    MOETOP_STAGE_UP = 2,    /* x w1 [E,2I,H] -> [R,2I] bf16; gate is the first half of 2I */
    MOETOP_STAGE_ACT = 3,   /* silu(gate)*up, quantized -> [R,I] e4m3, scales [R,I/128] */
    MOETOP_STAGE_DOWN = 4,  /* x w2 [E,H,I] -> [R,H] bf16 */
    MOETOP_STAGE_COMBINE = 5, /* weighted sum over k -> [T,H] bf16 */
    MOETOP_NUM_STAGES = 6
};

/* Expert specialization (ES) as a mask over the two switchable stages. */
enum { MOETOP_ES_UP = 1u << 0, MOETOP_ES_DOWN = 1u << 1, MOETOP_NUM_ES_MASKS = 4 };

enum { MOETOP_KERNELS_CUTLASS = 0, MOETOP_KERNELS_NATIVE = 1 };

/* How the stages are timed. AUTO takes CUPTI where it works and events elsewhere. NONE measures
 * nothing: it is what the cost of the others is compared with. */
enum {
    MOETOP_TIMER_AUTO = 0,
    MOETOP_TIMER_CUPTI = 1,
    MOETOP_TIMER_EVENTS = 2,
    MOETOP_TIMER_NONE = 3
};

/* How the ES launches of one GEMM are issued. AUTO is the one that was measured to be faster. */
enum { MOETOP_ES_LAUNCH_AUTO = 0, MOETOP_ES_LAUNCH_PDL = 1, MOETOP_ES_LAUNCH_STREAMS = 2 };

typedef struct moetop_engine moetop_engine;

typedef struct moetop_device_info {
    uint32_t struct_size;
    int32_t device;
    char name[256];
    uint8_t uuid[16]; /* as NVML has it, without the "GPU-" prefix and dashes */
    int32_t compute_major;
    int32_t compute_minor;
    int32_t num_sms;
    int32_t l2_bytes;
    int32_t driver_version;  /* CUDA driver API, 13000 for 13.0 */
    int32_t runtime_version; /* CUDA runtime that the provider was built with */
    uint64_t total_memory_bytes;
    uint64_t free_memory_bytes;
} moetop_device_info;

typedef struct moetop_config {
    uint32_t struct_size;
    int32_t device;       /* CUDA ordinal */
    int32_t experts;      /* E, 1..1024 */
    int32_t top_k;        /* k, 1..min(E, 32) */
    int32_t hidden;       /* H, multiple of 128 */
    int32_t intermediate; /* I of the shard, multiple of 128 */
    int32_t tokens;       /* T, >= 1; T*k at most 262144 */
    int32_t num_routings; /* length of the ring, 1..64 */
    int32_t kernels;      /* MOETOP_KERNELS_* */
    int32_t timer;        /* MOETOP_TIMER_* */
    int32_t es_launch;    /* MOETOP_ES_LAUNCH_* */
    int32_t reserved;     /* 0 */
    uint64_t seed;        /* of weights and inputs, made on the device */
} moetop_config;

/* Bytes on the device. */
typedef struct moetop_memory {
    uint32_t struct_size;
    uint32_t reserved;
    uint64_t weights_bytes;     /* w1, w2 and their scales */
    uint64_t activations_bytes; /* inputs, routings, and what the stages hand on */
    uint64_t workspace_bytes;   /* what the kernels need besides */
} moetop_memory;

/* The points of moetop_ceilings at which the cost of writes is measured. */
enum { MOETOP_NUM_WRITE_COSTS = 4 };

/* What a device reaches at best, measured on it. All figures are medians of repeats. */
typedef struct moetop_ceilings {
    uint32_t struct_size;
    uint32_t reserved;
    double read_bytes_per_s; /* stream of reads from DRAM, over a buffer much larger than the L2 */
    double l2_read_bytes_per_s; /* stream of reads of data that stay in the L2 cache */
    double fp8_flops_per_s; /* E4M3 products with fp32 results on random data, in bursts too short
                               for the power limit */
    double sm_clock_mhz;    /* the SM clock in these bursts, by the SM's own cycle counter */
    double kernel_us; /* an empty kernel, as one of many nodes that follow each other in a graph */
    double spread_percent; /* interquartile range of the repeats over their median, of the worst of
                              the figures above and of the streams that write */
    /* By how many microseconds a stream of reads becomes longer that writes so many bytes to DRAM
     * on its way. Both rise; the first point is 0 bytes and 0 us. */
    uint64_t written_bytes[MOETOP_NUM_WRITE_COSTS];
    double write_cost_us[MOETOP_NUM_WRITE_COSTS];
} moetop_ceilings;

/* What an engine turned out to be. */
typedef struct moetop_engine_info {
    uint32_t struct_size;
    int32_t kernels;   /* the family that runs */
    int32_t timer;     /* CUPTI, EVENTS or NONE: never AUTO */
    int32_t es_launch; /* PDL or STREAMS: never AUTO */
    moetop_memory memory;
    char timer_reason[256]; /* why not CUPTI, where AUTO took events; else empty */
} moetop_engine_info;

/* One finished step. Times in microseconds of the device's clock.
 *
 * A stage's time runs from the end of the stage before it, or from the start of its own first
 * kernel if that is later, to the end of its last kernel: overlap is counted once, and
 *   sum(stage_us) + gap_us = step_us.
 * The step runs from the start of its first kernel to the end of its last. What passes between two
 * steps is launch_gap_us: nobody's kernel time. */
typedef struct moetop_step_timing {
    uint64_t step;     /* steps are numbered from 0 in the order of their launch */
    uint64_t start_ns; /* device clock; only differences mean something */
    uint32_t es_mask;  /* the mask that this step ran with */
    int32_t routing;   /* its place in the ring */
    float stage_us[MOETOP_NUM_STAGES];
    float gap_us;        /* idle between stages, within the step */
    float step_us;       /* negative: the step was not timed */
    float launch_gap_us; /* idle before the step's first kernel since the step before; 0 for the
                            first; negative: unknown */
    uint32_t reserved;
} moetop_step_timing;

/* One kernel launch of a step, as captured. */
typedef struct moetop_launch {
    uint32_t struct_size;
    int32_t stage;  /* MOETOP_STAGE_* */
    char name[512]; /* for people: demangled, or the name of its tile class */
    uint32_t grid[3];
    uint32_t block[3];
    int32_t registers_per_thread;
    int32_t static_shared_bytes;
    int32_t dynamic_shared_bytes;
    int32_t local_bytes_per_thread; /* spills and stack: 0 in every GEMM */
    double mean_us; /* own time over the timed steps so far, with this mask; negative: not known */
} moetop_launch;

/* One tile class of a GEMM's policy: the experts of certain row counts, and the tile that their
 * products are cut into. An expert belongs to the first class in order whose max_rows it does not
 * exceed. */
typedef struct moetop_tile_class {
    uint32_t struct_size;
    char letter[4];       /* names the class within its policy: one ASCII letter, terminated */
    int32_t max_rows;     /* of an expert; 0: no bound */
    int32_t tile_rows;    /* of the batch */
    int32_t row_step;     /* an expert's rows are computed as a multiple of this */
    int32_t tile_columns; /* of the output */
    int32_t stages;       /* of the pipeline through shared memory */
    int32_t cluster;      /* thread blocks */
    int32_t split_k;      /* parts that k is cut into; 1: it is not */
    int32_t warpgroups;   /* of a thread block that multiply */
    char name[64];        /* such as "256x32 swapped" */
} moetop_tile_class;

/* Everything a reference needs to check a step. All row-major, shapes as above. */
enum {
    MOETOP_TENSOR_INPUT = 0,        /* bf16 [T,H] of the routing that ran last */
    MOETOP_TENSOR_TOPK_IDS = 1,     /* int32 [T,k], same */
    MOETOP_TENSOR_TOPK_WEIGHTS = 2, /* f32 [T,k], same */
    MOETOP_TENSOR_W1 = 3,           /* e4m3 [E,2I,H] */
    MOETOP_TENSOR_W1_SCALE = 4,     /* f32 [E,2I/128,H/128] */
    MOETOP_TENSOR_W2 = 5,           /* e4m3 [E,H,I] */
    MOETOP_TENSOR_W2_SCALE = 6,     /* f32 [E,H/128,I/128] */
    MOETOP_TENSOR_OFFSETS = 7,      /* int32 [E+1], first row of each expert */
    MOETOP_TENSOR_ROW_SOURCE = 8,   /* int32 [R], row -> t*k+j that it came from */
    MOETOP_TENSOR_X = 9,            /* e4m3 [R,H], output of quant */
    MOETOP_TENSOR_X_SCALE = 10,     /* f32 [R,H/128] */
    MOETOP_TENSOR_UP = 11,          /* bf16 [R,2I] */
    MOETOP_TENSOR_ACT = 12,         /* e4m3 [R,I] */
    MOETOP_TENSOR_ACT_SCALE = 13,   /* f32 [R,I/128] */
    MOETOP_TENSOR_DOWN = 14,        /* bf16 [R,H] */
    MOETOP_TENSOR_OUTPUT = 15,      /* bf16 [T,H] */
    MOETOP_NUM_TENSORS = 16
};

/* The only call that may be made before the version is known. */
MOETOP_API uint32_t moetop_abi_version(void);

/* One line for people: what this provider is and how it was built. Never NULL. */
MOETOP_API const char* moetop_provider(void);

/* Why the calling thread's last call failed. Never NULL; valid until its next call. */
MOETOP_API const char* moetop_last_error(void);

MOETOP_API int32_t moetop_device_count(int32_t* count);
MOETOP_API int32_t moetop_get_device_info(int32_t device, moetop_device_info* info);

/* Checks a configuration and says what it would take, without touching the device's memory. */
MOETOP_API int32_t moetop_estimate_memory(const moetop_config* config, moetop_memory* memory);

/* Measures what the device reaches at best. It takes well under a second, about 1.2 GiB of memory
 * while it runs, and the device to itself: other work on it makes the figures too low. A provider
 * that cannot measure returns MOETOP_ERROR_UNSUPPORTED. */
MOETOP_API int32_t moetop_measure_ceilings(int32_t device, moetop_ceilings* out);

/* Allocates, makes weights and inputs, fills the ring with routing 0 (see set_routings) and
 * captures the graphs of all four masks. On failure nothing stays allocated and *engine is NULL. */
MOETOP_API int32_t moetop_create(const moetop_config* config, moetop_engine** engine);
MOETOP_API int32_t moetop_get_engine_info(const moetop_engine* engine, moetop_engine_info* info);

/* Read when a step is launched: the very next launch has it, and *first_step, unless that is NULL,
 * is the number of that step. Any thread. */
MOETOP_API int32_t moetop_set_es_mask(moetop_engine* engine, uint32_t mask, uint64_t* first_step);

/* The ring of routings: ids [num_routings,T,k] (the k of a token distinct, 0..E-1), weights the
 * same shape. Step s uses routing s mod num_routings. Waits for the steps in flight. */
MOETOP_API int32_t moetop_set_routings(moetop_engine* engine,
                                       const int32_t* topk_ids,
                                       const float* topk_weights);

/* Replaces the input of every routing, which create makes of random values: bf16 [T,H]. It is for
 * checks of rows that random data never has, such as zeros. Waits for the steps in flight. */
MOETOP_API int32_t moetop_set_input(moetop_engine* engine, const uint16_t* input);

/* Launches num_steps steps and returns when the last is launched; at most four are in flight. */
MOETOP_API int32_t moetop_run(moetop_engine* engine, int32_t num_steps);

/* Waits until every launched step has finished. */
MOETOP_API int32_t moetop_synchronize(moetop_engine* engine);

/* Copies the timings of finished steps, oldest first, each once, and never waits for the GPU. When
 * more than capacity are ready the rest stays for the next call. *dropped counts, since create, the
 * steps that finished without a timing (full buffers). */
MOETOP_API int32_t moetop_read_timings(moetop_engine* engine,
                                       moetop_step_timing* timings,
                                       int32_t capacity,
                                       int32_t* count,
                                       uint64_t* dropped);

/* Copies bytes of a tensor of the last finished step to the host. Waits for the steps in flight. */
MOETOP_API int32_t moetop_read_tensor(moetop_engine* engine,
                                      int32_t tensor,
                                      uint64_t offset_bytes,
                                      void* destination,
                                      uint64_t num_bytes);

/* Describes the launches of a step with this mask, in order. *count is their number, whatever the
 * capacity; launches may be NULL if capacity is 0. */
MOETOP_API int32_t moetop_describe_launches(moetop_engine* engine,
                                            uint32_t mask,
                                            moetop_launch* launches,
                                            int32_t capacity,
                                            int32_t* count);

/* The tile classes that a GEMM of this engine's workload is launched with, in the order in which an
 * expert is matched: stage is MOETOP_STAGE_UP or MOETOP_STAGE_DOWN, is_es 0 or 1. They are those
 * that the kernels use, read from the same table. *count is their number, whatever the capacity;
 * classes may be NULL if capacity is 0. A provider whose kernels have no such classes returns
 * MOETOP_ERROR_UNSUPPORTED. */
MOETOP_API int32_t moetop_describe_tiles(const moetop_engine* engine,
                                         int32_t stage,
                                         uint32_t is_es,
                                         moetop_tile_class* classes,
                                         int32_t capacity,
                                         int32_t* count);

/* Waits for the steps in flight and frees everything. NULL is fine. */
MOETOP_API int32_t moetop_destroy(moetop_engine* engine);

#ifdef __cplusplus
}
#endif

#endif /* MOETOP_H */
