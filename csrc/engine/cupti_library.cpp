#include "engine/cupti_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <vector>

#include "common/error.h"

namespace moetop {
namespace {

// Records are read by the layout in the headers, which changes with the major version only.
constexpr uint32_t kVersionsPerMajor = 10000;
constexpr uint32_t kMajor = CUPTI_API_VERSION / kVersionsPerMajor;

const char* const kNames[] = {"libcupti.so.13", "libcupti.so"};

void append_folder(std::vector<std::string>& paths, const std::string& folder) {
    for (const char* name : kNames) {
        paths.push_back(folder + "/" + name);
    }
}

void append_toolkit(std::vector<std::string>& paths, const char* root) {
    if (root == nullptr || root[0] != '/')
        return;
    for (const char* folder :
         {"/lib64", "/extras/CUPTI/lib64", "/targets/x86_64-linux/lib", "/lib"}) {
        append_folder(paths, std::string(root) + folder);
    }
}

std::vector<std::string> candidates() {
    const char* const chosen = std::getenv("MOETOP_CUPTI");
    if (chosen != nullptr && chosen[0] != '\0')
        return {chosen};
    std::vector<std::string> paths;
#ifdef MOETOP_CUPTI_DIR
    append_folder(paths, MOETOP_CUPTI_DIR);
#endif
    for (const char* name : kNames) {
        paths.emplace_back(name);
    }
    append_toolkit(paths, std::getenv("CUDA_HOME"));
    append_toolkit(paths, std::getenv("CUDA_PATH"));
    append_toolkit(paths, "/usr/local/cuda");
    return paths;
}

template <typename Function>
bool find(void* library, const char* name, Function* function) {
    *function = reinterpret_cast<Function>(dlsym(library, name));
    return *function != nullptr;
}

// Fills the table, or returns why this library will not do.
std::string bind(void* library, CuptiLibrary* cupti) {
    if (!find(library, "cuptiGetVersion", &cupti->get_version))
        return "has no cuptiGetVersion";
    uint32_t version = 0;
    if (cupti->get_version(&version) != CUPTI_SUCCESS)
        return "cuptiGetVersion failed";
    if (version / kVersionsPerMajor != kMajor) {
        return "is version " + std::to_string(version) + ", built for " +
               std::to_string(CUPTI_API_VERSION);
    }
    const bool has_all =
        find(library, "cuptiGetResultString", &cupti->result_string) &&
        find(library, "cuptiSubscribe", &cupti->subscribe) &&
        find(library, "cuptiUnsubscribe", &cupti->unsubscribe) &&
        find(library, "cuptiEnableCallback", &cupti->enable_callback) &&
        find(library, "cuptiActivityRegisterCallbacks", &cupti->register_callbacks) &&
        find(library, "cuptiActivityEnable", &cupti->enable) &&
        find(library, "cuptiActivityDisable", &cupti->disable) &&
        find(library, "cuptiActivityFlushAll", &cupti->flush_all) &&
        find(library, "cuptiActivityFlushPeriod", &cupti->flush_period) &&
        find(library, "cuptiActivityGetNextRecord", &cupti->next_record);
    return has_all ? "" : "lacks a function of version " + std::to_string(version);
}

}  // namespace

void CuptiLibrary::check(CUptiResult result, const char* what) const {
    if (result == CUPTI_SUCCESS)
        return;
    const char* text = nullptr;
    if (result_string(result, &text) != CUPTI_SUCCESS || text == nullptr)
        text = "unknown error";
    throw Error(MOETOP_ERROR_UNSUPPORTED, std::string(what) + ": " + text);
}

CuptiLibrary load_cupti() {
    std::string reason;
    for (const std::string& path : candidates()) {
        void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr)
            continue;
        CuptiLibrary cupti = {};
        const std::string problem = bind(library, &cupti);
        if (problem.empty()) {
            cupti.path = path;
            return cupti;
        }
        if (reason.empty())
            reason = path + " " + problem;
        (void)dlclose(library);
    }
    if (reason.empty())
        reason = "libcupti.so.13 was not found; set MOETOP_CUPTI to its path";
    throw Error(MOETOP_ERROR_UNSUPPORTED, reason);
}

}  // namespace moetop
