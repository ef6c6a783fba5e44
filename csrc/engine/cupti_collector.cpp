#include "engine/cupti_collector.h"

#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <new>

#include "common/error.h"

namespace moetop {
namespace {

// CUPTI hands a buffer back when it is full, so that its size decides how late records are. It is
// fitted to the rate of launches: half a buffer is filled in kShortNs to kLongNs or so. Every
// buffer has room for the largest size.
constexpr size_t kMinBufferSize = 8 << 10;
constexpr size_t kMaxBufferSize = 256 << 10;
constexpr uint64_t kShortNs = 10'000'000;
constexpr uint64_t kLongNs = 40'000'000;

// Beyond this CUPTI gets no buffer and drops records, which the assembler counts: records are
// consumed as they come, so that only a stalled process gets here.
constexpr size_t kMaxBuffers = 64;

// How often CUPTI's own thread looks for full buffers.
constexpr uint32_t kFlushPeriodMs = 20;

struct Callback {
    CUpti_CallbackDomain domain;
    CUpti_CallbackId id;
};
constexpr Callback kGraphLaunches[] = {
    {CUPTI_CB_DOMAIN_RUNTIME_API, CUPTI_RUNTIME_TRACE_CBID_cudaGraphLaunch_v10000},
    {CUPTI_CB_DOMAIN_RUNTIME_API, CUPTI_RUNTIME_TRACE_CBID_cudaGraphLaunch_ptsz_v10000},
    {CUPTI_CB_DOMAIN_DRIVER_API, CUPTI_DRIVER_TRACE_CBID_cuGraphLaunch},
    {CUPTI_CB_DOMAIN_DRIVER_API, CUPTI_DRIVER_TRACE_CBID_cuGraphLaunch_ptsz},
};

thread_local CuptiCollector::LaunchScope* current_scope = nullptr;

uint64_t now_ns() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

// CUPTI keeps pointers to our callbacks for the life of the process, so this library must stay
// mapped even if its user closes it.
void pin_own_library(const void* own_address) {
    Dl_info info = {};
    if (dladdr(own_address, &info) == 0 || info.dli_fname == nullptr)
        return;
    (void)dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace

CuptiCollector::LaunchScope::LaunchScope(OnLaunch on_launch, void* user)
    : on_launch_(on_launch), user_(user) {
    current_scope = this;
}

CuptiCollector::LaunchScope::~LaunchScope() {
    current_scope = nullptr;
}

CuptiCollector& CuptiCollector::instance() {
    // Never destroyed: CUPTI's threads may call back while the process ends.
    static CuptiCollector* const collector = new CuptiCollector;
    return *collector;
}

void CuptiCollector::attach(Sink* sink) {
    const std::lock_guard<std::mutex> lifecycle(lifecycle_);
    if (num_attached_ == 0)
        enable();
    ++num_attached_;
    const std::lock_guard<std::mutex> lock(records_);
    sinks_.push_back(sink);
}

void CuptiCollector::detach(Sink* sink) noexcept {
    const std::lock_guard<std::mutex> lifecycle(lifecycle_);
    {
        const std::lock_guard<std::mutex> lock(records_);
        const auto found = std::find(sinks_.begin(), sinks_.end(), sink);
        if (found == sinks_.end())
            return;
        sinks_.erase(found);
    }
    --num_attached_;
    if (num_attached_ == 0)
        disable();
}

void CuptiCollector::flush(bool is_forced) {
    cupti_->check(cupti_->flush_all(is_forced ? CUPTI_ACTIVITY_FLAG_FLUSH_FORCED : 0),
                  "cuptiActivityFlushAll");
}

void CuptiCollector::enable() {
    if (cupti_ == nullptr) {
        cupti_ = std::make_unique<CuptiLibrary>(load_cupti());
        pin_own_library(reinterpret_cast<const void*>(&CuptiCollector::on_api_call));
    }
    // First, since it is what fails when another tool has the process already.
    cupti_->check(cupti_->subscribe(&subscriber_, &CuptiCollector::on_api_call, nullptr),
                  "cuptiSubscribe");
    try {
        buffer_size_ = kMinBufferSize;
        set_callbacks(true);
        cupti_->check(cupti_->register_callbacks(&CuptiCollector::on_buffer_requested,
                                                 &CuptiCollector::on_buffer_completed),
                      "cuptiActivityRegisterCallbacks");
        cupti_->check(cupti_->flush_period(kFlushPeriodMs), "cuptiActivityFlushPeriod");
        cupti_->check(cupti_->enable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL), "cuptiActivityEnable");
    } catch (...) {
        (void)cupti_->unsubscribe(subscriber_);
        throw;
    }
}

// The forced flush makes CUPTI give back every buffer, which the next enable() takes from the pool.
void CuptiCollector::disable() noexcept {
    (void)cupti_->disable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL);
    (void)cupti_->flush_all(CUPTI_ACTIVITY_FLAG_FLUSH_FORCED);
    (void)cupti_->flush_period(0);
    (void)cupti_->unsubscribe(subscriber_);
    subscriber_ = nullptr;
}

void CuptiCollector::set_callbacks(bool is_enabled) {
    for (const Callback& callback : kGraphLaunches) {
        cupti_->check(
            cupti_->enable_callback(is_enabled ? 1 : 0, subscriber_, callback.domain, callback.id),
            "cuptiEnableCallback");
    }
}

void CUPTIAPI CuptiCollector::on_api_call(void* /*user*/,
                                          CUpti_CallbackDomain /*domain*/,
                                          CUpti_CallbackId /*id*/,
                                          const void* data) {
    const auto* call = static_cast<const CUpti_CallbackData*>(data);
    if (current_scope == nullptr || call->callbackSite != CUPTI_API_ENTER)
        return;
    current_scope->on_launch_(current_scope->user_, call->correlationId);
}

void CUPTIAPI CuptiCollector::on_buffer_requested(uint8_t** buffer,
                                                  size_t* size,
                                                  size_t* max_records) {
    *max_records = 0;  // as many as fit
    *buffer = instance().take_buffer(size);
}

void CUPTIAPI CuptiCollector::on_buffer_completed(CUcontext /*context*/,
                                                  uint32_t /*stream*/,
                                                  uint8_t* buffer,
                                                  size_t /*size*/,
                                                  size_t valid_size) {
    if (buffer != nullptr)
        instance().deliver(buffer, valid_size);
}

uint8_t* CuptiCollector::take_buffer(size_t* size) {
    const std::lock_guard<std::mutex> lock(pool_);
    const uint64_t now = now_ns();
    if (now - last_request_ns_ < kShortNs) {
        buffer_size_ = std::min(buffer_size_ * 2, kMaxBufferSize);
    } else if (now - last_request_ns_ > kLongNs) {
        buffer_size_ = std::max(buffer_size_ / 2, kMinBufferSize);
    }
    last_request_ns_ = now;
    *size = 0;
    if (free_buffers_.empty()) {
        if (buffers_.size() == kMaxBuffers)
            return nullptr;
        std::unique_ptr<uint8_t[]> buffer(new (std::nothrow) uint8_t[kMaxBufferSize]);
        if (buffer == nullptr)
            return nullptr;
        buffers_.push_back(std::move(buffer));
        free_buffers_.push_back(buffers_.back().get());
    }
    uint8_t* const buffer = free_buffers_.back();
    free_buffers_.pop_back();
    *size = buffer_size_;
    return buffer;
}

void CuptiCollector::deliver(uint8_t* buffer, size_t valid_size) {
    // No exception may reach CUPTI: without memory the records are lost, which the assembler
    // counts.
    try {
        dispatch(buffer, valid_size);
    } catch (const std::bad_alloc&) {
    }
    const std::lock_guard<std::mutex> lock(pool_);
    free_buffers_.push_back(buffer);
}

void CuptiCollector::dispatch(uint8_t* buffer, size_t valid_size) {
    const std::lock_guard<std::mutex> lock(records_);
    batch_.clear();
    CUpti_Activity* record = nullptr;
    while (valid_size > 0 && cupti_->next_record(buffer, valid_size, &record) == CUPTI_SUCCESS) {
        if (record->kind != CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL)
            continue;
        const auto* kernel = reinterpret_cast<const CUpti_ActivityKernel10*>(record);
        batch_.push_back(
            {kernel->start, kernel->end, kernel->correlationId, hash_of(kernel->name)});
    }
    for (Sink* sink : sinks_) {
        sink->add_records(batch_);
    }
}

// Names are shared by all records of a kernel, so that the pointer stands for the text.
uint64_t CuptiCollector::hash_of(const char* name) {
    if (name == nullptr)
        return 0;
    const auto found = hashes_.find(name);
    if (found != hashes_.end())
        return found->second;
    return hashes_[name] = hash_name(name);
}

}  // namespace moetop
