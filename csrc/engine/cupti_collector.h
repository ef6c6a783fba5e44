// The process's one subscription to CUPTI: it hands kernel records and the correlation ids of graph
// launches to those who attached.
//
// CUPTI knows one client a process, and its buffer callbacks carry no user data; so this is the one
// object of the library that the whole process shares. Collecting begins with the first sink and
// ends with the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/cupti_library.h"
#include "engine/step_assembler.h"

namespace moetop {

class CuptiCollector {
  public:
    class Sink {
      public:
        // Called on CUPTI's threads, or within flush() on the caller's.
        virtual void add_records(const std::vector<KernelRecord>& records) = 0;

      protected:
        ~Sink() = default;
    };

    // While one exists, the correlation ids of graph launches on this thread go to on_launch:
    // before the launch is made, and more than once if the runtime's and the driver's ids differ.
    class LaunchScope {
      public:
        using OnLaunch = void (*)(void* user, uint32_t correlation);
        LaunchScope(OnLaunch on_launch, void* user);
        ~LaunchScope();
        LaunchScope(const LaunchScope&) = delete;
        LaunchScope& operator=(const LaunchScope&) = delete;

      private:
        friend class CuptiCollector;
        OnLaunch on_launch_;
        void* user_;
    };

    static CuptiCollector& instance();

    // Throws Error(MOETOP_ERROR_UNSUPPORTED) with the reason if CUPTI cannot be used.
    void attach(Sink* sink);
    // The sink gets nothing any more once this has returned.
    void detach(Sink* sink) noexcept;

    // Delivers the buffers whose records are complete; forced: all of them, and records of kernels
    // that still run are lost. Must not be called with a lock that a sink takes.
    void flush(bool is_forced);

  private:
    CuptiCollector() = default;

    void enable();
    void disable() noexcept;
    void set_callbacks(bool is_enabled);

    static void CUPTIAPI on_api_call(void* user,
                                     CUpti_CallbackDomain domain,
                                     CUpti_CallbackId id,
                                     const void* data);
    static void CUPTIAPI on_buffer_requested(uint8_t** buffer, size_t* size, size_t* max_records);
    static void CUPTIAPI on_buffer_completed(
        CUcontext context, uint32_t stream, uint8_t* buffer, size_t size, size_t valid_size);

    uint8_t* take_buffer(size_t* size);
    void deliver(uint8_t* buffer, size_t valid_size);
    void dispatch(uint8_t* buffer, size_t valid_size);
    uint64_t hash_of(const char* name);

    std::mutex lifecycle_;  // attach and detach; taken before records_
    std::unique_ptr<CuptiLibrary> cupti_;
    CUpti_SubscriberHandle subscriber_ = nullptr;
    size_t num_attached_ = 0;

    std::mutex records_;
    std::vector<Sink*> sinks_;
    std::vector<KernelRecord> batch_;
    std::unordered_map<const char*, uint64_t> hashes_;

    std::mutex pool_;
    std::vector<std::unique_ptr<uint8_t[]>> buffers_;
    std::vector<uint8_t*> free_buffers_;
    size_t buffer_size_ = 0;
    uint64_t last_request_ns_ = 0;
};

}  // namespace moetop
