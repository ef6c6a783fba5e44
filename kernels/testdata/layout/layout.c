/* Prints what the compiler makes of moetop.h: the version, every struct's size and every field's
 * offset and size, for the test that compares the Go structs with them. */
#include <stddef.h>
#include <stdio.h>

#include "moetop.h"

#define SIZE(type) printf("%s %zu\n", #type, sizeof(type))
#define FIELD(type, field) \
    printf("%s.%s %zu %zu\n", #type, #field, offsetof(type, field), sizeof(((type*)0)->field))

static void device_info(void) {
    SIZE(moetop_device_info);
    FIELD(moetop_device_info, struct_size);
    FIELD(moetop_device_info, device);
    FIELD(moetop_device_info, name);
    FIELD(moetop_device_info, uuid);
    FIELD(moetop_device_info, compute_major);
    FIELD(moetop_device_info, compute_minor);
    FIELD(moetop_device_info, num_sms);
    FIELD(moetop_device_info, l2_bytes);
    FIELD(moetop_device_info, driver_version);
    FIELD(moetop_device_info, runtime_version);
    FIELD(moetop_device_info, total_memory_bytes);
    FIELD(moetop_device_info, free_memory_bytes);
}

static void config(void) {
    SIZE(moetop_config);
    FIELD(moetop_config, struct_size);
    FIELD(moetop_config, device);
    FIELD(moetop_config, experts);
    FIELD(moetop_config, top_k);
    FIELD(moetop_config, hidden);
    FIELD(moetop_config, intermediate);
    FIELD(moetop_config, tokens);
    FIELD(moetop_config, num_routings);
    FIELD(moetop_config, kernels);
    FIELD(moetop_config, timer);
    FIELD(moetop_config, es_launch);
    FIELD(moetop_config, reserved);
    FIELD(moetop_config, seed);
}

static void engine(void) {
    SIZE(moetop_memory);
    FIELD(moetop_memory, struct_size);
    FIELD(moetop_memory, reserved);
    FIELD(moetop_memory, weights_bytes);
    FIELD(moetop_memory, activations_bytes);
    FIELD(moetop_memory, workspace_bytes);
    SIZE(moetop_ceilings);
    FIELD(moetop_ceilings, struct_size);
    FIELD(moetop_ceilings, reserved);
    FIELD(moetop_ceilings, read_bytes_per_s);
    FIELD(moetop_ceilings, l2_read_bytes_per_s);
    FIELD(moetop_ceilings, fp8_flops_per_s);
    FIELD(moetop_ceilings, sm_clock_mhz);
    FIELD(moetop_ceilings, kernel_us);
    FIELD(moetop_ceilings, spread_percent);
    FIELD(moetop_ceilings, written_bytes);
    FIELD(moetop_ceilings, write_cost_us);
    SIZE(moetop_engine_info);
    FIELD(moetop_engine_info, struct_size);
    FIELD(moetop_engine_info, kernels);
    FIELD(moetop_engine_info, timer);
    FIELD(moetop_engine_info, es_launch);
    FIELD(moetop_engine_info, memory);
    FIELD(moetop_engine_info, timer_reason);
}

static void step(void) {
    SIZE(moetop_step_timing);
    FIELD(moetop_step_timing, step);
    FIELD(moetop_step_timing, start_ns);
    FIELD(moetop_step_timing, es_mask);
    FIELD(moetop_step_timing, routing);
    FIELD(moetop_step_timing, stage_us);
    FIELD(moetop_step_timing, gap_us);
    FIELD(moetop_step_timing, step_us);
    FIELD(moetop_step_timing, launch_gap_us);
    FIELD(moetop_step_timing, reserved);
    SIZE(moetop_launch);
    FIELD(moetop_launch, struct_size);
    FIELD(moetop_launch, stage);
    FIELD(moetop_launch, name);
    FIELD(moetop_launch, grid);
    FIELD(moetop_launch, block);
    FIELD(moetop_launch, registers_per_thread);
    FIELD(moetop_launch, static_shared_bytes);
    FIELD(moetop_launch, dynamic_shared_bytes);
    FIELD(moetop_launch, local_bytes_per_thread);
    FIELD(moetop_launch, mean_us);
}

static void tile_class(void) {
    SIZE(moetop_tile_class);
    FIELD(moetop_tile_class, struct_size);
    FIELD(moetop_tile_class, letter);
    FIELD(moetop_tile_class, max_rows);
    FIELD(moetop_tile_class, tile_rows);
    FIELD(moetop_tile_class, row_step);
    FIELD(moetop_tile_class, tile_columns);
    FIELD(moetop_tile_class, stages);
    FIELD(moetop_tile_class, cluster);
    FIELD(moetop_tile_class, split_k);
    FIELD(moetop_tile_class, warpgroups);
    FIELD(moetop_tile_class, name);
}

int main(void) {
    printf("version %u\n", MOETOP_ABI_VERSION);
    printf("stages %d\ntensors %d\nmasks %d\n",
           MOETOP_NUM_STAGES,
           MOETOP_NUM_TENSORS,
           MOETOP_NUM_ES_MASKS);
    device_info();
    config();
    engine();
    step();
    tile_class();
    return 0;
}
