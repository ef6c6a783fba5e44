#include "engine/device.h"

#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "common/error.h"

namespace moetop {
namespace {

// The kernels are compiled for sm_90a alone: wgmma does not run elsewhere, later GPUs included.
constexpr int kComputeMajor = 9;
constexpr int kComputeMinor = 0;

// The runtime has one error for a driver that is missing and one that is too old.
std::string unusable_reason(cudaError_t error) {
    int driver = 0;
    if (error != cudaErrorInsufficientDriver || cudaDriverGetVersion(&driver) != cudaSuccess) {
        return cudaGetErrorString(error);
    }
    if (driver == 0)
        return "no NVIDIA driver is loaded";
    const auto version = [](int number) {
        return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10);
    };
    return "the driver supports CUDA " + version(driver) + ", the library needs " +
           version(CUDART_VERSION);
}

void require_ordinal(int device) {
    int count = 0;
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) {
        (void)cudaGetLastError();
        throw Error(MOETOP_ERROR_DEVICE,
                    std::string("no usable NVIDIA GPU: ") + unusable_reason(error));
    }
    if (device >= 0 && device < count)
        return;
    const std::string allowed =
        count == 0 ? "there is no GPU" : "0 to " + std::to_string(count - 1) + ", the GPUs present";
    throw Error(MOETOP_ERROR_DEVICE,
                "device: " + std::to_string(device) + " is not allowed: " + allowed);
}

int attribute(cudaDeviceAttr which, int device) {
    int value = 0;
    MOETOP_CHECK_CUDA(cudaDeviceGetAttribute(&value, which, device));
    return value;
}

}  // namespace

int device_count() {
    int count = 0;
    if (cudaGetDeviceCount(&count) == cudaSuccess)
        return count;
    (void)cudaGetLastError();
    return 0;
}

void fill_device_info(int device, moetop_device_info* info) {
    require_ordinal(device);
    cudaDeviceProp properties = {};
    MOETOP_CHECK_CUDA(cudaGetDeviceProperties(&properties, device));
    const uint32_t struct_size = info->struct_size;
    *info = {};
    info->struct_size = struct_size;
    info->device = device;
    std::snprintf(info->name, sizeof(info->name), "%s", properties.name);
    static_assert(sizeof(info->uuid) == sizeof(properties.uuid.bytes), "a UUID is 16 bytes");
    std::memcpy(info->uuid, properties.uuid.bytes, sizeof(info->uuid));
    info->compute_major = properties.major;
    info->compute_minor = properties.minor;
    info->num_sms = properties.multiProcessorCount;
    info->l2_bytes = properties.l2CacheSize;
    MOETOP_CHECK_CUDA(cudaDriverGetVersion(&info->driver_version));
    MOETOP_CHECK_CUDA(cudaRuntimeGetVersion(&info->runtime_version));
    MOETOP_CHECK_CUDA(cudaSetDevice(device));
    size_t free_bytes = 0;
    size_t total_bytes = 0;
    MOETOP_CHECK_CUDA(cudaMemGetInfo(&free_bytes, &total_bytes));
    info->free_memory_bytes = free_bytes;
    info->total_memory_bytes = total_bytes;
}

DeviceShape require_device(int device) {
    require_ordinal(device);
    DeviceShape shape = {};
    shape.compute_major = attribute(cudaDevAttrComputeCapabilityMajor, device);
    shape.compute_minor = attribute(cudaDevAttrComputeCapabilityMinor, device);
    shape.num_sms = attribute(cudaDevAttrMultiProcessorCount, device);
    if (shape.compute_major == kComputeMajor && shape.compute_minor == kComputeMinor)
        return shape;
    throw Error(MOETOP_ERROR_DEVICE,
                "device: " + std::to_string(device) + " has compute capability " +
                    std::to_string(shape.compute_major) + "." +
                    std::to_string(shape.compute_minor) +
                    "; the kernels need 9.0 (Hopper: H100, H200, H800, H20, GH200)");
}

}  // namespace moetop
