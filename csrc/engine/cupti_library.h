// libcupti, opened at run time: the engine works without it, and says why it did.
#pragma once

#include <cupti.h>

#include <string>

namespace moetop {

// The calls that the engine uses.
struct CuptiLibrary {
    std::string path;
    decltype(&cuptiGetVersion) get_version;
    decltype(&cuptiGetResultString) result_string;
    decltype(&cuptiSubscribe) subscribe;
    decltype(&cuptiUnsubscribe) unsubscribe;
    decltype(&cuptiEnableCallback) enable_callback;
    decltype(&cuptiActivityRegisterCallbacks) register_callbacks;
    decltype(&cuptiActivityEnable) enable;
    decltype(&cuptiActivityDisable) disable;
    decltype(&cuptiActivityFlushAll) flush_all;
    decltype(&cuptiActivityFlushPeriod) flush_period;
    decltype(&cuptiActivityGetNextRecord) next_record;

    // Throws Error(MOETOP_ERROR_UNSUPPORTED) naming the call.
    void check(CUptiResult result, const char* what) const;
};

// Tries, in this order: the file that MOETOP_CUPTI names, and then no other; the folder that the
// build names (MOETOP_CUPTI_DIR); the loader's own path; CUDA_HOME and CUDA_PATH; /usr/local/cuda.
// The first whose major version is that of the headers is taken and stays loaded. Throws
// Error(MOETOP_ERROR_UNSUPPORTED) that says why none would do.
CuptiLibrary load_cupti();

}  // namespace moetop
