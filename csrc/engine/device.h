// What the engine needs to know of a GPU. Nothing here decides by a device's name.
#pragma once

#include "moetop.h"

namespace moetop {

// 0 where there is no GPU or no driver, which is not an error.
int device_count();

// Fills all but struct_size. Throws Error(MOETOP_ERROR_DEVICE) if there is no such device.
void fill_device_info(int device, moetop_device_info* info);

struct DeviceShape {
    int compute_major;
    int compute_minor;
    int num_sms;
};

// Creates no context and touches no device memory. Throws Error(MOETOP_ERROR_DEVICE) if there is no
// such device or it is not one that the kernels are built for.
DeviceShape require_device(int device);

}  // namespace moetop
