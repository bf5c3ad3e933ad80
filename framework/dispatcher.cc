#include "listenrain/framework/dispatcher.h"

#include <algorithm>
#include <utility>

#include "listenrain/framework/guarded.h"
#include "listenrain/framework/mutex.h"
#include "listenrain/framework/shard.h"

namespace rain {
namespace {

constexpr size_t kKeptBatches = 16;  // more are made while executors are slow, and end with their tasks

}  // namespace

// A turn's deliveries, from which the executor's tasks pull.
class Dispatcher::Batch final : public RefCounted {
 public:
  bool idle() const { return !is_shared(); }

  void Fill(std::vector<Delivery>& deliveries, size_t tasks) {
    MutexLock lock(mutex_);
    items_.swap(deliveries);
    next_ = 0;
    tasks_ = tasks;
  }

  void RunAll() {
    for (Delivery delivery; Pull(delivery);) delivery.Run();
  }

  // One task is over. With the last one, what nobody ran is cancelled.
  void TaskOver() {
    std::vector<Delivery> unrun;
    {
      MutexLock lock(mutex_);
      if (--tasks_ > 0) return;
      unrun.swap(items_);
      if (next_ == unrun.size()) {  // all were pulled: keep the memory
        unrun.clear();
        items_.swap(unrun);
      }
    }
  }

 private:
  bool Pull(Delivery& delivery) {
    MutexLock lock(mutex_);
    if (next_ == items_.size()) return false;
    delivery = std::move(items_[next_++]);
    return true;
  }

  Mutex mutex_;
  std::vector<Delivery> items_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t tasks_ ABSL_GUARDED_BY(mutex_) = 0;
};

struct Dispatcher::BatchTask {
  explicit BatchTask(Ref<Batch> of) : batch(std::move(of)) {}
  BatchTask(BatchTask&&) noexcept = default;
  BatchTask(const BatchTask&) = delete;
  ~BatchTask() {
    if (batch) batch->TaskOver();
  }
  void operator()() && { batch->RunAll(); }
  Ref<Batch> batch;
};

Dispatcher::Dispatcher(Shard& shard, std::shared_ptr<const ProtocolParts> protocol)
    : traffic(*protocol->packet_codec, shard.buffers(),
              {protocol->limits.max_packet_bytes, protocol->traits.header_bytes, protocol->traits.payload_alignment}),
      shard_(shard),
      protocol_(std::move(protocol)),
      inline_(protocol_->executor->concurrency() == 0) {}

Dispatcher::~Dispatcher() = default;

void Dispatcher::Deliver(Delivery delivery) {
  waiting_.push_back(std::move(delivery));
  shard_.loop().AtTurnEnd(*this);
}

Ref<Dispatcher::Batch> Dispatcher::FreeBatch() {
  for (const Ref<Batch>& batch : batches_) {
    if (batch->idle()) return batch;
  }
  Ref<Batch> fresh = MakeRef<Batch>();
  if (batches_.size() < kKeptBatches) batches_.push_back(fresh);
  return fresh;
}

void Dispatcher::Flush() {
  if (waiting_.empty()) return;
  const Ref<Shard> alive = Ref<Shard>::Share(&shard_);  // the last delivery may be the last to hold the shard
  if (inline_) {
    std::vector<Delivery> now;
    now.swap(waiting_);
    for (Delivery& delivery : now) delivery.Run();
    now.clear();
    if (waiting_.empty()) waiting_.swap(now);
    return;
  }
  const size_t tasks = std::min(waiting_.size(), static_cast<size_t>(protocol_->executor->concurrency()));
  const Ref<Batch> batch = FreeBatch();
  batch->Fill(waiting_, tasks);
  for (size_t i = 0; i < tasks; ++i) GuardedAndLogged("the executor", [&] { protocol_->executor->Run(BatchTask(batch)); });
}

}  // namespace rain
